from __future__ import annotations

from typing import Any

import pytest
from crm.speaking import Scripted, crm_over, mapping_with, said

from bridge.crm.decipher import Said
from bridge.crm.listed import records_in, require_list
from bridge.errors import CrmBroken
from bridge.mapping.expressions import Expression
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


def test_no_answer_at_all_is_nobody() -> None:
    require_list(Said(Answer(204)), Expression("items"), "find")
    assert records_in(Said(Answer(204)), Expression("items")) == []
