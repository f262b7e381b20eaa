"""Behind a pooler that gives each transaction another connection: nothing rests on a session, and none is left changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fakes import FakeClock
from real_pgbouncer import pooler
from store_materials import claim, delivery, end, finish_chat

from bridge.clock import Clock
from bridge.model import JobState
from bridge.store import Keep, open_store

#: what a pooler itself keeps for each client, and gives back to it
OF_THE_CLIENT = {"application_name", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "IntervalStyle"}
#: (what a session may keep, how to look)
LEFT = {
    "settings": "SELECT name FROM pg_settings WHERE source = 'session'",
    "prepared statements": "SELECT name FROM pg_prepared_statements",
    "advisory locks": "SELECT objid::text FROM pg_locks WHERE locktype = 'advisory'",
    "tables for the session": "SELECT relname FROM pg_class WHERE relpersistence = 't'",
    "channels": "SELECT * FROM pg_listening_channels()",
    "cursors": "SELECT name FROM pg_cursors",
}


@pytest.fixture
def one_connection(postgres_url: str) -> Iterator[str]:
    """All have the same one in turn: whoever waited for another while holding it would wait for ever."""
    with pooler(postgres_url, size=1) as url:
        yield url


def left_behind(url: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        for what, statement in LEFT.items():
            found[what] = {str(row[0]) for row in session.execute(statement)} - OF_THE_CLIENT  # type: ignore[call-overload]
    return found


async def test_whatever_a_store_does_leaves_nothing_in_a_session(one_connection: str, clock: FakeClock) -> None:
    before = left_behind(one_connection)
    store = open_store(one_connection, clock=clock)
    await store.open()
    await asyncio.gather(*(store.accept(delivery(str(number), at=clock.now())) for number in range(20)))
    await finish_chat(store, clock.now())
    # locks, a lease, a page, what replicas agree on, an outcome, upkeep
    assert await store.lock(["phone:1"], "me", 10.0)
    [job] = await claim(store)
    assert await store.renew({job.id: job.epoch}, 60.0) == {job.id}
    assert len(await store.reading().jobs()) == 1
    assert await store.agree("pace", lambda value, now: (f"{value}x", now)) > 0
    await end(store, job, JobState.DONE)
    await store.unlock("me")
    await store.prune(Keep(raw_since=0.0, chats_since=0.0, keys_since=0.0), 10)
    await store.close()

    assert left_behind(one_connection) == before == {what: set() for what in LEFT}


async def test_what_one_client_sets_another_would_see_if_anybody_did(one_connection: str) -> None:
    """That the test above can fail: a setting that is left is one of the next who comes."""
    with psycopg.connect(one_connection, autocommit=True) as careless:
        careless.execute("SET lock_timeout = 4711")
    assert left_behind(one_connection)["settings"] == {"lock_timeout"}


async def test_two_replicas_share_three_connections_and_claim_each_job_once(postgres_url: str) -> None:
    with pooler(postgres_url, size=3) as url:
        stores = [open_store(url, clock=Clock()) for _ in range(2)]
        await asyncio.gather(*(store.open() for store in stores))
        now = stores[0]._clock.now()  # type: ignore[attr-defined]
        for number in range(40):
            await finish_chat(stores[0], now, str(number), f"delivery {number}")

        claimed: list[int] = []

        async def work(store: Any) -> None:
            while jobs := await store.claim(owner="w", lease=60.0, room={"sales": 3}):
                claimed.extend(job.id for job in jobs)
                await asyncio.gather(*(end(store, job, JobState.DONE) for job in jobs))

        await asyncio.gather(*(work(store) for store in stores for _ in range(4)))
        assert len(claimed) == len(set(claimed)) == 40
        await asyncio.gather(*(store.close() for store in stores))
