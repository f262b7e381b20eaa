"""Identity locks of several replicas: rows, taken all at once or not at all, by the time that all replicas agree on.

A lock lapses with the lease of the job that has taken it (its replica prolongs both together), so that what a replica held that
is gone is free when its jobs are taken up by others. Within one replica whoever waits is told when something is given back; of
what others give back it hears by looking again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from bridge.store.postgres.database import Database
from bridge.store.postgres.readers import Readers
from bridge.store.postgres.writing import Writer
from bridge.store.roots import Roots
from bridge.store.statements.database import marks

#: seconds between two looks for locks that another replica gives back
LOOK_EVERY = 0.1
#: seconds for which a lock is taken, as long as no other lease is known
LEASE = 60.0


class Taken(Exception):
    """One of the keys is somebody else's."""


class Locks:
    def __init__(self, replica: str, writer: Writer, readers: Readers) -> None:
        self._replica = replica
        self._writer = writer
        self._readers = readers
        self._released = asyncio.Event()
        #: owner → its keys, of this replica
        self._held: dict[str, set[str]] = {}
        #: seconds; as the jobs' are
        self.lease = LEASE

    async def take(self, keys: Sequence[str], owner: str, now: float, seconds: float) -> bool:
        until = now + min(seconds, self.lease)
        wanted = sorted(set(keys))
        held = self._held.setdefault(owner, set())
        new = set(wanted) - held
        # before they are: who is broken off meanwhile may have them, and gives back what stands here
        held |= new
        try:
            await self._writer.write(lambda db: _take(db, wanted, owner, self._replica, now, until), Roots(keys=wanted))
        except Taken:
            held -= new
            return False
        return True

    async def release(self, owner: str) -> None:
        held = self._held.pop(owner, set())
        if not held:
            return
        try:
            await self._writer.write(lambda db: _release(db, held, owner), Roots(keys=held))
        finally:
            self._released.set()
            self._released = asyncio.Event()

    async def wait(self, keys: Sequence[str], seconds: float, now: float) -> bool:
        """Until they look free, at most so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            released = self._released
            if await self._readers.ask(lambda db: _free(db, keys, now)):
                return True
            left = end - loop.time()
            if left <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(released.wait(), min(LOOK_EVERY, left))

    def renew(self, db: Database, until: float) -> None:
        """With the leases of the jobs."""
        # in a thread of the writer, while others take locks and give them back: copied in one step each, then gone through
        held = sorted(key for keys in list(self._held.values()) for key in list(keys))
        if held:
            db.execute(
                f"UPDATE locks SET until = ? WHERE replica = ? AND key IN ({marks(len(held))})", (until, self._replica, *held)  # noqa: S608 - marks only
            )

    def keys(self) -> list[str]:
        return sorted(key for keys in self._held.values() for key in keys)


def _take(db: Database, keys: list[str], owner: str, replica: str, now: float, until: float) -> None:
    if not keys:
        return
    held = db.execute(
        f"SELECT key FROM locks WHERE key IN ({marks(len(keys))}) AND owner <> ? AND until > ?", (*keys, owner, now)  # noqa: S608 - marks only
    )
    if held.fetchone() is not None:
        raise Taken
    rows = ", ".join(["(?, ?, ?, ?)"] * len(keys))
    values: list[Any] = [part for key in keys for part in (key, owner, replica, until)]
    got = db.execute(
        f"INSERT INTO locks (key, owner, replica, until) VALUES {rows} ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, "  # noqa: S608 - marks only
        "replica = excluded.replica, until = excluded.until, epoch = locks.epoch + 1 "
        "WHERE locks.owner = excluded.owner OR locks.until <= ?",
        (*values, now),
    ).rowcount
    if got < len(keys):  # somebody was quicker
        raise Taken


def _release(db: Database, keys: set[str], owner: str) -> None:
    db.execute(f"DELETE FROM locks WHERE key IN ({marks(len(keys))}) AND owner = ?", (*sorted(keys), owner))  # noqa: S608 - marks only


def _free(db: Database, keys: Sequence[str], now: float) -> bool:
    held = db.execute(f"SELECT 1 FROM locks WHERE key IN ({marks(len(keys))}) AND until > ? LIMIT 1", (*keys, now))  # noqa: S608 - marks only
    return held.fetchone() is None
