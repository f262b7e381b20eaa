"""The write-ahead log is folded into the file, and nobody who commits waits for it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from bridge.errors import StoreError
from bridge.store.sqlite import folding as module
from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.folding import COMMITS, MOST_PAGES, Folding

#: seconds
PATIENCE = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(path)
    connection.execute("CREATE TABLE noted (what BLOB)")
    yield connection
    connection.close()


@pytest.fixture
def folding(path: Path, writer: sqlite3.Connection) -> Iterator[Folding]:
    made = Folding(path)
    made.take_over(writer)
    yield made
    made.close()


def write(connection: sqlite3.Connection, folding: Folding, commits: int) -> None:
    for number in range(commits):
        connection.execute("INSERT INTO noted VALUES (?)", (bytes([number % 256]) * 3000,))
        folding.committed()


def in_file(path: Path) -> int:
    """Rows that are there without the log."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as alone:
        try:
            return int(alone.execute("SELECT count(*) FROM noted").fetchone()[0])
        except sqlite3.DatabaseError:  # read while it is written
            return 0


def wait(until: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not until():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)


def until(rows: int, path: Path) -> None:
    wait(lambda: in_file(path) >= rows)


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "store-folding"]


def test_what_was_committed_comes_into_the_file_without_a_commit_that_does_it(
    path: Path, writer: sqlite3.Connection, folding: Folding
) -> None:
    write(writer, folding, COMMITS - 1)
    assert threads() == [], "there is nothing to do yet"
    assert in_file(path) == 0
    write(writer, folding, 1)
    until(COMMITS, path)
    write(writer, folding, COMMITS)
    until(2 * COMMITS, path)


def test_the_log_begins_anew_when_all_of_it_is_folded(path: Path, writer: sqlite3.Connection, folding: Folding) -> None:
    log, sizes = path.with_name("x.db-wal"), list[int]()
    for round_ in range(1, 13):
        write(writer, folding, COMMITS)
        until(round_ * COMMITS, path)
        sizes.append(log.stat().st_size)
    # now and then a round begins before the thread has noted that it is done, and is written behind the last
    assert sizes[-1] < 6 * sizes[0]


def test_a_commit_does_it_only_where_the_log_has_grown_very_large(writer: sqlite3.Connection, folding: Folding) -> None:
    assert writer.execute("PRAGMA wal_autocheckpoint").fetchone()[0] == MOST_PAGES


def test_whoever_writes_does_not_wait(path: Path, writer: sqlite3.Connection, folding: Folding) -> None:
    """Also while somebody reads an old state, so that nothing can be folded beyond it."""
    reader = connect(path, read_only=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM noted").fetchone()
    write(writer, folding, 3 * COMMITS)
    reader.execute("COMMIT")
    reader.close()
    write(writer, folding, COMMITS)
    until(4 * COMMITS, path)


def test_after_the_end_there_is_no_thread_and_none_begins(path: Path, writer: sqlite3.Connection) -> None:
    folding = Folding(path)
    write(writer, folding, COMMITS)
    folding.close()
    write(writer, folding, COMMITS)
    assert threads() == []


def test_trouble_is_said_stops_nobody_and_passes(
    path: Path, writer: sqlite3.Connection, folding: Folding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path) -> sqlite3.Connection:
        raise StoreError(f"{path}: cannot be opened")

    with structlog.testing.capture_logs() as said, monkeypatch.context() as trouble:
        trouble.setattr(module, "connect", fails)
        write(writer, folding, COMMITS)
        wait(lambda: bool(said))
    assert (said[0]["event"], said[0]["log_level"], str(path) in said[0]["why"]) == ("store.unfolded", "warning", True)
    write(writer, folding, COMMITS)
    until(2 * COMMITS, path)
