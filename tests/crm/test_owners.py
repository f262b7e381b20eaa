from typing import Any

import pytest
from crm.speaking import Hurried, Scripted, crm_over, mapping_with, said

from bridge.errors import AccessRefused
from bridge.transport import Answer

OWNER = {"get": "/users", "query": {"email": "{email}"}, "records": "items", "email": "mail", "id": "id", "cache": "10 min"}


def crm(*script: Answer | Exception, clock: Hurried | None = None, **owner: Any) -> tuple[Scripted, Any]:
    other = Scripted(*script)
    return other, crm_over(other, mapping_with(owner={**OWNER, **owner}), clock=clock or Hurried())


async def test_an_operator_is_found_by_e_mail_in_any_case_and_others_are_not() -> None:
    _, target = crm(said({"items": [{"id": 1, "mail": "anna2@example.com"}, {"id": 2, "mail": "Anna@Example.com"}]}))

    assert await target.find_owner("ANNA@example.com") == "2"


async def test_the_answer_is_remembered_for_a_while_also_if_there_is_none() -> None:
    clock = Hurried()
    other, target = crm(said({"items": []}), said({"items": [{"id": 3, "mail": "a@b.c"}]}), clock=clock)

    assert await target.find_owner("a@b.c") is None
    assert await target.find_owner("A@B.C ") is None
    assert len(other.asked) == 1
    await clock.sleep(601)
    assert await target.find_owner("a@b.c") == "3"
    assert len(other.asked) == 2


async def test_a_key_that_may_not_list_users_keeps_no_chat_from_its_card() -> None:
    _, target = crm(said({}, 403))

    assert await target.find_owner("a@b.c") is None


async def test_a_mapping_may_insist_on_the_owner() -> None:
    _, target = crm(said({}, 403), on_error="fail")

    with pytest.raises(AccessRefused):
        await target.find_owner("a@b.c")


@pytest.mark.parametrize("email", ["", " "])
async def test_without_an_e_mail_nobody_is_asked(email: str) -> None:
    other, target = crm()

    assert await target.find_owner(email) is None
    assert other.asked == []


async def test_a_crm_whose_users_are_not_mapped_has_no_owners() -> None:
    assert await crm_over(Scripted(), mapping_with()).find_owner("a@b.c") is None
