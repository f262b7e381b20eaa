from __future__ import annotations

from typing import Any

import pytest
from crm.speaking import Scripted, crm_over, mapping_with, said

from bridge.crm.decipher import Said
from bridge.crm.listed import records_in, require_list
from bridge.errors import CrmBroken
from bridge.mapping.language.expressions import Expression
from bridge.transport import Answer


@pytest.mark.parametrize("data", [{}, {"error": "index is being rebuilt"}, {"success": False}])
async def test_an_answer_without_a_list_is_not_taken_for_nobody(data: Any) -> None:
    with pytest.raises(CrmBroken, match=r"holds no list \(items is missing\)"):
        require_list(Said(said(data)), Expression("items"), "find")
    crm = crm_over(Scripted(*[said(data)] * 3), mapping_with())
    with pytest.raises(CrmBroken):
        await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=[])


@pytest.mark.parametrize(
    ("data", "expression"),
    [({"items": []}, "items"), ({"items": None}, "items"), ({"data": {}}, "data.items"), ([], "items"), ({"a": 1}, "@"),
     ({"a": 1}, "status")],
)  # fmt: skip
def test_an_empty_list_however_it_is_written_is_nobody(data: Any, expression: str) -> None:
    require_list(Said(said(data)), Expression(expression), "find")


@pytest.mark.parametrize("expression", ["items", "@", None])
@pytest.mark.parametrize("body", [b"", b" \n"])
async def test_a_success_with_nothing_in_it_is_not_taken_for_nobody(body: bytes, expression: str | None) -> None:
    with pytest.raises(CrmBroken, match="answered 200 with nothing in it"):
        require_list(Said(Answer(200, body=body)), Expression(expression) if expression else None, "find")
    crm = crm_over(Scripted(*[Answer(200, body=body)] * 3), mapping_with())
    with pytest.raises(CrmBroken):
        await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=[])


def test_a_mapping_whose_crm_means_nobody_by_it_says_so() -> None:
    empty = Said(Answer(200))
    require_list(empty, Expression("status && items"), "find")
    assert records_in(empty, Expression("status && items")) == []
    assert records_in(Said(said({"items": [{"id": 1}]})), Expression("status && items")) == [{"id": 1}]


def test_no_answer_at_all_is_nobody() -> None:
    require_list(Said(Answer(204)), Expression("items"), "find")
    assert records_in(Said(Answer(204)), Expression("items")) == []
