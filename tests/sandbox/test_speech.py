from __future__ import annotations

import json

import pytest

from bridge.sandbox.entities import CLIENT, NOTE
from bridge.sandbox.records import Records
from bridge.sandbox.refusals import BadRequest, Duplicate, Merged, Unfit
from bridge.sandbox.speech import changed_fields, filled_form, parsed, refused


def told(refusal: Exception) -> dict[str, object]:
    response = refused(refusal)  # type: ignore[arg-type]
    assert isinstance(response.body, bytes)
    return {"status": response.status, **json.loads(response.body)}


def test_refusals_bear_what_a_caller_can_act_on() -> None:
    assert told(Merged(1, 2)) == {
        "status": 410,
        "error": "merged",
        "message": "client 1 was merged into client 2; use that one",
        "merged_into": "2",
    }
    assert told(Duplicate("note", "external_id", 5))["existing_id"] == "5"
    assert told(Duplicate("note", "code", 5)) == {
        "status": 409,
        "error": "duplicate",
        "message": "Duplicate found. Existing ID: 5",
    }
    assert told(Unfit("a: b", {"a": "b"}))["fields"] == {"a": "b"}


def test_a_fault_in_json_is_told_with_its_place() -> None:
    with pytest.raises(BadRequest, match=r"line 1 column 7"):
        parsed(b'{"a": }')


def test_an_update_gives_back_the_given_fields_only() -> None:
    records = Records()
    row = records.create(CLIENT, filled_form(CLIENT, {"name": "A", "phones": ["+79161234567"], "custom": {"a": 1}}))
    assert changed_fields(CLIENT, row, {"company": "C", "emails": []}) == {"company": "C", "emails": []}
    note = records.create(NOTE, filled_form(NOTE, {"client_id": 1, "text": "x", "at": "2026-11-20T10:00:00+03:00"}))
    assert changed_fields(NOTE, note, {"text": "y"}) == {"text": "y"}
    with pytest.raises(Unfit, match="text: "):
        changed_fields(NOTE, note, {"text": None})
    records.close()
