"""Two workers and a CRM, run step by step in every order: the search behind tests/test_once.py.

The real pipeline, worker and store statements run here, on SQLite in memory, but nothing happens between two of their writes or
calls unless the search says so. At each such point it may let another job go first, kill the process, break an attempt off,
freeze it beyond its lease, or have the CRM's answer be lost; each of that costs from a budget. Whenever nobody is in the middle
of anything the whole world is data, so that what was reached by two ways is searched but once.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count
from types import coroutine
from typing import Any
from zlib import compress, decompress

from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections.sources import Source
from bridge.connections.targets import Target
from bridge.crm.call import Guard
from bridge.crm.look import Look
from bridge.errors import NoAnswer, NotFound
from bridge.model import Client, Operation, Step
from bridge.pipeline import Pipeline
from bridge.pipeline.attempt import Attempting
from bridge.store.records import Job
from bridge.store.roots import NOTHING, Roots
from bridge.store.sqlite import SqliteStore, claims
from bridge.store.statements import jobs
from bridge.worker import Worker

BEGINNING = datetime(2026, 11, 21, 9, 0, tzinfo=UTC).timestamp()
LEASE = 60.0
#: how long a CRM's search lags behind, and how late a request whose answer was lost may take effect, in seconds
DELAY, COMMITS_WITHIN = 5.0, 60.0
#: seconds from now; before that it makes no difference when something was written, was sent and left open, or a lease ended
LAGS, UNSETTLED, TAKEN_OVER = -DELAY - 1, -DELAY - COMMITS_WITHIN - 1, -1.0
#: points at which something is about to change; to break off before a mere question is to break off before what follows it
CHANGES = ("write", "send")
#: the process dies; the attempt is broken off; it stands still beyond its lease
IN_BETWEEN = ("kill", "cancel", "freeze")
#: carried out, the answer lost; never arrived; carried out much later
OF_A_REQUEST = ("lost", "never", "late")
FAULTS = (*IN_BETWEEN, *OF_A_REQUEST)


class Killed(BaseException):
    """The process is gone; nothing more of it is carried out."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still go otherwise than by itself."""

    #: crashes, lost leases, lost answers
    faults: int
    #: times that another job goes on in the middle of one
    switches: int

    def spent(self, other: Budget) -> Budget:
        return Budget(self.faults - other.faults, self.switches - other.switches)

    def covers(self, other: Budget) -> bool:
        return self.faults >= other.faults and self.switches >= other.switches


FREE, SWITCH, FAULT = Budget(0, 0), Budget(0, 1), Budget(1, 0)


@coroutine
def point(what: str) -> Generator[str, str, str]:
    """Something is about to happen. Gives the search's word for it, `go` if nothing is the matter."""
    word = yield what
    return word


class StillClock(Clock):
    def __init__(self, at: float) -> None:
        self.at = at

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class Ledger(SqliteStore):
    """The store's own statements, each a point at which the search may step in."""

    def __init__(self, db: sqlite3.Connection, clock: Clock) -> None:
        super().__init__("nowhere", clock=clock)
        self.db = db

    async def _write(self, call: Callable[[sqlite3.Connection], Any], roots: Roots = NOTHING, *, long: bool = False) -> Any:
        await point("write")
        return self.now(call)

    def now(self, call: Callable[[sqlite3.Connection], Any]) -> Any:
        # within the play, of which nothing stays
        self.db.execute("SAVEPOINT written")
        try:
            return call(self.db)
        except BaseException:
            self.db.execute("ROLLBACK TO written")
            raise
        finally:
            self.db.execute("RELEASE written")

    def _connection(self) -> sqlite3.Connection:
        return self.db

    async def lock(self, keys: Sequence[str], owner: str, seconds: float) -> bool:
        await point("lock")
        return await super().lock(keys, owner, seconds)

    async def unlocked(self, keys: Sequence[str], seconds: float) -> bool:
        await point("locked")
        return True


@dataclass(frozen=True, slots=True)
class Record:
    kind: str
    marker: str
    client: str | None
    #: when the CRM carried the request out
    landed_at: float
    id: str


