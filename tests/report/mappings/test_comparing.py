from __future__ import annotations

import json
from pathlib import Path

from desk import Desk

from bridge.mapping.load import Loaded, load
from bridge.report.mappings.comparing import compared


def body(chat_id: str = "c-9") -> bytes:
    chat = {"id": chat_id, "visitor": {"name": "Анна"}, "messages": [{"from": "visitor", "text": "+7 916 123-45-67"}]}
    return json.dumps({"type": "chat.finished", "data": chat}).encode()


OVERLAY = "mapping_language: 1\nextends: generic\ntitle: Ours\nfields:\n  visitor.name: id\n"


def ours(folder: Path, text: str = OVERLAY) -> Loaded:
    path = folder / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    return load("provider", path)


async def test_deliveries_that_would_be_read_otherwise_are_listed_with_what_changes(desk: Desk, tmp_path: Path) -> None:
    await desk.receive(body(), key="one")
    await desk.receive(body("Анна"), key="same by chance")
    found = await compared(desk.store.reading(), load("provider", "generic"), ours(tmp_path), desk.deps.sources.values())
    assert found.read == 2
    [changed] = found.changed
    assert changed.delivery == 1
    assert [(one.expected, one.actual) for one in changed.differences] == [("Анна", "c-9")]
    assert "fields.visitor.name" in {change.key for change in found.keys}


async def test_the_same_mapping_changes_nothing(desk: Desk) -> None:
    await desk.receive(body(), key="one")
    await desk.receive(b"no json at all", key="odd")
    same = load("provider", "generic")
    found = await compared(desk.store.reading(), same, same, desk.deps.sources.values())
    assert (found.read, found.changed, found.keys) == (2, [], [])


async def test_only_the_newest_are_read_and_none_that_is_emptied(desk: Desk, tmp_path: Path) -> None:
    for number in range(5):
        await desk.receive(body(f"c-{number}"), key=str(number))
    found = await compared(desk.store.reading(), load("provider", "generic"), ours(tmp_path), desk.deps.sources.values(), 2)
    assert (found.read, [one.delivery for one in found.changed]) == (2, [5, 4])


async def test_mappings_of_crms_are_compared_by_their_keys(desk: Desk) -> None:
    found = await compared(desk.store.reading(), load("crm", "sandbox"), load("crm", "espocrm"), desk.deps.sources.values())
    assert found.read == 0
    assert found.keys
