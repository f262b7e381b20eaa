"""The promise kept on PostgreSQL: several replicas over one database, every commit on disk.

What keeps each of the invariants that one process keeps on SQLite by being alone:

* **One running job a lane; a job is claimed once.** A claim holds the chat's row (`claims`), and so does everything else that
  changes the state of one of its jobs; what was found to be due is asked once more under it.
* **A superseded job never writes; every write of a worker carries its epoch.** Plans, operations and outcomes are written with
  the chat's row held (`roots`), after the lease was looked at under it. Leases go by the clock that all replicas agree on.
* **A chat's revisions follow one another.** A source's deliveries are read by one replica at a time (`shifts`); a chat is
  changed only from the revision that was read; two replicas that make the same chat meet in its unique name.
* **Contacts of a visitor add up.** The visitor's row is held from before it is read.
* **One person, one client.** Identity locks are rows (`locks`), all or none. The commit that says `sent` writes the pending
  identities, whose primary key is single.
* **The brake is counted in the commit that adds one.** Those who count for one target stand in line (`guards`).
* **What a chat has delivered is a set**; adding to it twice adds once, whoever does it.
* **Figures add up.** Who adds to the lines of a source stands in line, too.
* **What was erased is not told again.** Erasing holds the chats, deliveries and visitors; whoever was reading one of the
  deliveries finds it over, and whoever changes one of the chats finds it under another name.
* **An alert is raised once, a token renewed by one.** Single statements that look and write.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bridge.clock import Clock, Steady
from bridge.errors import NoRoom, StoreAway
from bridge.model import Delivery
from bridge.store.one_site import rows_of
from bridge.store.personal import Personal
from bridge.store.plain import Plain
from bridge.store.postgres import claims, opening
from bridge.store.postgres.connecting import parameters
from bridge.store.postgres.database import Database
from bridge.store.postgres.finishing import Ended, finish
from bridge.store.postgres.opened import Opened
from bridge.store.postgres.readers import Readers
from bridge.store.postgres.shifts import Shifts
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
from bridge.store.statements import fetches, intake, jobs, people, retention, searching
from bridge.store.tallies import Tally

Result = TypeVar("Result")

#: seconds in which a delivery is on disk, or the chat service is told to come again
ACCEPTED_WITHIN = 8.0
#: seconds after which the database is asked again what time it is
AGREE_EVERY = 30.0
#: questions of pages at once
PAGES = 2


class PostgresStore(Plain):
    """See bridge.store.Store for what each method promises."""

    several = True

    def __init__(self, url: str, *, clock: Clock, service: bool = True) -> None:
        self.born_at = 0.0
        self._settings = parameters(url)
        self._service = service
        # a machine's own clock may be set; what replicas share goes by the database's
        self._clock = Steady(clock) if type(clock) is Clock else clock
        self._agreed_at = 0.0
        self._replica = uuid.uuid4().hex
        self._turns = jobs.Turns()
        self._owners: set[str] = set()
        self._shifts = Shifts(self._replica)
        self._opened: Opened | None = None
        self._pages: Readers | None = None

    async def open(self) -> None:
        found = await asyncio.to_thread(opening.prepare, self._settings, make=self._service)
        self.born_at = found.born_at
        self._agree(found.at)
        self._opened = Opened(self._settings, found.schema, self._replica)
        self._pages = Readers(self._settings, found.schema, threads=PAGES, name="store-pages")

    async def close(self) -> None:
        if self._opened is None:
            return
        opened, self._opened = self._opened, None
        with contextlib.suppress(NoRoom):  # it lapses by itself
            await opened.writer.write(self._give_back)
        await opened.close()
        if self._pages is not None:
            await asyncio.to_thread(self._pages.close)

    def _give_back(self, db: Database) -> None:
        """What this replica has of what lapses, so that nobody has to wait for that."""
        sources, deliveries = self._shifts.everything()
        self._shifts.give_back(db, sources)
        db.executemany(
            "UPDATE deliveries SET fetch_until = NULL WHERE id = ? AND state = 'fetching'", [(one,) for one in deliveries]
        )
        db.execute("DELETE FROM locks WHERE replica = ? AND key NOT LIKE 'source:%'", (self._replica,))
        now = self._clock.time()
        for owner in self._owners:
            db.execute(
                "UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_until = NULL, epoch = epoch + 1, next_at = ? "
                "WHERE state = 'running' AND lease_owner = ?",
                (now, f"{owner}/{self._replica}"),
            )

    def _agree(self, at: float) -> None:
        """All replicas go by the database's time. Tests' clocks go by nobody's but the test's."""
        self._clock.agree(at)
        self._agreed_at = time.monotonic()

    @property
    def _at(self) -> Opened:
        if self._opened is None:
            raise StoreAway("The database was not reached yet.")
        return self._opened

    async def _write(self, does: Callable[[Database], Result], roots: Roots = NOTHING) -> Result:
        return await self._at.writer.write(does, roots)

    async def _read(self, asks: Callable[[Database], Result]) -> Result:
        return await self._at.readers.ask(asks)

    # -- intake --

    async def accept(self, delivery: Delivery) -> Accepted:
        # not among the other writes: it waits for none of their locks
        accepting = self._at.intake.write(lambda db: intake.accept(db, delivery))
        try:
            async with asyncio.timeout(ACCEPTED_WITHIN):
                return await accepting
        except TimeoutError as error:
            raise NoRoom("The database takes too long.") from error

    async def received(self, limit: int) -> list[Delivery]:
        sources = await self._read(self._shifts.with_received)
        idle = self._shifts.idle(sources)
        if not sources and not idle:
            return []
        now = self._clock.time()

        def take(db: Database) -> list[Delivery]:
            self._shifts.give_back(db, idle)
            mine = self._shifts.take(db, sources, now)
            found = intake.received(db, limit, sources=mine) if mine else []
            self._shifts.hand_out(((one.id, one.source) for one in found), mine, to_fetch=False)
            return found

        return await self._write(take)

    async def record_sorted(self, results: Sequence[Sorted]) -> list[int]:
        now = self._clock.time()
        deliveries = [result.delivery for result in results]
        roots = Roots(
            deliveries=deliveries,
            named=[(change.chat.source, change.chat.chat_id) for result in results for change in result.changes],
            visitors=[(one.source, one.visitor_id) for result in results for one in result.contacts],
        )

        def record(db: Database) -> list[int]:
            self._shifts.require(db, deliveries, now)
            return intake.record_sorted(db, list(results), now)

        left = await self._write(record, roots)
        self._shifts.done(set(deliveries) - set(left))
        return left

    # -- fetching --

    async def claim_fetches(self, *, lease: float, room: Mapping[str, int]) -> list[Fetching]:
        now = self._clock.time()
        if not await self._read(lambda db: fetches.anything_due(db, room, now)):
            return []

        def take(db: Database) -> list[Fetching]:
            mine = self._shifts.take(db, room, now)
            found = fetches.claim(db, until=now + lease, now=now, room={source: room[source] for source in mine})
            self._shifts.hand_out(((one.delivery.id, one.delivery.source) for one in found), mine, to_fetch=True)
            return found

        return await self._write(take)

    # -- jobs --

    async def claim(self, *, owner: str, lease: float, room: Mapping[str, int]) -> list[Job]:
        await self._keep_time()
        now = self._clock.time()
        self._owners.add(owner)
        self._at.locks.lease = lease
        if not room:
            return []
        wanted = claims.Claim(f"{owner}/{self._replica}", now + lease, now, room, self._turns)
        jobs_taken: list[Job] = await self._at.writer.write_together(claims.claim, wanted)
        return jobs_taken

    async def _keep_time(self) -> None:
        if time.monotonic() - self._agreed_at >= AGREE_EVERY:
            found = await self._read(opening.look)
            self.born_at = found.born_at
            self._agree(found.at)

    async def renew(self, held: Mapping[int, int], lease: float) -> set[int]:
        until = self._clock.time() + lease
        locks = self._at.locks

        def prolong(db: Database) -> set[int]:
            locks.renew(db, until)
            return jobs.renew(db, held, until)

        return await self._write(prolong, Roots(jobs=list(held), keys=locks.keys()))

    async def finish(self, job: Job, outcome: Outcome, attempt: Attempt | None, tally: Tally | None = None) -> None:
        ended = Ended(job, outcome, attempt, tally, self._clock.time())
        await self._at.writer.write_together(finish, ended, Roots(chats=[job.chat_row]), last=True)

    # -- identity --

    async def lock(self, keys: Sequence[str], owner: str, seconds: float) -> bool:
        return await self._at.locks.take(keys, owner, self._clock.time(), seconds)

    async def unlock(self, owner: str) -> None:
        await self._at.locks.release(owner)

    async def unlocked(self, keys: Sequence[str], seconds: float) -> bool:
        return await self._at.locks.wait(keys, seconds, self._clock.time())

    # -- people's data --

    async def forget(self, what: Forgetting) -> Erased:
        now = self._clock.time()
        roots = Roots(chats=list(what.chats), deliveries=list(what.deliveries), visitors=what.visitors)
        busy = await self._write(lambda db: people.forget(db, what, now), roots)
        # what stood in the server's files is written over when the server needs the place
        return Erased(busy=busy, swept=False)

    # -- what replicas agree on --

    async def agree(self, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
        return await self._at.agreements.agree(name, change)

    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]:
        return await self._at.agreements.agreed(since)

    # -- upkeep --

    async def clock_moved(self, seconds: float) -> None:
        """A replica's clock that was set moves nothing here: what is waited for goes by the database's clock."""

    async def prune(self, keep: Keep, limit: int) -> int:
        """By one replica at a time; the others find that nothing is left to do."""

        def slice_of_it(db: Database) -> int:
            if not opening.alone(db, "pruning"):
                return 0
            return retention.prune(db, keep, limit, hold=opening.hold)

        return await self._write(slice_of_it)

    async def index_older(self, limit: int) -> int:
        def slice_of_it(db: Database) -> int:
            return searching.index_older(db, limit) if opening.alone(db, "indexing") else 0

        return await self._write(slice_of_it)

    # -- reading --

    def reading(self, site: str | None = None) -> Reading:
        return Reading(self._rows if site is None else rows_of(site, self._rows))

    def personal(self) -> Personal:
        return Personal(self._rows)

    async def _rows(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        if self._pages is None:
            raise StoreAway("The database was not reached yet.")
        return await self._pages.rows(sql, values)
