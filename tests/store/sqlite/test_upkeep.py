from __future__ import annotations

import time
from pathlib import Path

import pytest
from fakes import FakeClock
from store_materials import delivery, finish_chat

from bridge.errors import StoreError
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite.upkeep import backup, restore


async def test_a_backup_is_made_while_the_store_is_in_use_and_restored(tmp_path: Path, clock: FakeClock) -> None:
    path, copy = tmp_path / "x.db", tmp_path / "backup.db"
    store = SqliteStore(path, clock=clock)
    await store.open()
    await finish_chat(store, clock.now(), "7", "before")
    seen: list[tuple[int, int]] = []
    backup(path, copy, lambda done, total: seen.append((done, total)))
    await finish_chat(store, clock.now(), "8", "after")
    born = store.born_at
    await store.close()

    restore(copy, path)

    again = SqliteStore(path, clock=clock)
    await again.open()
    assert await again.chat_of("shop", "7") is not None
    assert await again.chat_of("shop", "8") is None
    # a chat service whose clock is ahead may say that a chat ended after this moment
    assert again.born_at > max(born, time.time() + 600)
    await again.close()
    assert seen[-1][0] == seen[-1][1]
    assert (tmp_path / "x.db.before-restore").exists()


async def test_an_older_backup_is_not_written_over(tmp_path: Path, clock: FakeClock) -> None:
    store = SqliteStore(tmp_path / "x.db", clock=clock)
    await store.open()
    (tmp_path / "b.db").write_text("mine")

    with pytest.raises(StoreError, match="is there already"):
        backup(tmp_path / "x.db", tmp_path / "b.db")

    assert (tmp_path / "b.db").read_text() == "mine"
    await store.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\x00" + b"\x00" * 4096])
async def test_what_is_no_backup_is_refused_and_nothing_is_changed(tmp_path: Path, clock: FakeClock, content: bytes) -> None:
    path = tmp_path / "x.db"
    store = SqliteStore(path, clock=clock)
    await store.open()
    await store.accept(delivery("k", at=clock.now()))
    await store.close()
    (tmp_path / "b.db").write_bytes(content)

    with pytest.raises(StoreError, match=r"no backup of a store|no store of chat2crm"):
        restore(tmp_path / "b.db", path)

    await store.open()
    assert [one.dedupe_key for one in await store.received(5)] == ["k"]
    await store.close()
    assert sorted(one.name for one in list_files(tmp_path)) == ["b.db", "x.db", "x.db.lock"]


def list_files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_a_backup_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file"):
        restore(tmp_path / "b.db", tmp_path / "x.db")
