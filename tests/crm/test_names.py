from typing import Any

import pytest
from crm.speaking import Hurried, Scripted, crm_over, mapping_with, said

from bridge.errors import CrmBroken, Rejected
from bridge.model import Operation, OperationKind, Step
from bridge.transport import Answer

LISTS = {
    "pipeline": {"get": "/pipelines", "records": "items", "id": "id", "name": "title", "cache": "10 min"},
    "stage": {"get": "/stages", "records": "items", "id": "id", "name": "title", "of": "pipeline"},
}
DEAL = {
    "post": "/deals", "id": "id",
    "json": {"pipeline": "{deal.pipeline}", "stage": "{deal.stage}", "source": "{deal.source}"},
}  # fmt: skip
PIPELINES = said({"items": [{"id": 1, "title": "Retail"}, {"id": 2, "title": "Whole  sale"}]})
STAGES = said({"items": [{"id": 10, "title": "New", "pipeline": 1}, {"id": 20, "title": "New", "pipeline": 2},
                         {"id": "won", "title": "Won", "pipeline": 2}]})  # fmt: skip
MADE = said({"id": 7})


def crm(*script: Answer | Exception, clock: Hurried | None = None, **lists: Any) -> tuple[Scripted, Any]:
    other = Scripted(*script)
    return other, crm_over(other, mapping_with(deal=DEAL, names=lists or LISTS), clock=clock or Hurried())


async def write(target: Any, **deal: Any) -> str:
    steps: list[Step] = []
    operation = Operation(kind=OperationKind.DEAL, marker="c2c-aaaaaaaaaaaaaaaa", scope={"deal": deal})
    done: str = await target.perform(operation, {"client": {"id": "1"}}, steps)
    return done


async def test_names_become_ids_and_a_stage_is_one_of_its_pipeline() -> None:
    other, target = crm(PIPELINES, STAGES, MADE)

    assert await write(target, pipeline=" whole sale", stage="NEW", source="Chat") == "7"
    assert other.asked[-1].body == b'{"pipeline":"2","stage":"20","source":"Chat"}'


async def test_digits_are_an_id_and_nothing_is_asked() -> None:
    other, target = crm(MADE)

    await write(target, pipeline="2", stage=20)

    assert other.asked[-1].body == b'{"pipeline":"2","stage":20}'
    assert len(other.asked) == 1


async def test_an_id_of_letters_is_taken_as_it_stands_in_the_list() -> None:
    other, target = crm(STAGES, MADE)

    await write(target, stage="won")

    assert other.asked[-1].body == b'{"stage":"won"}'


async def test_without_a_name_nothing_is_asked() -> None:
    other, target = crm(MADE)

    await write(target, pipeline=None, stage="")

    assert len(other.asked) == 1


async def test_a_name_that_is_not_there_is_refused_with_those_that_are_and_nothing_is_written() -> None:
    other, target = crm(STAGES)

    with pytest.raises(Rejected, match=r"no stage «Old»; there are: «New», «Won»"):
        await write(target, pipeline="2", stage="Old")
    assert len(other.asked) == 1


async def test_a_list_is_remembered_for_a_while() -> None:
    clock = Hurried()
    other, target = crm(PIPELINES, MADE, MADE, PIPELINES, MADE, clock=clock)

    await write(target, pipeline="Retail")
    await write(target, pipeline="Retail")
    assert len(other.asked) == 3
    await clock.sleep(601)
    await write(target, pipeline="Retail")
    assert len(other.asked) == 5


async def test_a_list_that_needs_what_is_not_given_says_what_to_do() -> None:
    other, target = crm(stage={**LISTS["stage"], "get": "/pipelines/{deal.pipeline}/stages"})

    with pytest.raises(Rejected, match=r"Give the stage by its id, or the pipeline as well"):
        await write(target, stage="New")
    assert other.asked == []


async def test_a_list_that_cannot_be_had_is_an_error_of_the_crm_and_no_deal_is_written() -> None:
    other, target = crm(said({}, 500), said({}, 500), said({}, 500))

    with pytest.raises(CrmBroken):
        await write(target, pipeline="Retail")
    assert {request.url.rpartition("/")[2] for request in other.asked} == {"pipelines"}
