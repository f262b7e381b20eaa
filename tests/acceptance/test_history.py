"""A store with a long past: taking in and claiming cost what they cost in an empty one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import FakeClock
from running import finished
from store_materials import delivery
from way import Way, on_the_way

from bench.history import fill
from bridge.store import Store, open_store

#: by so much more may a step cost, as the trees are deeper
MORE = 1.2


@contextmanager
def counted(db: sqlite3.Connection) -> Iterator[list[int]]:
    """Steps of SQLite's machine: the same on every machine, however busy."""
    steps = [0]

    def step() -> None:
        steps[0] += 1

    db.set_progress_handler(step, 1)
    try:
        yield steps
    finally:
        db.set_progress_handler(None, 1)


async def steps_of(store: Store, work: Callable[[], Awaitable[object]]) -> int:
    """Of writes and reads together."""
    with counted(store._writer._connection) as writes, counted(store._reader) as reads:  # type: ignore[attr-defined]
        await work()
    return writes[0] + reads[0]


async def costs(store: Store, way: Way, name: str) -> dict[str, int]:
    """What a delivery, its meaning, a claim, a look for nothing, and a job from its claim to its end cost."""
    found = {"accept": await steps_of(store, lambda: store.accept(delivery(name, at=way.clock.now())))}
    event = finished(77_000 + len(name))
    found["post and sort"] = await steps_of(store, lambda: way.post(event))
    found["claim"] = await steps_of(store, lambda: store.claim(owner="w", lease=60.0, room={"sales": 16}))
    found["claim nothing"] = await steps_of(store, lambda: store.claim(owner="w", lease=60.0, room={"sales": 16}))
    found["next due"] = await steps_of(store, lambda: store.next_due(["sales"]))
    await way.post(finished(88_000 + ord(name)))  # another person each time
    found["work off"] = await steps_of(store, lambda: way.work(1))
    return found


async def history(folder: Path, clock: FakeClock, rows: int) -> None:
    async with on_the_way(folder, clock) as way:
        await way.post(finished(1))
        await way.work()
        empty = await costs(way.store, way, "a")
        await way.store.close()
        # the one chat that is done is what the past is made of
        with contextlib.closing(sqlite3.connect(folder / "chat2crm.db")) as db, db:
            db.execute("DELETE FROM jobs WHERE id > 1")
            db.execute("DELETE FROM chats WHERE id NOT IN (SELECT chat FROM jobs)")
            for table in ("deliveries", "delivered", "counted", "chat_points"):
                db.execute(f"DELETE FROM {table} WHERE chat IS NULL OR chat NOT IN (SELECT id FROM chats)")
            for table in ("operations", "attempts"):
                db.execute(f"DELETE FROM {table} WHERE job NOT IN (SELECT id FROM jobs)")
        await asyncio.to_thread(fill, folder / "chat2crm.db", rows)
        way.store = open_store(way.settings.store, clock=clock)
        began, used = time.monotonic(), time.process_time()
        await way.store.open()
        opened = time.process_time() - used
        way.sorter.store = way.store
        await way.restart()
        full = await costs(way.store, way, "b")

        assert {name: round(cost / empty[name], 2) for name, cost in full.items() if cost > MORE * empty[name] + 10} == {}, empty
        # nobody listens while the store is opened
        assert opened < 2.0, f"{opened:.1f} s of processor, {time.monotonic() - began:.1f} s in all"


async def test_thirty_thousand_chats_of_history_change_no_cost(tmp_path: Path, clock: FakeClock) -> None:
    await history(tmp_path, clock, 30_000)


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_a_million_chats_of_history_change_no_cost(tmp_path: Path, clock: FakeClock) -> None:
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 8e9:
        pytest.skip("a million chats take 8 GB")
    await history(tmp_path, clock, 1_000_000)
