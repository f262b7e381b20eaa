from typing import Any

import pytest
from crm.speaking import Hurried, Routed, crm_over, mapping_with
from httpx import Response

from bridge.errors import AccessRefused

OWNER = {"get": "/users", "query": {"email": "{email}"}, "records": "items", "email": "mail", "id": "id", "cache": "10 min"}


def crm(*answers: Response, clock: Hurried | None = None, **owner: Any) -> tuple[Routed, Any]:
    """A target whose CRM answers a search for `a@b.c` (in any case), each time with the next of these."""
    other = Routed()
    other.routes.get("/users", params={"email": "a@b.c"}).mock(side_effect=list(answers))
    return other, crm_over(other, mapping_with(owner={**OWNER, **owner}), clock=clock or Hurried())


def users(*found: Any) -> Response:
    return Response(200, json={"items": list(found)})


async def test_an_operator_is_found_by_e_mail_in_any_case_and_others_are_not() -> None:
    _, target = crm(users({"id": 1, "mail": "a2@b.c"}, {"id": 2, "mail": "A@B.c"}))

    assert await target.find_owner("A@b.C ") == "2"


async def test_the_answer_is_remembered_for_a_while_also_if_there_is_none() -> None:
    clock = Hurried()
    other, target = crm(users(), users({"id": 3, "mail": "a@b.c"}), clock=clock)

    assert await target.find_owner("a@b.c") is None
    assert await target.find_owner("A@B.C ") is None
    assert len(other.routes.calls) == 1
    await clock.sleep(601)
    assert await target.find_owner("a@b.c") == "3"
    assert len(other.routes.calls) == 2


async def test_a_key_that_may_not_list_users_keeps_no_chat_from_its_card() -> None:
    _, target = crm(Response(403, json={}))

    assert await target.find_owner("a@b.c") is None


async def test_a_mapping_may_insist_on_the_owner() -> None:
    _, target = crm(Response(403, json={}), on_error="fail")

    with pytest.raises(AccessRefused):
        await target.find_owner("a@b.c")


@pytest.mark.parametrize("email", ["", " "])
async def test_without_an_e_mail_nobody_is_asked(email: str) -> None:
    other, target = crm()

    assert await target.find_owner(email) is None
    assert not other.routes.calls


async def test_a_crm_whose_users_are_not_mapped_has_no_owners() -> None:
    other = Routed()

    assert await crm_over(other, mapping_with()).find_owner("a@b.c") is None
    assert not other.routes.calls
