from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from sqlite_utils import Database, Migrations

from bridge.errors import StoreError
from bridge.store import sqlite as engine
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite.migrations import bring_up_to_date, migrations


def test_a_migration_that_breaks_off_leaves_no_half_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(tmp_path / "x.db") as db:
        db.execute("CREATE TABLE jobs (x)")  # in the way of the first migration

        with pytest.raises(Exception, match="jobs"):
            bring_up_to_date(db)

        assert "deliveries" not in db.table_names()


@pytest.fixture
def db() -> Iterator[Database]:
    with Database(memory=True) as made:
        yield made


def test_applying_twice_changes_nothing(db: Database) -> None:
    bring_up_to_date(db)
    before = db.schema
    bring_up_to_date(db)

    assert db.schema == before


def test_of_deals_that_are_open_at_the_upgrade_it_is_known_for_whom(db: Database) -> None:
    """Of a client that was found by the plan, of one that the job has made by its id."""
    before = Migrations("chat2crm")
    for migration in migrations.pending(db):
        if migration.name < "m0007":
            before(name=migration.name)(migration.fn)
    before.apply(db)
    db.execute(
        "INSERT INTO chats (id, source, chat_id, revision, kind, channel, updated_at, chat) "
        "VALUES (1, 's', 'c', 1, 'k', '', 0, '')"
    )
    scopes: list[dict[str, Any]] = [{"client": {"id": "7", "entity": "lead"}}, {"client": None, "entity": "contact"}]
    for job, scope in enumerate(scopes, start=1):
        plan = json.dumps({"operations": [{"kind": "create"}, {"kind": "deal", "scope": scope}]})
        db.execute(
            "INSERT INTO jobs (id, chat, source, chat_id, kind, target, revision, state, created_at, updated_at, next_at, plan) "
            "VALUES (?, 1, 's', 'c', 'k', 't', 1, 'held', 0, 0, 0, ?)", [job, plan],
        )  # fmt: skip
        made = [(0, "create", "done", "9"), (1, "deal", "sent", "")]
        for position, kind, state, record in made[2 - job:]:
            db.execute(
                "INSERT INTO operations (job, chat, target, position, kind, part, generation, marker, state, record_id) "
                "VALUES (?, 1, 't', ?, ?, 1, 0, 'm', ?, ?)", [job, position, kind, state, record],
            )  # fmt: skip

    bring_up_to_date(db)

    deals = db.execute("SELECT client FROM operations WHERE kind = 'deal' ORDER BY job").fetchall()
    assert [deal[0] for deal in deals] == ["lead:7", "contact:9"]


async def test_a_store_of_a_newer_version_is_refused_with_the_way_back(tmp_path: Path, clock: FakeClock) -> None:
    store = SqliteStore(tmp_path / "x.db", clock=clock)
    await store.open()
    await store.close()
    db = Database(tmp_path / "x.db")
    db["_sqlite_migrations"].insert({"migration_set": "chat2crm", "name": "m0999_future", "applied_at": "2030"})
    db.close()

    with pytest.raises(StoreError, match=r"newer version.*m0999_future.*restore a backup"):
        await SqliteStore(tmp_path / "x.db", clock=clock).open()


async def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "x.db"
    store = SqliteStore(path, clock=clock)
    await store.open()
    await store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\x5a" * 8192 + whole[12288:])

    with pytest.raises(StoreError, match=r"damaged.*Put a backup in its place"):
        await SqliteStore(path, clock=clock).open()


class Large(sqlite3.Connection):
    """A file so large that looking through it ends only when it is broken off."""

    broken_off: threading.Event

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
        if "quick_check" in sql:
            assert self.broken_off.wait(60), "nobody broke it off"
            error = sqlite3.OperationalError("interrupted")
            error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
            raise error
        return super().execute(sql, *parameters)

    def interrupt(self) -> None:
        self.broken_off.set()


async def test_a_large_file_is_looked_through_for_a_moment_only(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        kind = sqlite3.Connection if read_only else Large
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=kind)
        made.row_factory = sqlite3.Row
        if isinstance(made, Large):
            made.broken_off = threading.Event()
        return made

    monkeypatch.setattr(engine, "connect", connect)
    monkeypatch.setattr(engine, "LOOK_THROUGH", 0.001)
    store = SqliteStore(tmp_path / "x.db", clock=clock)

    await store.open()

    assert await store.stops() == {}
    await store.close()


async def test_a_command_beside_no_service_says_that_there_is_no_store(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(StoreError, match="there is no store yet"):
        await SqliteStore(tmp_path / "x.db", clock=clock, service=False).open()


async def test_a_command_may_write_beside_the_service(tmp_path: Path, clock: FakeClock) -> None:
    service = SqliteStore(tmp_path / "x.db", clock=clock)
    await service.open()
    command = SqliteStore(tmp_path / "x.db", clock=clock, service=False)
    await command.open()

    assert await command.raise_alert("cause", "text")

    assert await service.open_alerts() == {"cause": "text"}
    await command.close()
    await service.close()