class LaggingCrm:
    """Speaks like bridge.crm.client.Crm. What it has is found by a search only `consistency_delay` later, and a request whose
    answer was lost may take effect as late as `commits_within` after it was sent."""

    may_wait = 0.0
    commits_within = COMMITS_WITHIN
    consistency_delay = DELAY

    def __init__(self, clock: Clock, phone: str, records: Sequence[Record] = (), *, markers: bool = True) -> None:
        self.clock = clock
        self.phone = phone
        self.records = list(records)
        self.markers = markers

    def _landed(self, kind: str, client: str | None = None, *, lag: float = 0.0) -> list[Record]:
        now = self.clock.time()
        return [one for one in self.records
                if one.kind == kind and one.landed_at + lag <= now and client in (None, one.client)]  # fmt: skip

    async def find(self, scope: Mapping[str, Any], **asked: Any) -> list[Client]:
        await point("find")
        return [Client(id=one.id, phones=(self.phone,)) for one in self._landed("create", lag=self.consistency_delay)]

    async def read(self, client: Client | str, scope: Mapping[str, Any], steps: list[Step]) -> Client:
        await point("read")
        wanted = client.id if isinstance(client, Client) else client
        if not any(one.id == wanted for one in self._landed("create")):
            raise NotFound
        return Client(id=wanted, phones=(self.phone,))

    async def open_deals(self, client: Client, scope: Mapping[str, Any], steps: list[Step]) -> list[dict[str, Any]]:
        await point("open deals")
        return [{"id": one.id} for one in self._landed("deal", client.id, lag=self.consistency_delay)]

    async def perform(self, operation: Operation, scope: Mapping[str, Any], steps: list[Step], *,
                      guard: Guard, again_headers: Mapping[str, str] | None = None) -> str:  # fmt: skip
        fate = await point("send")
        await guard()
        now = self.clock.time()
        landed_at = {"never": None, "late": now + self.commits_within}.get(fate, now)
        # the same in whatever order the records are made
        same = sum(one.marker == operation.marker for one in self.records)
        record_id = f"{operation.kind}-{operation.marker}-{same + 1}"
        if landed_at is not None:
            client = (operation.scope.get("client") or {}).get("id")
            self.records.append(Record(str(operation.kind), operation.marker, client, landed_at, record_id))
        if fate != "go":
            raise NoAnswer
        return record_id

    async def look(self, operation: Operation, scope: Mapping[str, Any], steps: list[Step], **more: Any) -> Look:
        await point("look")
        if not self.markers:
            return Look.unknown("there is no way to look")
        hits = [one for one in self._landed(str(operation.kind), lag=self.consistency_delay) if one.marker == operation.marker]
        return Look.found(hits[0].id) if hits else Look.absent()

    async def find_owner(self, email: str, steps: list[Step] | None = None) -> str | None:
        return None

    def card_url(self, client: Client) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class World:
    """All there is while nobody is in the middle of anything."""

    at: float
    #: packed: there may be tens of thousands
    db: bytes
    records: tuple[Record, ...]
    #: jobs that were claimed and not begun
    claimed: tuple[int, ...]
    budget: Budget

    def opened(self) -> sqlite3.Connection:
        """Its database, to play on. One that was made of bytes gives as its bytes only what is committed, and a play never is: so
        its pages go into another.
        """
        db = in_memory()
        with Opened(self.db) as kept:
            kept.backup(db)
        return db


