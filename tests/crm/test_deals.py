from typing import Any

import pytest
from crm.speaking import Hurried, Scripted, crm_over, mapping_with, said

from bridge.crm.deals import MOST_READ
from bridge.errors import CrmBroken
from bridge.model import Client
from bridge.transport import Answer

ONE_BY_ONE = {
    "get": "/people/{client.id}", "records": "deals[].id",
    "then": {"get": "/deals/{item}", "records": "[@][?!closed]"}, "deal": {"id": "id", "title": "title"},
}  # fmt: skip


def crm(*script: Answer | Exception, **deals: Any) -> tuple[Scripted, Any]:
    other = Scripted(*script)
    return other, crm_over(other, mapping_with(open_deals={**ONE_BY_ONE, **deals}), clock=Hurried())


async def titles(target: Any) -> list[Any]:
    return [deal["title"] for deal in await target.open_deals(Client(id="1"), {}, [])]


async def test_each_deal_of_a_list_of_ids_is_read_and_the_closed_ones_passed_over() -> None:
    other, target = crm(
        said({"deals": [{"id": 5}, {"id": 6}]}), said({"id": 5, "title": "A", "closed": True}), said({"id": 6, "title": "B"})
    )

    assert await titles(target) == ["B"]
    assert [request.url.rpartition("/api")[2] for request in other.asked] == ["/people/1", "/deals/5", "/deals/6"]


async def test_a_deal_that_was_deleted_in_between_is_passed_over() -> None:
    _, target = crm(said({"deals": [{"id": 5}, {"id": 6}]}), said({}, 404), said({"id": 6, "title": "B"}))

    assert await titles(target) == ["B"]


async def test_a_deal_that_cannot_be_read_is_no_deal_that_is_not_there() -> None:
    _, target = crm(said({"deals": [{"id": 5}]}), said({}, 500), said({}, 500), said({}, 500))

    with pytest.raises(CrmBroken):
        await titles(target)


async def test_a_client_without_deals_causes_no_further_request() -> None:
    other, target = crm(said({"deals": []}))

    assert await titles(target) == []
    assert len(other.asked) == 1


async def test_of_very_many_deals_so_many_are_read() -> None:
    many = [{"id": number} for number in range(MOST_READ + 5)]
    _, target = crm(said({"deals": many}), *(said({"id": one["id"], "title": "A"}) for one in many[:MOST_READ]))

    assert len(await titles(target)) == MOST_READ


async def test_without_a_second_request_the_list_itself_holds_the_deals() -> None:
    _, target = crm(said({"deals": [{"id": 5, "title": "A"}, {"title": "no id"}]}), records="deals", then=None)

    assert await titles(target) == ["A"]
