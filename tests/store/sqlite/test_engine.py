from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from bridge.errors import NoRoom, StoreError
from bridge.store.sqlite import engine
from bridge.store.sqlite.engine import Writer, connect


class Counting(sqlite3.Connection):
    """Counts commits and remembers the threads that made them, and those of all that came before."""

    commits: list[int]
    told: list[str]
    threads: set[int]
    #: a commit waits for it
    disk: threading.Event
    #: done once, as soon as a transaction was rolled back
    then: list[Callable[[], object]]

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:  # type: ignore[override]
        self.told.append(sql.partition(" ")[0])
        if sql == "COMMIT":
            self.commits.append(threading.get_ident())
            self.disk.wait(30)
        else:
            self.threads.add(threading.get_ident())
        done = super().execute(sql, *parameters)
        while sql == "ROLLBACK" and self.then:
            self.then.pop()()
        return done


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Counting]:
    found = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False, factory=Counting)
    found.commits, found.told, found.threads, found.disk, found.then = [], [], set(), threading.Event(), []
    found.disk.set()
    found.execute("PRAGMA journal_mode=WAL")
    found.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    yield found
    found.close()


@pytest.fixture
async def writer(connection: Counting) -> AsyncIterator[Writer]:
    made = Writer(connection)
    made.start()
    yield made
    await made.close()


def insert(number: int):  # noqa: ANN201 - a call for the writer
    return lambda db: db.execute("INSERT INTO t VALUES (?)", (number,)).lastrowid


async def test_calls_of_one_turn_share_a_commit(writer: Writer, connection: Counting) -> None:
    assert await asyncio.gather(*(writer.write(insert(number)) for number in range(50))) == list(range(50))

    # in the callers' own thread: the disk is fast
    assert connection.commits == [threading.get_ident()]


async def test_a_commit_says_no_more_than_its_calls_do_until_one_of_them_fails(writer: Writer, connection: Counting) -> None:
    connection.told.clear()
    await asyncio.gather(*(writer.write(insert(number)) for number in range(3)))
    assert connection.told == ["BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT"]

    connection.told.clear()
    await asyncio.gather(*(writer.write(insert(number)) for number in (3, 3, 4)), return_exceptions=True)
    assert connection.told == [
        "BEGIN", "INSERT", "INSERT", "ROLLBACK", "PRAGMA", "BEGIN", "PRAGMA", "SAVEPOINT", "INSERT", "RELEASE",
        "SAVEPOINT", "INSERT", "ROLLBACK", "RELEASE", "SAVEPOINT", "INSERT", "RELEASE", "COMMIT",
    ]  # fmt: skip
    assert [row[0] for row in connection.execute("SELECT x FROM t")] == [0, 1, 2, 3, 4]


async def test_what_is_left_to_the_last_is_done_once_in_a_commit(writer: Writer, connection: Counting) -> None:
    given: list[dict[int, int]] = []

    def add(db: sqlite3.Connection, values: dict[int, int]) -> None:
        given.append(dict(values))
        db.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values.values()])

    def leaving(name: int, value: int):  # noqa: ANN202 - a call for the writer
        return lambda _: writer.leave_to_last(add, name, value)

    await asyncio.gather(*(writer.write(leaving(name, 10 * name)) for name in (1, 2)), writer.write(leaving(2, 25)))

    assert given == [{1: 10, 2: 25}]
    assert [row[0] for row in connection.execute("SELECT x FROM t")] == [10, 25]
    assert len(connection.commits) == 1


