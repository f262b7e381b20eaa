"""`chat2crm forget` and `export`, on a store that a service left behind."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from place import Place
from store_materials import claim, end, finish_chat, plan_of

from bridge.model import JobState, OperationKind, OperationState
from bridge.store import Store

PHONE = "+79161234567"


async def written(store: Store) -> None:
    """A chat that became a new client and a note, and one of somebody else."""
    await finish_chat(store, datetime.now(UTC), "1", "мой номер 8 916 123-45-67")
    await finish_chat(store, datetime.now(UTC), "2", "мой номер 8 916 999-99-99", visitor_id="v2")
    for job in await claim(store):
        if job.chat_id == "1":
            rows = await store.record_plan(job, plan_of(OperationKind.CREATE, OperationKind.NOTE))
            for row, record in zip(rows, ("17", "83"), strict=True):
                sent = await store.record_sent(row, epoch=job.epoch, pending=[("phone", PHONE)] if record == "17" else ())
                await store.settle(sent, OperationState.DONE, record_id=record, entity="client", message_keys=("m1",))
        await end(store, job, JobState.DONE, "new")


@pytest.fixture
def left(place: Place) -> Place:
    place.on_store(written)
    return place


def test_forgetting_says_what_there_is_and_what_the_crm_still_holds(left: Place) -> None:
    done = left.run("forget", "--phone", "8 916 123-45-67", "--yes")

    assert done.exit_code == 0, done.output
    assert "1 chat(s), 1 delivery(ies)" in done.stdout
    assert "http://127.0.0.1:9/clients/17" in done.stdout
    assert "note 83" in done.stdout
    assert "Backups made before still hold it" in done.stdout
    again = left.run("forget", "--phone", PHONE, "--yes")
    assert "Nothing is kept of this person." in again.stdout
    assert left.json("forget", "--phone", "+7 916 999-99-99", "--dry-run", "--json")["chats"] == 1


def test_a_dry_run_changes_nothing(left: Place) -> None:
    first = left.json("forget", "--phone", PHONE, "--dry-run", "--json")
    assert first == left.json("forget", "--phone", PHONE, "--dry-run", "--json")
    assert (first["erased"], first["chats"]) == (False, 1)
    assert first["in_the_crm"] == [{
        "target": "sales", "id": "17", "url": "http://127.0.0.1:9/clients/17",
        "records": [{"kind": "create", "id": "17", "certain": True}, {"kind": "note", "id": "83", "certain": True}],
    }]  # fmt: skip


def test_nothing_is_erased_unasked(left: Place) -> None:
    done = left.run("forget", "--phone", PHONE)
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert left.json("forget", "--phone", PHONE, "--dry-run", "--json")["chats"] == 1


def test_while_it_is_being_written_nothing_is_erased_and_that_is_said(place: Place) -> None:
    async def running(store: Store) -> None:
        await finish_chat(store, datetime.now(UTC), "1", "мой номер 8 916 123-45-67")
        await store.claim(owner="w", lease=60.0, room={"sales": 1})

    # beside a service that works on it: what is opened as a service would take the lease for a dead one's
    place.on_store(running)
    done = place.run("forget", "--phone", PHONE, "--yes")

    assert done.exit_code == 1
    assert "Nothing was erased: job 1 is being written just now" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ((), "Say who"),
        (("--phone", "123"), "country code"),
        (("--email", "ivan"), "whole address"),
        (("--email", "a@b@c"), "whole"),
    ],
)
def test_who_is_meant_must_be_said_whole(left: Place, arguments: tuple[str, ...], remedy: str) -> None:
    for command in (("forget", "--yes"), ("export", str(left.folder / "x.json"))):
        done = left.run(command[0], *arguments, *command[1:])
        assert (done.exit_code, remedy in done.output) == (2, True), done.output


def test_what_is_handed_out_is_for_one_pair_of_eyes(left: Place, tmp_path: Path) -> None:
    file = tmp_path / "ivan.json"

    done = left.run("export", "--phone", PHONE, str(file))

    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    out: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert [chat["messages"][0]["text"] for chat in out["chats"]] == ["мой номер 8 916 123-45-67"]
    assert out["cards"][0]["url"] == "http://127.0.0.1:9/clients/17"
    assert left.run("export", "--phone", PHONE, str(file)).exit_code == 2  # never written over
    nobody = left.run("export", "--phone", "+7 916 000-00-00", str(tmp_path / "nobody.json"))
    assert (nobody.exit_code, (tmp_path / "nobody.json").exists()) == (1, False)


def test_both_stand_in_the_list_of_who_did_what_without_the_number(left: Place, tmp_path: Path) -> None:
    left.run("export", "--phone", PHONE, str(tmp_path / "ivan.json"))
    left.run("forget", "--phone", PHONE, "--yes")

    rows = left.json("audit", "--json")

    assert [row["what"] for row in rows] == ["erased", "exported"]
    assert rows[0]["about"] == rows[1]["about"]  # the same person, by a mark
    assert all(row["who"].startswith("cli:") for row in rows)
    assert "9161234567" not in json.dumps(rows)
    assert [row["what"] for row in left.json("audit", "--what", "exported", "--json")] == ["exported"]
    shown = left.run("audit").stdout
    assert "erased a person's data" in shown
