"""From a file into a real database: every row arrives, once, however often it is broken off."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from fakes import FakeClock
from psycopg.rows import tuple_row
from store_materials import claim, delivery, end, finish_chat

from bridge.errors import StoreError
from bridge.model import JobState
from bridge.store import moving, open_store
from bridge.store.moving import TABLES, copy
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite.upkeep import backup, restore

NOT_COPIED = {
    "facts": "what is known of a store itself is its own, but for when it was made",
    "migrations": "each kind of database has its own", "_sqlite_migrations": "as above",
    "chats_text": "made anew: each kind of database has its own index of words",
    "locks": "nobody works on it", "guards": "as above", "agreements": "how fast targets were called a while ago",
}  # fmt: skip
OUR_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'chats_text_%'"
THEIR_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
THEIR_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "old.db"


async def filled(file: Path, clock: FakeClock, chats: int = 7) -> SqliteStore:
    store = SqliteStore(file, clock=clock)
    await store.open()
    for number in range(chats):
        await finish_chat(store, clock.now(), f"c{number}", "Добрый день, a NUL: \0, an emoji: 🙏🏽", f"and {number}")
    await store.remember("sales", [("phone", "+79161234567")], "77", "contact")
    await store.raise_alert("cause", "text")
    await store.record_position("list", "17")
    await store.save_token("sales", b"\x00\xffsealed", expires_at=None, replaces=None)
    [job] = await claim(store, 1)
    await end(store, job, JobState.DONE, "created")
    return store


def in_file(file: Path, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute(sql).fetchall()


def in_database(url: str, sql: str) -> list[Any]:
    with psycopg.connect(url, row_factory=tuple_row) as db:
        return db.execute(sql).fetchall()


async def test_a_chat_that_was_on_its_way_is_worked_on_in_the_new_store(file: Path, clock: FakeClock, postgres_url: str) -> None:
    old = await filled(file, clock)
    taken = await claim(old, 2)
    await old.close()

    copied = {one.table: one.rows for one in copy(file, postgres_url)}

    assert copied["chats"] == 7
    assert copied["tokens"] == copied["alerts"] == copied["positions"] == copied["identities"] == 1
    new = open_store(postgres_url, clock=clock)
    await new.open()
    assert new.born_at == old.born_at
    again = {job.id: job.epoch for job in await claim(new, 10)}
    assert len(again) == 6, "one was done; those that the old service had are taken up again"
    assert all(again[job.id] > job.epoch for job in taken)
    [known] = await new.identities("sales", [("phone", "+79161234567")])
    assert (known.client_id, known.entity) == ("77", "contact")
    token = await new.token("sales")
    assert token is not None
    assert token.sealed == b"\x00\xffsealed"
    accepted = await new.accept(delivery("another", at=clock.now()))
    assert accepted.id > max(id_ for (id_,) in in_file(file, "SELECT id FROM deliveries")), "numbers go on"
    while await new.index_older(10):
        pass
    await new.close()


async def test_every_table_is_copied_or_there_is_a_reason_and_its_columns_are_the_same(
    file: Path, clock: FakeClock, postgres_url: str
) -> None:
    await (await filled(file, clock)).close()
    ours = {name for (name,) in in_file(file, OUR_TABLES)}
    theirs = {name for (name,) in in_database(postgres_url, THEIR_TABLES)}
    assert ours | theirs <= set(TABLES) | set(NOT_COPIED), (ours | theirs) - set(TABLES) - set(NOT_COPIED)
    for table in TABLES:
        there = {row[1] for row in in_file(file, f"PRAGMA table_info({table})")}
        here = {name for (name,) in in_database(postgres_url, THEIR_COLUMNS.format(table=table))}
        assert there == here, table


def broken_off_after(slices: int) -> Callable[[str, int, int], None]:
    left = slices

    def tell(_table: str, through: int, _total: int) -> None:
        nonlocal left
        left -= bool(through)
        if left < 0:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize("slices", [0, 1, 5, 9, 14])
async def test_a_copy_that_was_broken_off_goes_on_where_it_was(
    file: Path, clock: FakeClock, postgres_url: str, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "SLICE", 2)
    await (await filled(file, clock)).close()
    with pytest.raises(KeyboardInterrupt):
        copy(file, postgres_url, tell=broken_off_after(slices))
    there = in_database(postgres_url, "SELECT count(*) FROM deliveries")[0][0]
    new = open_store(postgres_url, clock=clock)
    with pytest.raises(StoreError, match="the copy is not whole"):
        await new.open()

    told: dict[str, int] = {}

    def tell(table: str, through: int, _total: int) -> None:
        told.setdefault(table, through)

    copied = copy(file, postgres_url, tell=tell)

    assert told["deliveries"] == there, "it goes on with what is not there yet"
    assert {one.table: one.rows for one in copied} == {table: len(in_file(file, f"SELECT 1 FROM {table}")) for table in TABLES}
    await new.open()
    await new.close()


async def test_a_store_that_was_changed_meanwhile_is_noticed_and_copied_anew(
    file: Path, clock: FakeClock, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "SLICE", 2)
    await (await filled(file, clock)).close()
    with pytest.raises(KeyboardInterrupt):
        copy(file, postgres_url, tell=broken_off_after(12))
    store = SqliteStore(file, clock=clock)
    await store.open()
    for job in await claim(store, 10):
        await end(store, job, JobState.DONE, "created")
    await store.close()

    with pytest.raises(StoreError, match="Begin anew: the same command with --again"):
        copy(file, postgres_url)
    copy(file, postgres_url, again=True)

    assert in_database(postgres_url, "SELECT count(*) FROM jobs WHERE state = 'done'") == [(7,)]


async def test_no_service_starts_on_a_file_that_has_moved_but_after_it_was_put_back(
    file: Path, tmp_path: Path, clock: FakeClock, postgres_url: str
) -> None:
    old = await filled(file, clock)
    await old.close()
    copy(file, postgres_url)

    with pytest.raises(StoreError, match=r"was moved .* into 127.0.0.1:\d+/.*`store:`.*store restore back.db") as refused:
        await old.open()
    assert urlsplit(postgres_url).path in str(refused.value)
    beside = SqliteStore(file, clock=clock, service=False)
    await beside.open()  # what is in it may be looked at
    assert len(await beside.reading().jobs()) == 7
    await beside.close()

    # the way back that the message names
    backup(file, tmp_path / "back.db")
    restore(tmp_path / "back.db", file)
    await old.open()
    assert old.born_at > time.time(), "what the database has written since is looked for"
    await old.close()


async def test_a_copy_that_was_broken_off_leaves_the_old_store_in_use(file: Path, clock: FakeClock, postgres_url: str) -> None:
    old = await filled(file, clock)
    await old.close()
    with pytest.raises(KeyboardInterrupt):
        copy(file, postgres_url, tell=broken_off_after(2))
    await old.open()
    await old.close()


async def test_a_store_is_never_poured_into_another(file: Path, clock: FakeClock, postgres_url: str) -> None:
    await (await filled(file, clock)).close()
    new = open_store(postgres_url, clock=clock)
    await new.open()
    await new.accept(delivery("mine", at=clock.now()))
    await new.close()
    for again in (False, True):
        with pytest.raises(StoreError, match="There is a store in the database already, with rows in deliveries"):
            copy(file, postgres_url, again=again)
    assert in_database(postgres_url, "SELECT dedupe_key FROM deliveries") == [("mine",)]


async def test_a_copy_of_another_store_is_not_gone_on_with(
    file: Path, tmp_path: Path, clock: FakeClock, postgres_url: str
) -> None:
    await (await filled(file, clock)).close()
    with pytest.raises(KeyboardInterrupt):
        copy(file, postgres_url, tell=broken_off_after(2))
    await clock.advance(60)
    await (await filled(tmp_path / "other.db", clock, chats=1)).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as db, db:
        db.execute("UPDATE facts SET value = '1.0' WHERE name = 'born_at'")
    with pytest.raises(StoreError, match="A copy of another store was begun"):
        copy(tmp_path / "other.db", postgres_url)


async def test_a_store_in_use_is_not_copied_and_none_is_made(
    file: Path, tmp_path: Path, clock: FakeClock, postgres_url: str
) -> None:
    store = await filled(file, clock, chats=1)
    with pytest.raises(StoreError, match="the store is in use by"):
        copy(file, postgres_url)
    await store.close()
    with pytest.raises(StoreError, match="there is no store"):
        copy(tmp_path / "none.db", postgres_url)
    assert not (tmp_path / "none.db").exists()


async def test_a_database_that_does_not_answer_is_named_and_its_password_is_not(file: Path, clock: FakeClock) -> None:
    await (await filled(file, clock, chats=1)).close()
    with pytest.raises(StoreError) as error:
        copy(file, "postgresql://me:s3cret@127.0.0.1:9/none")
    assert "127.0.0.1" in error.value.message
    assert "s3cret" not in error.value.message