@pytest.mark.parametrize("alone", [True, False])
async def test_what_is_left_to_the_last_and_fails_is_the_failure_of_its_own_call(
    writer: Writer, connection: Counting, *, alone: bool
) -> None:
    def add(db: sqlite3.Connection, values: dict[int, int]) -> None:
        db.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values.values()])

    def leaving(value: int):  # noqa: ANN202 - a call for the writer
        def call(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO t VALUES (?)", (100 + value,))
            writer.leave_to_last(add, value, value)

        return call

    await writer.write(insert(2))
    others = [] if alone else [writer.write(leaving(1)), writer.write(leaving(3))]
    results = await asyncio.gather(writer.write(leaving(2)), *others, return_exceptions=True)

    assert isinstance(results[0], sqlite3.IntegrityError)
    assert results[1:] == ([] if alone else [None, None])
    expected = [2] if alone else [1, 2, 3, 101, 103]
    assert [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x")] == expected
    # nothing of it is left for the next commit
    await writer.write(insert(50))
    assert [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x")] == sorted([*expected, 50])


async def test_a_lone_call_is_committed_in_the_callers_thread(writer: Writer, connection: Counting) -> None:
    await writer.write(insert(1))

    assert connection.commits == [threading.get_ident()]


async def test_a_slow_disk_is_waited_for_beside_the_loop_and_the_next_commit_is_shared(
    writer: Writer, connection: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SLOW_COMMIT", -1.0)
    connection.told.clear()
    connection.disk.clear()

    first = asyncio.create_task(writer.write(insert(1)))
    while "COMMIT" not in connection.told:  # noqa: ASYNC110 - nobody tells what the thread does
        await asyncio.sleep(0)
    others = [asyncio.create_task(writer.write(insert(number))) for number in (2, 3)]
    for _ in range(5):
        await asyncio.sleep(0)
    # the connection is the thread's
    assert connection.told == ["BEGIN", "INSERT", "COMMIT"]
    connection.disk.set()

    assert await asyncio.gather(first, *others) == [1, 2, 3]
    assert connection.told == ["BEGIN", "INSERT", "COMMIT", "BEGIN", "INSERT", "INSERT", "COMMIT"]
    assert threading.get_ident() not in connection.commits
    # statements need the interpreter, which another thread would have to wait for
    assert connection.threads == {threading.get_ident()}


async def test_a_long_call_has_a_commit_of_its_own_beside_the_loop(writer: Writer, connection: Counting) -> None:
    at_it, done = threading.Event(), threading.Event()

    def long(db: sqlite3.Connection) -> int:
        at_it.set()
        done.wait(30)
        db.execute("INSERT INTO t VALUES (7)")
        return threading.get_ident()

    first = asyncio.create_task(writer.write(insert(1)))
    tidying = [asyncio.create_task(writer.write(long, long=True)) for _ in range(2)]
    while not at_it.is_set():  # noqa: ASYNC110 - nobody tells what the thread does
        await asyncio.sleep(0)
    last = asyncio.create_task(writer.write(insert(2)))
    await asyncio.sleep(0)
    assert not last.done()
    done.set()

    thread, error = await asyncio.gather(*tidying, return_exceptions=True)
    assert thread != threading.get_ident()
    assert isinstance(error, sqlite3.IntegrityError)
    assert await asyncio.gather(first, last) == [1, 2]
    assert [row[0] for row in connection.execute("SELECT x FROM t")] == [1, 2, 7]


async def test_while_another_process_holds_the_file_the_loop_goes_on(
    writer: Writer, connection: Counting, tmp_path: Path
) -> None:
    other = connect(tmp_path / "x.db")
    other.execute("BEGIN IMMEDIATE")
    assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == 0
    connection.told.clear()

    calls = [asyncio.create_task(writer.write(insert(1)))]
    while connection.told.count("BEGIN") < 2:  # noqa: ASYNC110 - nobody tells what the thread does
        await asyncio.sleep(0)
    calls.append(asyncio.create_task(writer.write(insert(2))))
    await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    other.execute("COMMIT")

    assert await asyncio.gather(*calls) == [1, 2]
    assert threading.get_ident() not in connection.commits[:1]
    assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == 0
    other.close()


async def test_what_is_run_once_more_waits_for_a_process_that_took_the_file_in_between(
    writer: Writer, connection: Counting, tmp_path: Path
) -> None:
    other = connect(tmp_path / "x.db")
    let_go = threading.Timer(0.05, other.execute, ["COMMIT"])
    connection.then += [let_go.start, partial(other.execute, "BEGIN IMMEDIATE")]

    def wrong(db: sqlite3.Connection) -> None:
        raise LookupError("mine")

    results = await asyncio.gather(writer.write(insert(1)), writer.write(wrong), return_exceptions=True)

    assert connection.then == []
    assert [type(result) for result in results] == [int, LookupError]
    let_go.join()
    other.close()


async def test_a_file_that_another_process_does_not_let_go_is_no_room(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 0.001)
    other = connect(tmp_path / "x.db")
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(NoRoom, match="locked"):
        await writer.write(insert(1))
    other.close()

    assert await writer.write(insert(2)) == 2


async def test_a_call_that_fails_undoes_only_itself(writer: Writer, connection: Counting) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (100)")
        raise LookupError("mine")

    results = await asyncio.gather(writer.write(insert(1)), writer.write(half), writer.write(insert(2)), return_exceptions=True)

    assert [type(result) for result in results] == [int, LookupError, int]
    assert [row[0] for row in connection.execute("SELECT x FROM t")] == [1, 2]
    with pytest.raises(LookupError):
        await writer.write(half)
    assert [row[0] for row in connection.execute("SELECT x FROM t")] == [1, 2]


async def test_a_cancelled_caller_does_not_stop_the_others(writer: Writer) -> None:
    first = asyncio.create_task(writer.write(insert(1)))
    second = asyncio.create_task(writer.write(insert(2)))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == 2


async def test_a_full_disk_is_no_room_and_changes_nothing(writer: Writer, connection: Counting) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    def much(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE big AS SELECT zeroblob(100000) AS b")

    results = await asyncio.gather(writer.write(insert(1)), writer.write(much), return_exceptions=True)

    assert all(isinstance(result, NoRoom) for result in results)
    assert "full" in str(results[0])
    assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    connection.execute("PRAGMA max_page_count = 100000")
    assert await writer.write(insert(1)) == 1


async def test_a_read_only_file_is_no_room(connection: Counting, tmp_path: Path) -> None:
    reader = Writer(connect(tmp_path / "x.db", read_only=True))
    reader.start()

    with pytest.raises(NoRoom, match="readonly"):
        await reader.write(insert(1))
    await reader.close()


@pytest.mark.parametrize("disk", ["quick", "slow"])
async def test_what_was_asked_for_a_moment_before_it_closes_is_written(connection: Counting, tmp_path: Path, disk: str) -> None:
    writer = Writer(connection)
    writer._commit_seconds = 0.0 if disk == "quick" else 1.0
    writer.start()
    asked = [asyncio.create_task(writer.write(insert(number))) for number in (1, 2)]
    await asyncio.sleep(0)

    await writer.close()

    async with asyncio.timeout(10):
        assert await asyncio.gather(*asked) == [1, 2]


async def test_what_waits_is_written_before_the_writer_closes(connection: Counting, tmp_path: Path) -> None:
    writer = Writer(connection)
    writer.start()
    waiting = [asyncio.create_task(writer.write(insert(number), long=number % 100 == 0)) for number in range(600)]
    await asyncio.sleep(0)
    await writer.close()

    assert await asyncio.gather(*waiting) == list(range(600))
    with pytest.raises(NoRoom, match="closed"):
        await writer.write(insert(1000))


async def test_the_files_settings_are_those_the_promises_rest_on(tmp_path: Path) -> None:
    made = connect(tmp_path / "y.db")

    assert made.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert made.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    made.close()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is the folder there"):
        connect(tmp_path / "nowhere" / "x.db")
