from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.sandbox.entities import DEAL, NOTE, TASK
from bridge.sandbox.evidence import overwritten, traces

HAD = {
    "id": 7, "name": "Anna", "company": None, "phones": json.dumps(["+7 916 1", "+7 495 2"]), "emails": json.dumps(["a@x.y"]),
    "custom": json.dumps({"city": "Omsk", "empty": ""}),
}  # fmt: skip
MARKER = "c2c-" + "a" * 16


@pytest.mark.parametrize(
    ("new", "lost"),
    [
        ({"name": "Olga"}, [("name", "Anna", "Olga")]),
        ({"name": "Anna", "company": "Acme"}, []),
        ({"name": None}, [("name", "Anna", None)]),
        ({"phones": ["79161"]}, [("phones", "+7 495 2", None)]),
        ({"phones": ["79161", "74952"], "emails": ["A@X.y", "b@x.y"]}, []),
        ({"custom": {"city": "Omsk", "empty": "filled", "more": 1}}, []),
        ({"custom": {"city": "Tomsk"}}, [("custom.city", '"Omsk"', '"Tomsk"')]),
        ({"custom": {}}, [("custom.city", '"Omsk"', "null")]),
    ],
)
def test_what_was_filled_and_is_not_any_more_is_lost(new: dict[str, Any], lost: list[tuple[str, str, str | None]]) -> None:
    assert overwritten(HAD, new, 5.0) == [(7, *one, 5.0) for one in lost]


def values(**more: Any) -> dict[str, Any]:
    return {"text": "chat", "title": None, "marker": None, "external_id": None, "code": None, "custom": {}, **more}


def test_a_record_tells_its_operation_by_the_marker_wherever_that_stands() -> None:
    for more in ({"text": f"chat\n{MARKER}"}, {"marker": MARKER}, {"external_id": MARKER}, {"custom": {"note": MARKER}}):
        assert traces(NOTE, values(**more))["operation_marker"] == MARKER, more
    assert traces(NOTE, values())["operation_marker"] is None


def test_notes_of_one_text_are_alike_and_deals_only_without_a_marker() -> None:
    assert traces(NOTE, values(marker=MARKER))["likeness"] == traces(NOTE, values())["likeness"]
    assert traces(NOTE, values(text="other"))["likeness"] != traces(NOTE, values())["likeness"]
    assert traces(DEAL, values(title="Chat", marker=MARKER))["likeness"] is None
    assert traces(TASK, values())["likeness"] is not None
