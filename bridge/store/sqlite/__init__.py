"""The promise kept on SQLite: one file, one process, every commit on disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from bridge.clock import Clock
from bridge.errors import StoreError
from bridge.model import Delivery
from bridge.store.agreements import Agreements
from bridge.store.one_site import rows_of
from bridge.store.personal import Personal
from bridge.store.plain import Plain
from bridge.store.reading import Reading
from bridge.store.records import (
    Accepted,
    Attempt,
    Erased,
    Fetching,
    Forgetting,
    Job,
    Keep,
    Outcome,
    Sorted,
)
from bridge.store.roots import NOTHING, Roots
from bridge.store.sqlite import claims, erasing, jumps
from bridge.store.sqlite.engine import Writer, connect, damaged
from bridge.store.sqlite.folding import Folding
from bridge.store.sqlite.guard import LockFile, refuse_foreign, refuse_network_disk
from bridge.store.sqlite.locks import Locks
from bridge.store.sqlite.migrations import bring_up_to_date
from bridge.store.sqlite.readers import Readers
from bridge.store.sqlite.upkeep import refuse_moved
from bridge.store.statements import fetches, intake, jobs, people, retention, searching, tallies
from bridge.store.tallies import Tally

Result = TypeVar("Result")

#: seconds at start for looking whether the file is damaged
LOOK_THROUGH = 0.2


class SqliteStore(Plain, Agreements):
    """See bridge.store.Store for what each method promises."""

    several = False

    def __init__(self, path: str | Path, *, clock: Clock, service: bool = True) -> None:
        self.path = Path(path)
        self.born_at = 0.0
        super().__init__(clock)
        self._service = service
        self._lock_file = LockFile(self.path.with_name(self.path.name + ".lock"))
        #: in memory: one process has the file, and a new one begins with no locks taken
        self._locks = Locks(clock)
        self._turns = jobs.Turns()
        self._writer: Writer | None = None
        self._reader: sqlite3.Connection | None = None
        self._readers = Readers(self.path)
        self._folding: Folding | None = None

    async def open(self) -> None:
        if not self._service and not self.path.exists():
            raise StoreError(f"{self.path}: there is no store yet. Start `chat2crm serve` first, or correct `store:`.")
        refuse_network_disk(self.path)
        refuse_foreign(self.path)
        with contextlib.suppress(OSError):  # named with its remedy by the lock file or by SQLite itself
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._service:
            self._lock_file.take()
            with contextlib.suppress(OSError):  # as above
                # for its owner alone: people's data stands in it. Its log gets the same rights from SQLite
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            await self._open_connections()
        except BaseException:
            await self.close()
            raise

    async def _open_connections(self) -> None:
        connection = connect(self.path)
        try:
            self._refuse_damage(connection)
            bring_up_to_date(Database(connection))
            if self._service:
                refuse_moved(connection, self.path)
            row = connection.execute("SELECT value FROM facts WHERE name = 'born_at'").fetchone()
            self.born_at = float(row["value"])
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise damaged(self.path, error) from error
            raise
        self._folding = Folding(self.path)
        self._folding.take_over(connection)
        self._writer = Writer(connection, self._folding.committed)
        self._writer.start()
        self._reader = connect(self.path, read_only=True)
        if self._service:
            await self._write(lambda db: jumps.catch_up(db, self._clock.time(), self._clock.monotonic()))
            await self._write(lambda db: claims.void_all_leases(db, self._clock.time()))
            await self._write(fetches.void_leases)

    def _refuse_damage(self, connection: sqlite3.Connection) -> None:
        """As much of the file as can be looked through in LOOK_THROUGH seconds: nobody listens to the providers meanwhile, and
        a large file on a cold disk takes minutes.
        """
        enough = threading.Timer(LOOK_THROUGH, connection.interrupt)
        enough.start()
        try:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            verdict = "ok"
        finally:
            enough.cancel()
            enough.join()  # or it might break off what is asked next
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)

    async def close(self) -> None:
        # the reader first: the last connection to close, if it may write, folds the write-ahead log into the file
        self._readers.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._folding is not None:
            await asyncio.to_thread(self._folding.close)
            self._folding = None
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        self._lock_file.release()

    async def _write(
        self, does: Callable[[sqlite3.Connection], Result], roots: Roots = NOTHING, *, long: bool = False  # noqa: ARG002 - one process writes, one after another
    ) -> Result:
        if self._writer is None:
            raise StoreError("The store is not open.")
        return await self._writer.write(does, long=long)

    async def _read(self, asks: Callable[[sqlite3.Connection], Result]) -> Result:
        return asks(self._connection())

    def _connection(self) -> sqlite3.Connection:
        """Point look-ups take microseconds, so they are made in the event loop's thread."""
        if self._reader is None:
            raise StoreError("The store is not open.")
        return self._reader

    # -- intake --

    async def accept(self, delivery: Delivery) -> Accepted:
        return await self._write(lambda db: intake.accept(db, delivery))

    async def received(self, limit: int) -> list[Delivery]:
        return intake.received(self._connection(), limit)

    async def record_sorted(self, results: Sequence[Sorted]) -> list[int]:
        now = self._clock.time()

        def record(db: sqlite3.Connection) -> list[int]:
            if any(result.erase for result in results):
                erasing.overwrite(db)
            return intake.record_sorted(db, list(results), now)

        return await self._write(record)

    # -- fetching --

    async def claim_fetches(self, *, lease: float, room: Mapping[str, int]) -> list[Fetching]:
        now = self._clock.time()
        if not fetches.anything_due(self._connection(), room, now):
            return []
        return await self._write(lambda db: fetches.claim(db, until=now + lease, now=now, room=room))

    # -- jobs --

    async def claim(self, *, owner: str, lease: float, room: Mapping[str, int]) -> list[Job]:
        now = self._clock.time()
        if not claims.anything_due(self._connection(), room, now):
            return []
        return await self._write(
            lambda db: claims.claim(db, owner=owner, until=now + lease, now=now, room=room, turns=self._turns)
        )

    async def renew(self, held: Mapping[int, int], lease: float) -> set[int]:
        until = self._clock.time() + lease
        return await self._write(lambda db: jobs.renew(db, held, until))

    async def finish(self, job: Job, outcome: Outcome, attempt: Attempt | None, tally: Tally | None = None) -> None:
        now = self._clock.time()

        def ended(db: sqlite3.Connection) -> None:
            jobs.finish(db, job, outcome, attempt, now)
            if tally is not None and self._writer is not None:
                # chats that end in one commit add to the same few lines; of several jobs of a chat the latest tells of all
                self._writer.leave_to_last(tallies.count_all, job.chat_row, tally)

        await self._write(ended)

    # -- identity --

    async def lock(self, keys: Sequence[str], owner: str, seconds: float) -> bool:
        return self._locks.take(keys, owner, seconds)

    async def unlock(self, owner: str) -> None:
        self._locks.release(owner)

    async def unlocked(self, keys: Sequence[str], seconds: float) -> bool:
        return await self._locks.wait(keys, seconds)

    # -- people's data --

    async def forget(self, what: Forgetting) -> Erased:
        now = self._clock.time()

        def forget(db: sqlite3.Connection) -> tuple[int, ...]:
            erasing.overwrite(db)
            busy = people.forget(db, what, now)
            if not busy:
                erasing.scrub(db)
            return busy

        busy = await self._write(forget, long=True)
        return Erased(busy=busy, swept=not busy and await asyncio.to_thread(erasing.sweep, self.path))

    # -- upkeep --

    async def clock_moved(self, seconds: float) -> None:
        now, monotonic = self._clock.time(), self._clock.monotonic()
        await self._write(lambda db: jumps.moved(db, seconds, now, monotonic))

    async def prune(self, keep: Keep, limit: int) -> int:
        return await self._write(lambda db: retention.prune(db, keep, limit))

    async def index_older(self, limit: int) -> int:
        return await self._write(lambda db: searching.index_older(db, limit))

    # -- reading --

    def reading(self, site: str | None = None) -> Reading:
        return Reading(self._readers.rows if site is None else rows_of(site, self._readers.rows))

    def personal(self) -> Personal:
        return Personal(self._readers.rows)
