from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeClock
from sqlite_utils import Database

from bridge.errors import StoreError
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
