from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.errors import NoRoom
from bridge.store.postgres import connecting, transactions, writing
from bridge.store.postgres.database import Database
from bridge.store.postgres.transactions import Call, Ended, NotHad, Working
from bridge.store.postgres.writing import Writer
from bridge.store.roots import Roots


@pytest.fixture
async def writer(postgres_url: str) -> AsyncIterator[Writer]:
    made = Writer(connecting.parameters(postgres_url), "public", threads=2, name="test")
    yield made
    await made.close()


@contextlib.contextmanager
def holding(url: str, guard: str) -> Iterator[connecting.Connection]:
    """Another connection that holds a lock until the end."""
    held = connecting.connect(connecting.parameters(url))
    held.execute("INSERT INTO guards (name) VALUES (%s)", (guard,))
    held.execute("BEGIN")
    held.execute("SELECT 1 FROM guards WHERE name = %s FOR UPDATE", (guard,))
    try:
        yield held
    finally:
        held.execute("COMMIT")
        held.close()


def add(name: str) -> object:
    return lambda db: db.execute("INSERT INTO facts (name, value) VALUES (?, '')", (name,))


def transaction(db: Database) -> int:
    row = db.execute("SELECT txid_current() AS number").fetchone()
    assert row is not None
    return int(row["number"])


async def test_calls_of_one_moment_share_a_transaction(writer: Writer) -> None:
    numbers = await asyncio.gather(*(writer.write(transaction) for _ in range(20)))
    assert len(set(numbers)) == 1
    assert await writer.write(transaction) not in numbers


async def test_calls_of_a_kind_are_carried_out_at_once_and_each_gets_its_own(writer: Writer) -> None:
    seen = []

    def together(db: Database, about: list[int]) -> list[object]:
        seen.append(list(about))
        return [ValueError(number) if number == 2 else number * 10 for number in about]

    calls = [writer.write_together(together, number) for number in range(4)]
    ended = await asyncio.gather(*calls, writer.write(transaction), return_exceptions=True)
    assert seen == [[0, 1, 2, 3]]
    assert ended[0:2] == [0, 10]
    assert isinstance(ended[2], ValueError)


async def test_who_waits_for_a_lock_holds_up_nobody_else(
    writer: Writer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "PATIENCE", 300)
    with holding(postgres_url, "mine") as held:
        waiting = asyncio.create_task(writer.write(transaction, Roots(guards=["mine"])))
        while held.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:  # noqa: ASYNC110 - the server tells
            await asyncio.sleep(0.01)
        await asyncio.wait_for(writer.write(transaction), 60)
        # also those that came in the same moment: after a while they go by themselves
        together = [asyncio.create_task(writer.write(transaction, Roots(guards=[name]))) for name in ("mine", "a", "b", "c")]
        await asyncio.wait_for(asyncio.gather(*together[1:]), 60)
    await asyncio.wait_for(asyncio.gather(waiting, together[0]), 60)


async def test_of_many_those_whose_locks_are_free_wait_for_none_of_the_others(
    writer: Writer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    carry_out = Working.carry_out

    def watched(working: Working, calls: list[Call], *, patience: int | None = None) -> list[Ended]:
        waits.append(patience or transactions.PATIENCE)
        return carry_out(working, calls, patience=patience)

    monkeypatch.setattr(transactions, "PATIENCE", 300)
    monkeypatch.setattr(Working, "carry_out", watched)
    with holding(postgres_url, "mine"):
        taken = [asyncio.create_task(writer.write(transaction, Roots(guards=["mine"]))) for _ in range(20)]
        free = [asyncio.create_task(writer.write(transaction, Roots(guards=[f"of {number}"]))) for number in range(20)]
        await asyncio.wait_for(asyncio.gather(*free), 60)
        assert waits.count(transactions.AT_ONCE) >= 20
        assert sum(waits[: waits.index(transactions.AT_ONCE) + 40]) < 3000  # milliseconds; 20 long waits would be 6000
    await asyncio.wait_for(asyncio.gather(*taken), 60)


async def test_what_waits_for_a_lock_while_the_writer_is_closed_is_not_forgotten(
    writer: Writer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, refused = threading.Event(), threading.Event(), threading.Event()
    carry_out = Working.carry_out

    def watched(working: Working, calls: list[Call], *, patience: int | None = None) -> list[Ended]:
        ended = carry_out(working, calls, patience=patience)
        if any(isinstance(error, NotHad) for _, _, error in ended):
            writer._threads[0].join(30)  # nobody else is there any more
            refused.set()
        return ended

    def long(db: Database) -> object:
        begun.set()
        go_on.wait(30)
        return transaction(db)

    monkeypatch.setattr(transactions, "PATIENCE", 500)
    monkeypatch.setattr(Working, "carry_out", watched)
    with holding(postgres_url, "mine") as held:
        first = asyncio.create_task(writer.write(long))
        await asyncio.to_thread(begun.wait, 30)
        waiting = asyncio.create_task(writer.write(transaction, Roots(guards=["mine"])))
        while held.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:  # noqa: ASYNC110 - the server tells
            await asyncio.sleep(0.01)
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait_for(first, 30)
        await asyncio.to_thread(refused.wait, 30)
    await asyncio.wait_for(asyncio.gather(waiting, closing), 60)


async def test_many_that_wait_are_taken_by_another_thread_a_few_wait_for_the_first(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "HELD_UP", 3600.0)
    begun, go_on = threading.Event(), threading.Event()

    def long(db: Database) -> object:
        begun.set()
        go_on.wait(30)
        return transaction(db)

    first = asyncio.create_task(writer.write(long))
    await asyncio.to_thread(begun.wait, 30)
    try:
        few = [asyncio.create_task(writer.write(transaction)) for _ in range(writing.ENOUGH - 1)]
        while len(writer._queue) < len(few):  # noqa: ASYNC110 - the writer tells nobody what waits
            await asyncio.sleep(0)
        enough = asyncio.create_task(writer.write(transaction))

        ids = await asyncio.wait_for(asyncio.gather(*few, enough), 30)

        assert not first.done()
    finally:
        go_on.set()
    assert len(set(ids)) == 1
    assert await first not in ids


async def test_two_that_wait_for_one_another_both_come_through(writer: Writer, postgres_url: str) -> None:
    other = Writer(connecting.parameters(postgres_url), "public", threads=1, name="other")
    met = threading.Barrier(2, timeout=10)
    first_time = {"a": True, "b": True}

    def crossing(one: str, two: str) -> object:
        def does(db: Database) -> int:
            db.execute("UPDATE facts SET value = value || 'x' WHERE name = ?", (one,))
            if first_time[one]:
                first_time[one] = False
                met.wait()
            db.execute("UPDATE facts SET value = value || 'y' WHERE name = ?", (two,))
            return 1

        return does

    await asyncio.gather(writer.write(add("a")), writer.write(add("b")))  # type: ignore[arg-type]
    await asyncio.gather(writer.write(crossing("a", "b")), other.write(crossing("b", "a")))  # type: ignore[arg-type]
    rows = await writer.write(lambda db: db.execute("SELECT value FROM facts WHERE name IN ('a', 'b')").fetchall())
    assert [sorted(row["value"]) for row in rows] == [["x", "y"], ["x", "y"]]
    await other.close()


async def test_a_closed_writer_takes_nothing(writer: Writer) -> None:
    await writer.close()
    with pytest.raises(NoRoom, match="closed"):
        await writer.write(transaction)