def shape(at: float, db: sqlite3.Connection, records: Sequence[Record], claimed: Sequence[int]) -> bytes:
    """The same for worlds that will go on alike: times count from now, and as far as they make a difference; how often something
    was tried does not count, nor what a job that is done had to do.
    """

    def from_now(moment: float | None, least: float) -> float | None:
        return None if moment is None else max(least, round(moment - at, 1))

    rows: list[object] = [tuple(claimed)]
    rows += [
        (job["id"], job["state"])
        if job["state"] == "done"
        else (*job[:5], from_now(job["next_at"], 0.0), from_now(job["lease_until"], TAKEN_OVER))
        for job in db.execute("SELECT id, state, reason, generation, plan, next_at, lease_until FROM jobs")
    ]
    rows += [
        (*row[:5], from_now(row["sent_at"], UNSETTLED) if row["state"] == "sent" else None,
         from_now(row["settled_at"], LAGS) if row["state"] == "done" else None)
        for row in db.execute(
            "SELECT job, position, state, answered, record_id, sent_at, settled_at FROM operations ORDER BY job, position")
    ]  # fmt: skip
    rows += [
        (*row[:-1], from_now(row["written_at"], LAGS))
        for row in db.execute("SELECT kind, value, client_id, operation, written_at FROM identities ORDER BY kind, value")
    ]
    rows += [tuple(row) for row in db.execute("SELECT * FROM delivered ORDER BY 1, 2, 3")]
    rows += sorted((one.id, one.kind, one.marker, one.client, from_now(one.landed_at, LAGS)) for one in records)
    return blake2b(repr(rows).encode(), digest_size=16).digest()


@dataclass(slots=True)
class Actor:
    """An attempt under way."""

    attempt: Attempting
    steps: Coroutine[str, str, None]
    at: str = ""
    #: beyond its lease, and goes on when the others are done
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class After:
    """What a world has become, for as long as its database is not put back."""

    at: float
    db: sqlite3.Connection
    records: tuple[Record, ...]
    claimed: tuple[int, ...]

    def shape(self) -> bytes:
        return shape(self.at, self.db, self.records, self.claimed)

    def kept(self, budget: Budget) -> World:
        return World(self.at, compress(self.db.serialize(), 1), self.records, self.claimed, budget)


Choose = Callable[[list[tuple[Budget, str]]], str]


