"""One writer for the file, and commits that are shared.

Everything that changes the file goes through `Writer.write`. Calls that come in during two turns of the event loop, or while
a commit is under way, share one commit: that costs one fsync for all of them. They are carried out in the event loop's own
thread, since another one would wait for the interpreter's lock at every statement. On a fast disk the commit is made there,
too: handing it over costs two thread switches. On a slow disk a thread of its own makes it, so that nobody waits for the disk
who did not ask for it; and that thread takes over all of it while another process holds the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from bridge.errors import NoRoom, StoreError
from bridge.store.letters import fits

Result = TypeVar("Result")
Call = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]
Ended = tuple["asyncio.Future[Any]", Any, "BaseException | None"]
#: carried out beside the event loop; gives how each of its calls ended
Work = Callable[[], list[Ended]]

#: a commit that takes longer than this (seconds) is not made in the event loop's own thread
SLOW_COMMIT = 0.002
#: calls that share one commit at the most: bounds the wait of the first among them
BATCH = 256
#: seconds to wait for a command beside the service (`replay`, `skip`) that writes at the same moment
BUSY_TIMEOUT = 5.0


def damaged(path: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(
        f"{path}: is damaged, or no store of ours ({' '.join(str(error).split())}). Put a backup in its place, or move the file "
        "away to begin anew. `chat2crm store salvage NEW-FILE` saves what is undamaged into a store of its own."
    )


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the promises rest on."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    try:
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT, cached_statements=256
        )
        try:
            _set_up(connection, read_only=read_only)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        if error.sqlite_errorcode in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise damaged(path, error) from error
        raise StoreError(f"{path}: cannot be opened: {error}. Is the folder there and writable for this user?") from error
    return connection


def _set_up(connection: sqlite3.Connection, *, read_only: bool) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys=ON")
    connection.create_function("fits", 2, fits, deterministic=True)
    if read_only:
        connection.execute("PRAGMA query_only=ON")
    else:
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: a commit is on disk when it returns, not when the operating system finds time
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=67108864")
    # 2 MB: the operating system keeps the file's pages too, and reading one from there costs next to nothing
    connection.execute("PRAGMA cache_size=-2048")


class Writer:
    """Carries out calls on the one writing connection, grouped into commits; `committed` is told of each."""

    def __init__(self, connection: sqlite3.Connection, committed: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._committed = committed
        #: what is left to the end of the transaction under way: what does it, and the values given for it by their names
        self._last: dict[Callable[[sqlite3.Connection, dict[Any, Any]], object], dict[Any, Any]] = {}
        self._gathering: list[Call] = []
        self._queue: list[Call] = []
        #: each has a commit, and the thread, to itself
        self._long: list[Call] = []
        #: for the thread; None ends it
        self._handed: SimpleQueue[Work | None] = SimpleQueue()
        #: not set while the thread has the connection
        self._free = asyncio.Event()
        self._free.set()
        self._closing = False
        self._commit_seconds = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wait_for_others(0)
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, call: Callable[[sqlite3.Connection], Result], *, long: bool = False) -> Result:
        """Run `call` inside a transaction and return what it gave once that is on disk. An exception of the call undoes
        only its own changes; one of another call may have it run once more. `long`: one of its statements takes longer than the
        event loop can wait. Raises NoRoom if the disk is full or cannot be written.
        """
        if self._loop is None or self._closing:
            raise NoRoom("The store is closed.")
        future: asyncio.Future[Result] = self._loop.create_future()
        if long:
            self._long.append((call, future))
            self._go_on()
            return await future
        if not self._gathering:
            # after every call that is ready in this turn, and what the next look at the sockets brings, has joined in
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._gathering.append((call, future))
        return await future

    def leave_to_last(self, does: Callable[[sqlite3.Connection, dict[Any, Any]], object], name: Any, value: Any) -> None:
        """For calls, while they run: `does` is done once before the commit, with what all calls of it have given. Of several
        values of one name the latest counts.
        """
        self._last.setdefault(does, {})[name] = value

    def _flush(self) -> None:
        self._queue += self._gathering
        self._gathering = []
        self._go_on()

    def _go_on(self) -> None:
        while self._free.is_set() and (self._long or self._queue):
            if self._long:
                self._hand_over(partial(self._once_it_is_free, [self._long.pop(0)]))
                return
            calls, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error:  # another process holds the file, or it is tried once more to say what is wrong
                self._hand_over(partial(self._once_it_is_free, calls))
                return
            ended = self._carried_out(calls)
            if self._connection.in_transaction and self._commit_seconds > SLOW_COMMIT:
                self._hand_over(partial(self._committed_all, ended))
            else:
                _deliver(self._committed_all(ended))

    # -- the thread --

    def _hand_over(self, work: Work) -> None:
        self._free.clear()
        self._handed.put(work)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (work := self._handed.get()) is not None:
            ended = work()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._given_back, ended)

    def _given_back(self, ended: list[Ended]) -> None:
        self._free.set()
        _deliver(ended)
        self._go_on()

    def _once_it_is_free(self, calls: list[Call]) -> list[Ended]:
        try:
            self._begin_in_time()
        except sqlite3.Error as error:
            return self._refused([future for _, future in calls], error)
        return self._committed_all(self._carried_out(calls))

    def _begin_in_time(self) -> None:
        self._wait_for_others(BUSY_TIMEOUT)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        finally:
            self._wait_for_others(0)

    def _wait_for_others(self, seconds: float) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={int(1000 * seconds)}")

    # -- a transaction that has begun --

    def _carried_out(self, calls: list[Call]) -> list[Ended]:
        """All but the commit; no transaction is left if there is nothing to commit."""
        self._last.clear()
        try:
            return self._side_by_side(calls)
        except sqlite3.Error as error:
            return self._refused([future for _, future in calls], error)

    def _side_by_side(self, calls: list[Call]) -> list[Ended]:
        """What one does wrong undoes nothing of the others': then they are run apart, all of them once more. Most are a statement
        or two, and to keep them apart takes two more around each.
        """
        connection = self._connection
        try:
            ended: list[Ended] = [(future, call(connection), None) for call, future in calls]
            self._do_last()
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller's own failure; handed to the caller
            connection.execute("ROLLBACK")
            if len(calls) == 1:
                return [(calls[0][1], None, error)]
            self._last.clear()
            self._begin_in_time()  # another process had a moment to take the file in
            ended = [self._apart(call, future) for call, future in calls]
        return ended

    def _committed_all(self, ended: list[Ended]) -> list[Ended]:
        if not self._connection.in_transaction:
            return ended
        started = time.perf_counter()
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            return self._refused([future for future, _, _ in ended], error)
        # a moving average: one hiccup does not banish the quick path
        self._commit_seconds += 0.2 * (time.perf_counter() - started - self._commit_seconds)
        self._committed()
        return ended

    def _refused(self, futures: Iterable[asyncio.Future[Any]], error: sqlite3.Error) -> list[Ended]:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        refusal = NoRoom(f"The store cannot be written: {error}.")
        refusal.__cause__ = error
        return [(future, None, refusal) for future in futures]

    def _apart(self, call: Callable[[sqlite3.Connection], Any], future: asyncio.Future[Any]) -> Ended:
        connection = self._connection
        connection.execute("SAVEPOINT one")
        try:
            result, error = call(connection), None
            self._do_last()
        except sqlite3.OperationalError:
            raise
        except Exception as its_own:  # noqa: BLE001 - as above
            result, error = None, its_own
            self._last.clear()
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return future, result, error

    def _do_last(self) -> None:
        for does, values in self._last.items():
            does(self._connection, values)
        self._last.clear()

    async def close(self) -> None:
        """Commit what is waiting, then stop."""
        while self._gathering:  # noqa: ASYNC110 - it is flushed by a call that is scheduled already
            await asyncio.sleep(0)
        self._closing = True
        while not self._free.is_set():
            await self._free.wait()
        self._handed.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self._connection.close()


def _deliver(results: Iterable[Ended]) -> None:
    for future, result, error in results:
        if future.done():  # the caller was cancelled; the change stands all the same
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
