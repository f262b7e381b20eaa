from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from place import Place

from bridge.model import Delivery
from bridge.store import Store

CHAT = {"id": "c-9", "visitor": {"name": "Anna"}, "messages": [{"from": "visitor", "text": "Hi"}]}
BODY = json.dumps({"type": "chat.finished", "data": CHAT}).encode()


@pytest.fixture
def overlay(place: Place, tmp_path: Path) -> Path:
    """A changed mapping, and one delivery that it reads otherwise."""
    path = tmp_path / "ours.yaml"
    path.write_text("mapping_language: 1\nextends: generic\ntitle: Ours\nfields:\n  visitor.name: id\n", encoding="utf-8")

    async def receive(store: Store) -> None:
        await store.accept(Delivery(source="own", dedupe_key="1", received_at=datetime.now(UTC), body=BODY))

    place.on_store(receive)
    return path


def test_what_would_be_read_otherwise_is_printed(place: Place, overlay: Path) -> None:
    done = place.run("diff", "generic", str(overlay))
    assert done.exit_code == 0, done.output
    assert "Delivery 1 of own" in done.output
    assert "becomes c-9" in done.output
    assert "1 of 1 deliveries would be read otherwise." in done.output


def test_scripts_get_the_same_as_json(place: Place, overlay: Path) -> None:
    found = place.json("diff", "generic", str(overlay), "--json")
    assert found["read"] == 1
    assert found["changed"][0]["differences"][0]["actual"] == "c-9"


def test_a_source_of_another_mapping_can_be_read_with_it(place: Place, overlay: Path) -> None:
    assert place.json("diff", "generic", str(overlay), "--source", "shop", "--json")["read"] == 0
    done = place.run("diff", "generic", str(overlay), "--source", "nobody")
    assert done.exit_code == 2
    assert "there are: own, shop" in done.stderr


def test_mappings_of_crms_are_compared_by_their_keys(place: Place, overlay: Path) -> None:
    done = place.run("diff", "sandbox", "espocrm")
    assert done.exit_code == 0, done.output
    assert "title" in done.output


@pytest.mark.parametrize("names", [("generic", "nothing"), ("nothing", "generic"), ("generic", "espocrm")])
def test_what_is_no_mapping_or_one_of_another_kind_is_named(place: Place, overlay: Path, names: tuple[str, str]) -> None:
    done = place.run("diff", *names)
    assert done.exit_code == 2
    assert "nothing" in done.stderr or "espocrm" in done.stderr