@dataclass(slots=True)
class Stage:
    """From one moment at which nobody is in the middle of anything to the next."""

    settings: Settings
    sources: Mapping[str, Source]
    target: Target
    phone: str
    choose: Choose
    markers: bool = True
    clock: StillClock = field(init=False)
    crm: LaggingCrm = field(init=False)
    worker: Worker = field(init=False)
    store: Ledger = field(init=False)
    actors: list[Actor] = field(default_factory=list)

    def play(self, world: World, db: sqlite3.Connection) -> After | None:
        """What the world is after it; None if nothing is left to do. `db`: the world's own, to be put back afterwards."""
        self.clock = StillClock(world.at)
        self.crm = LaggingCrm(self.clock, self.phone, world.records, markers=self.markers)
        self._start(db)
        if not self._begin(world.claimed):
            return None
        self._step()
        while any(actor.at for actor in self.actors):
            self._step()
        return After(self.clock.at, db, tuple(self.crm.records), tuple(sorted(self._claimed())))

    def _start(self, db: sqlite3.Connection) -> None:
        self.store = Ledger(db, self.clock)
        targets = {self.target.name: replace(self.target, crm=self.crm)}
        pipeline = Pipeline.of(self.store, self.clock, self.settings, self.sources, targets)
        self.worker = Worker(self.store, self.clock, pipeline, self.settings.retry, _Nobody(), lease=LEASE)

    def _begin(self, claimed: Sequence[int]) -> bool:
        """Go on with what is claimed; else take up what is due, after the time it takes until something is."""
        if claimed:
            for job_id in claimed:
                job = self.store.now(lambda db, job_id=job_id: jobs.job(db, job_id))  # type: ignore[misc]
                (lease_until,) = self.store.db.execute("SELECT lease_until FROM jobs WHERE id = ?", (job_id,)).fetchone()
                self._take_up(job, lease_until)
            return True
        moments = self.store.db.execute(
            "SELECT next_at FROM jobs WHERE state IN ('pending', 'retrying', 'waiting') "
            "UNION ALL SELECT lease_until + 0.1 FROM jobs WHERE state = 'running'"
        ).fetchall()
        if not moments:
            return False
        self.clock.at = max(self.clock.at, min(moment for (moment,) in moments))
        self._claim()
        return True

    def _claim(self) -> None:
        now = self.clock.at
        room = {self.target.name: 9}
        claimed = self.store.now(lambda db: claims.claim(db, owner="w", until=now + LEASE, now=now, room=room))
        for job in claimed:
            self._take_up(job, now + LEASE)

    def _take_up(self, job: Job, lease_until: float) -> None:
        attempt = Attempting(job=job, clock=self.clock, lease_until=lease_until)
        self.actors.append(Actor(attempt, self.worker._attempt(attempt)))

    def _claimed(self) -> Iterator[int]:
        for actor in self.actors:
            job = actor.attempt.job
            assert self.store.now(lambda db, job=job: jobs.job(db, job.id)) == job  # type: ignore[misc]
            actor.steps.close()
            yield job.id

    def _step(self) -> None:
        """The first of the actors takes a step, unless the search has another word for it."""
        actor = self.actors[0]
        others = [(FREE if not actor.at else SWITCH, f"switch {place}") for place in range(1, len(self.actors))]
        options = [(FREE, "go"), *others]
        possible = {*(IN_BETWEEN if actor.at in CHANGES else ()), *(OF_A_REQUEST if actor.at == "send" else ())}
        if actor.frozen:
            possible.discard("freeze")
        options += [(FAULT, fault) for fault in FAULTS if fault in possible]
        word = self.choose(options)
        if word.startswith("switch"):
            self.actors.insert(0, self.actors.pop(int(word.split()[1])))
            self._go(self.actors[0], "go")
        elif word == "kill":
            self._kill()
        elif word == "cancel":
            self._throw(actor, asyncio.CancelledError())
        elif word == "freeze":
            self._freeze(actor)
        else:
            self._go(actor, word)

    def _go(self, actor: Actor, word: str) -> None:
        try:
            # who only lets the others come as far (`in_step`) says nothing
            actor.at = actor.steps.send(word if actor.at else None) or "step"  # type: ignore[arg-type]  # how a coroutine is begun
        except StopIteration:
            self.actors.remove(actor)

    def _throw(self, actor: Actor, error: BaseException) -> None:
        try:
            actor.at = actor.steps.throw(error) or "step"
        except (StopIteration, asyncio.CancelledError, Killed):
            self.actors.remove(actor)

    def _kill(self) -> None:
        def gone(*_: object) -> None:
            raise Killed

        # nothing of the old process is written any more, neither does it give back its locks; the new one has none
        self.store.now = gone  # type: ignore[method-assign, assignment]
        for actor in list(self.actors):
            if actor.at:
                self._throw(actor, Killed())
            else:
                actor.steps.close()
                self.actors.remove(actor)
        self._start(self.store.db)
        self.store.now(lambda db: claims.void_all_leases(db, self.clock.at))

    def _freeze(self, actor: Actor) -> None:
        """It stands still until its lease is over and another worker takes the job up; the leases of the others are renewed.

        Its locks lapse as well, as those of an owner that vanished may.
        """
        actor.frozen = True
        self.store._locks.release(actor.attempt.lock_owner)
        self.clock.at += LEASE + 1
        for other in self.actors:
            if other is not actor and not other.frozen:
                held = {other.attempt.job.id: other.attempt.job.epoch}
                self.store.now(lambda db, held=held: jobs.renew(db, held, self.clock.at + LEASE))  # type: ignore[misc]
                other.attempt.lease_until = self.clock.at + LEASE
        self.actors.append(self.actors.pop(0))
        behind = self.actors[:]
        self.actors.clear()
        self._claim()
        self.actors += behind


class _Nobody:
    def finished(self, *_: object) -> None: ...


def in_memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
    db.row_factory = sqlite3.Row
    return db


class Opened:
    """A database out of its bytes, for as long as the block lasts."""

    def __init__(self, db: bytes) -> None:
        self.db = in_memory()
        self.db.deserialize(decompress(db))

    def __enter__(self) -> sqlite3.Connection:
        return self.db

    def __exit__(self, *_: object) -> None:
        self.db.close()


