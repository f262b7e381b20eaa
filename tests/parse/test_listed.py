from datetime import UTC, datetime

import pytest
from parse_materials import SOURCE, mapping

from bridge.parse import decode, listed, understand

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
LIST = {"get": "/chats", "event": "end"}


def test_a_record_is_read_as_the_event_that_reconcile_names() -> None:
    provider = mapping(at="e", events={"end": {"as": "chat_finished"}, "*": {"skip": "other"}}, reconcile=LIST, split="items")
    got = understand(listed({"id": 7}, provider, source="shop", at=AT), provider, SOURCE)
    assert [event.chat.chat_id for event in got.events] == ["7"]


@pytest.mark.parametrize("body", ["json", "form", "nested_form", {"kind": "form_json", "payload": "data"}])
def test_a_record_is_the_same_whatever_the_providers_deliveries_are_written_in(body: object) -> None:
    provider = mapping(body=body, charset="windows-1251", reconcile={**LIST, "event": "*"}, events={"*": {"as": "chat_finished"}})
    assert decode(listed({"id": 7, "имя": "Анна ☎"}, provider, source="shop", at=AT), provider) == {"id": 7, "имя": "Анна ☎"}


def test_the_same_record_has_the_same_key_and_another_has_not() -> None:
    provider = mapping(reconcile={**LIST, "event": "*"}, events={"*": {"as": "chat_finished"}})
    keys = [listed(record, provider, source="shop", at=AT).dedupe_key
            for record in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3})]  # fmt: skip
    assert keys[0] == keys[1] != keys[2]
    assert all(key.startswith("listed/") for key in keys)


def test_what_a_mapping_conceals_is_not_kept() -> None:
    provider = mapping(conceal="pass", reconcile={**LIST, "event": "*"}, events={"*": {"as": "chat_finished"}})
    assert b"hunter2" not in listed({"pass": "hunter2"}, provider, source="shop", at=AT).body
