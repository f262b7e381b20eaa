"""The server goes away, comes back, refuses: nothing acknowledged is lost, nothing has to be restarted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fakes import FakeClock
from real_postgres import HELP, Server, programs
from store_materials import claim, delivery, finish_chat, opened, raw

from bridge.errors import NoRoom
from bridge.store import Store
from bridge.store.postgres.connecting import psycopg
from bridge.store.postgres.database import Database


@pytest.fixture
def server() -> Iterator[Server]:
    if programs() is None:
        pytest.skip(HELP)
    with TemporaryDirectory(prefix="chat2crm-pg-") as folder:
        Path(folder).chmod(0o755)
        made = Server(Path(folder) / "server", durable=True)
        made.create()
        made.start()
        yield made
        made.stop(signal.SIGKILL)


@pytest.fixture
async def store(server: Server, clock: FakeClock) -> AsyncIterator[Store]:
    async with opened(server.url, clock) as made:
        yield made


async def test_what_was_acknowledged_is_there_after_the_server_was_killed_and_came_back(
    server: Server, store: Store, clock: FakeClock
) -> None:
    acknowledged: list[str] = []
    refused = asyncio.Event()

    async def send(sender: int) -> None:
        for number in range(1000):
            try:
                await store.accept(delivery(f"{sender}/{number}", at=clock.now()))
            except NoRoom:
                refused.set()
                return
            acknowledged.append(f"{sender}/{number}")

    sending = [asyncio.create_task(send(sender)) for sender in range(8)]
    while len(acknowledged) < 40:  # noqa: ASYNC110 - whenever so many have come, in whatever time
        await asyncio.sleep(0.01)
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    await asyncio.gather(*sending)
    assert refused.is_set()
    with pytest.raises(NoRoom):
        await store.accept(delivery("meanwhile", at=clock.now()))
    with pytest.raises(NoRoom):
        await store.received(10)

    await asyncio.to_thread(server.start)

    kept = {row[0] for row in raw(server.url, "SELECT dedupe_key FROM deliveries")}
    assert set(acknowledged) <= kept
    # by itself, and what is sent again is known
    again = await store.accept(delivery(acknowledged[0], at=clock.now()))
    assert again.duplicate
    assert len(await store.received(10_000)) == len(kept)
    await finish_chat(store, clock.now())
    assert len(await claim(store)) == 1


async def test_connections_that_were_broken_off_are_made_anew_and_nobody_notices(
    store: Store, server: Server, clock: FakeClock
) -> None:
    await finish_chat(store, clock.now())
    raw(server.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat2crm'")
    assert await store.chat_of("shop", "7") is not None
    assert (await store.accept(delivery("k", at=clock.now()))).id
    assert len(await claim(store)) == 1
    assert len(await store.reading().jobs()) == 1


async def test_a_server_that_takes_no_writes_is_no_room_until_it_does(store: Store, server: Server, clock: FakeClock) -> None:
    """As a standby is, or a primary that has become one."""
    raw(server.url, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.3)")
    with pytest.raises(NoRoom):
        await store.accept(delivery("k", at=clock.now()))
    raw(server.url, "SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()", "SELECT pg_sleep(0.3)")  # fmt: skip
    assert not (await store.accept(delivery("k", at=clock.now()))).duplicate


async def test_a_commit_of_which_nobody_knows_what_became_is_no_success(
    store: Store, server: Server, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = Database.flush

    def cut(db: Database) -> None:
        if db._waiting and db._waiting[-1] == "COMMIT":
            flush(db)
            db.connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        flush(db)

    monkeypatch.setattr(Database, "flush", cut)
    with pytest.raises(NoRoom, match="nobody knows"):
        await store.accept(delivery("k", at=clock.now()))
    monkeypatch.undo()
    assert (await store.accept(delivery("k", at=clock.now()))).duplicate


async def test_a_call_that_fails_takes_no_other_with_it(store: Store, server: Server, clock: FakeClock) -> None:
    def broken(db: Database) -> None:
        db.executemany("INSERT INTO facts (name, value) VALUES (?, ?)", [("half", "done")])
        raise ValueError("mine")

    def wrong(db: Database) -> None:
        db.execute("INSERT INTO jobs (chat) VALUES (?)", (None,))

    def well(name: str) -> object:
        return lambda db: db.execute("INSERT INTO facts (name, value) VALUES (?, '')", (name,))

    write = store._write  # type: ignore[attr-defined]
    ended = await asyncio.gather(write(well("a")), write(broken), write(wrong), write(well("b")), return_exceptions=True)
    assert isinstance(ended[1], ValueError)
    assert isinstance(ended[2], psycopg.errors.NotNullViolation)
    names = {row[0] for row in raw(server.url, "SELECT name FROM facts WHERE name NOT IN ('born_at', 'made_as')")}
    assert names == {"a", "b"}