class Search:
    """Every way through the world that the budget pays for."""

    def __init__(self, stage: Callable[[Choose], Stage], end: Callable[[World], None],
                 always: Callable[[Sequence[Record]], None] = lambda _: None) -> None:  # fmt: skip
        self._stage = stage
        self._end = end
        self._always = always
        self.played = 0
        self._seen: dict[bytes, list[Budget]] = {}
        #: where a world goes if nothing more goes wrong
        self._by_itself: dict[bytes, set[bytes]] = defaultdict(set)
        self._ends: set[bytes] = set()

    def run(self, first: World) -> None:
        """Raises AssertionError, with the way that led there, for an end that `end` refuses, or any world that `always` does."""
        # those first that may spend most: then hardly any is reached again with more left than before
        with Opened(first.db) as db:
            known = shape(first.at, db, first.records, first.claimed)
        self._seen[known] = [first.budget]
        order = count()
        open_worlds: list[tuple[tuple[int, int], int, bytes, World, tuple[str, ...]]] = []
        heappush(open_worlds, (_least_spent(first.budget), next(order), known, first, ()))
        while open_worlds:
            _, _, known, world, way = heappop(open_worlds)
            if world.budget not in self._seen[known]:
                continue  # reached with more left meanwhile
            for after, budget, words in self._ways_on(world):
                if after is None:
                    self._ends.add(known)
                    _held(self._end, world, way)
                    break
                told = (*way, f"after {after.at - first.at:g} s: {', '.join(words)}") if words else way
                _held(self._always, after.records, told)
                following = after.shape()
                if budget == world.budget:
                    self._by_itself[known].add(following)
                if self._is_new(following, budget):
                    heappush(open_worlds, (_least_spent(budget), next(order), following, after.kept(budget), told))

    def stuck(self) -> set[bytes]:
        """The worlds from which no end can be reached although nothing more goes wrong."""
        reach, before = set(self._ends), defaultdict(set)
        for shape, following in self._by_itself.items():
            for one in following:
                before[one].add(shape)
        edge = list(reach)
        while edge:
            for shape in before[edge.pop()] - reach:
                reach.add(shape)
                edge.append(shape)
        return set(self._seen) - reach

    def _is_new(self, shape: bytes, budget: Budget) -> bool:
        known = self._seen.get(shape, [])
        if any(one.covers(budget) for one in known):
            return False
        self._seen[shape] = [*(one for one in known if not budget.covers(one)), budget]
        return True

    def _ways_on(self, world: World) -> Iterator[tuple[After | None, Budget, list[str]]]:
        """Depth first over the choices: each play repeats the last one up to the choice that has another option left. What a play
        gives is good until the next one.
        """
        track: list[int] | None = []
        with contextlib.closing(world.opened()) as db:
            db.execute("SAVEPOINT as_it_was")
            while track is not None:
                choices = Choices(world.budget, track)
                self.played += 1
                yield self._stage(choices.choose).play(world, db), choices.left, choices.words
                db.execute("ROLLBACK TO as_it_was")
                track = choices.next_track()


def _least_spent(budget: Budget) -> tuple[int, int]:
    return -budget.faults, -budget.switches


def _held(check: Callable[[Any], None], what: object, way: Sequence[str]) -> None:
    try:
        check(what)
    except AssertionError as error:
        error.add_note(f"the way there: {'; '.join(way) or 'nothing went wrong'}")
        raise


class Choices:
    """The options taken in one play: first those of `track`, then always the first."""

    def __init__(self, budget: Budget, track: Sequence[int]) -> None:
        self.left = budget
        self.words: list[str] = []
        self._track = track
        self._taken: list[tuple[int, int]] = []

    def choose(self, options: list[tuple[Budget, str]]) -> str:
        payable = [option for option in options if self.left.covers(option[0])]
        place = len(self._taken)
        index = self._track[place] if place < len(self._track) else 0
        self._taken.append((index, len(payable)))
        cost, word = payable[index]
        self.left = self.left.spent(cost)
        if index:
            self.words.append(f"{word} at {place}")
        return word

    def next_track(self) -> list[int] | None:
        """The same but for the last choice that has another option; None if all have been taken."""
        taken = self._taken[:]
        while taken and taken[-1][0] + 1 >= taken[-1][1]:
            taken.pop()
        if not taken:
            return None
        return [*(index for index, _ in taken[:-1]), taken[-1][0] + 1]
