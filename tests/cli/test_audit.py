from __future__ import annotations

from datetime import UTC, datetime

from place import Place
from store_materials import claim, end, finish_chat

from bridge.cli.auditing import who
from bridge.model import JobState
from bridge.store import AUDITED, Store


def test_what_commands_do_stands_in_the_list(place: Place) -> None:
    async def make(store: Store) -> None:
        for number in "123":
            await finish_chat(store, datetime.now(UTC), number)
        for job in await claim(store):
            await end(store, job, JobState.HELD, "ambiguous")

    place.on_store(make)
    assert "Nobody has done any of it yet." in place.run("audit").stdout
    place.run("replay", "1")
    place.run("replay", "1", "--again", "--yes")
    place.run("skip", "2")

    rows = place.json("audit", "--json")

    assert [(row["what"], row["about"]) for row in rows] == [
        ("skipped", "job 2"),
        ("written_again", "job 1"),
        ("replayed", "job 1"),
    ]
    assert {row["who"] for row in rows} == {who()}
    assert [row["id"] for row in place.json("audit", "--limit", "1", "--before", str(rows[0]["id"]), "--json")] == [rows[1]["id"]]


def test_every_kind_of_doing_can_be_asked_for(place: Place) -> None:
    place.on_store(_nothing)
    for what in AUDITED:
        assert place.json("audit", "--what", what, "--json") == []


async def _nothing(store: Store) -> None:
    """The store is made."""
