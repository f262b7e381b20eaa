from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fakes import FakeClock
from sqlite_utils import Database

from bridge.errors import StoreError
from bridge.store import sqlite as engine
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite.migrations import bring_up_to_date


def test_a_migration_that_breaks_off_leaves_no_half_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Database(tmp_path / "x.db")
    db.execute("CREATE TABLE jobs (x)")  # in the way of the first migration

    with pytest.raises(Exception, match="jobs"):
        bring_up_to_date(db)

    assert "deliveries" not in db.table_names()


def test_applying_twice_changes_nothing() -> None:
    db = Database(memory=True)
    bring_up_to_date(db)
    before = db.schema
    bring_up_to_date(db)

    assert db.schema == before


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


async def test_a_large_file_is_looked_through_for_a_moment_only(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    store = SqliteStore(path, clock=clock)
    await store.open()
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE large (x BLOB)")
        db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
                   "INSERT INTO large SELECT randomblob(3000) FROM n")
        db.commit()
    monkeypatch.setattr(engine, "LOOK_THROUGH", 0.0)
    with path.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)  # what would be found at the very end of looking
        file.write(b"\x5a" * 4096)

    await store.open()

    assert await store.next_due() is None, "what is asked later is not broken off"
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
