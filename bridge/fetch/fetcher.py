"""Deliveries that wait for something the provider keeps → what they mean.

Of each source a few are fetched for at once; none waits for another's, but for one that asks for the same. Whatever fails
is tried again, later and later, until a person has to decide; a provider that is down, or refuses our key, rests.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, CrmError, EmptyExpression, NoRoom, StoreError
from bridge.fetch.connection import Connection
from bridge.fetch.failures import AsksForEver, Failure, NotReady, Remedy, sort_out
from bridge.pacing.board import Board
from bridge.pacing.breaker import Breakers
from bridge.pacing.retry import RetryRules, gives_up
from bridge.parse import Understood, Wanted
from bridge.sort import Sorter
from bridge.store import Fetching, Sorted, Store
from bridge.store.records import ToFetch

log = structlog.get_logger()

#: seconds between two looks if nothing wakes the fetcher
POLL = 1.0
#: deliveries of one source at once
AT_ONCE = 4
#: seconds in which what one delivery wants has to be there
WITHIN = 240.0
#: seconds after which another process may take a delivery that this one has not finished
LEASE = 300.0
#: refusals in a row after which a source rests: one alone may be about that one chat
REFUSALS = 2
#: seconds of that rest; afterwards one delivery tries
REST = 300.0
#: how often rules may want something else after an answer
ROUNDS = 3
#: how often a result is recorded anew because its chat has moved on meanwhile
RECORDINGS = 5


class Observer(Protocol):
    def alert(self, cause: str, text: str) -> None: ...


@dataclass(slots=True)
class _Asked:
    """What became of one delivery's requests."""

    understood: Understood
    findings: tuple[str, ...] = ()
    #: by the number of the part
    failures: Mapping[int, Failure] = field(default_factory=dict)


@dataclass(slots=True)
class _Refusals:
    in_a_row: int = 0
    #: on the monotonic clock
    until: float = 0.0


@dataclass(slots=True)
class Fetcher:
    store: Store
    clock: Clock
    sorter: Sorter
    retry: RetryRules
    #: replaced as a whole on reload
    connections: Mapping[str, Connection]
    observer: Observer
    #: called when chats have come of it
    wake: Callable[[], None]
    #: where there are replicas: what they agree on
    board: Board | None = None
    breakers: Breakers = field(init=False)
    _refusals: dict[str, _Refusals] = field(default_factory=dict, init=False)
    _running: dict[int, tuple[str, asyncio.Task[None]]] = field(default_factory=dict, init=False)
    _free: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(self.clock, self.board, "source")

    async def work(self) -> None:
        """For ever; to be cancelled. What is under way then is done again after the next start."""
        try:
            while True:
                self._free.clear()
                try:
                    started = await self.start_due()
                except (BridgeError, OSError) as error:
                    log.error("fetches.unclaimed", why=str(error))  # noqa: TRY400 - the store said why; a trace adds nothing
                    started = 0
                if not started:
                    await self._pause()
        finally:
            tasks = [task for _, task in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def start_due(self) -> int:
        """Begin with what is due and has a place; gives how many."""
        found = await self.store.claim_fetches(lease=LEASE, room=self._room())
        for due in found:
            task = asyncio.create_task(self._fetch(due), name=f"fetch-{due.delivery.id}")
            self._running[due.delivery.id] = (due.delivery.source, task)
        return len(found)

    async def finished(self) -> None:
        """Wait until nothing is under way."""
        while self._running:
            await asyncio.gather(*(task for _, task in self._running.values()), return_exceptions=True)

    def let_in(self) -> None:
        """With a new config every source may try at once."""
        self._refusals.clear()
        self.breakers.forget()

    def _room(self) -> dict[str, int]:
        now = self.clock.monotonic()
        resting = self.breakers.closed_to_new() | {name for name, one in self._refusals.items() if one.until > now}
        # of a source that has rested, one delivery goes first and finds out whether the others may follow
        probing = self.breakers.to_be_probed() | {name for name, one in self._refusals.items() if one.in_a_row >= REFUSALS}
        busy = Counter(source for source, _ in self._running.values())
        places = {
            name: (1 if name in probing else AT_ONCE) - busy[name] for name in self.connections if name not in resting
        }
        return {name: free for name, free in places.items() if free > 0}

    async def _pause(self) -> None:
        """Until a place is free, at most POLL seconds."""
        waiting, sleeping = asyncio.create_task(self._free.wait()), asyncio.create_task(self.clock.sleep(POLL))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()

    # -- one delivery --------------------------------------------------------------------------------------------------

    async def _fetch(self, due: Fetching) -> None:
        try:
            began = self.clock.monotonic()
            try:
                asked = await self._ask(due, self.connections[due.delivery.source])
            except Exception as error:  # one delivery's bad luck with a fault of ours must not stop the others
                log.exception("fetch.broke", delivery=due.delivery.id)
                why = f"A fault in chat2crm ({type(error).__name__}); please report it."
                asked = _Asked(Understood(), failures=dict.fromkeys(due.wants.parts, Failure(Remedy.LATER, why)))
            self._take_note(due.delivery.source, tuple(asked.failures.values()))
            try:
                await self._record(due, asked, self.clock.monotonic() - began)
            except (BridgeError, OSError):
                raise
            except Exception as error:  # as above; once more would end the same
                log.exception("delivery.broke_sorter", delivery=due.delivery.id)
                why = f"A fault in chat2crm ({type(error).__name__}); please report it."
                await self.store.record_sorted(
                    [Sorted(delivery=due.delivery.id, state="held", fetch=replace(due.wants, at=0.0), reason=why)]
                )
        except (NoRoom, StoreError, OSError) as error:
            # not recorded: it is fetched again when the lease is over
            log.error("fetch.unrecorded", delivery=due.delivery.id, why=str(error))  # noqa: TRY400 - as above
        finally:
            self._running.pop(due.delivery.id, None)
            self._free.set()

    async def _ask(self, due: Fetching, connection: Connection) -> _Asked:
        """Send what is wanted, and whatever is wanted after that, until the rest can be read."""
        open_parts, failures = set(due.wants.parts), dict[int, Failure]()
        fetched: dict[int, Mapping[str, Any]] = {}
        findings: list[str] = []
        for number in itertools.count():
            understood = self.sorter.understand(due.delivery, fetched=fetched, only=open_parts)
            if not understood.wanted:
                break
            for wanted in understood.wanted:
                # after an outage or a refusal the others would fare no better
                stuck = next((one for one in failures.values() if one.outage or one.remedy is Remedy.REST), None)
                endless = sort_out(AsksForEver()) if number == ROUNDS else None
                got = stuck or endless or await self._one(wanted, connection, findings)
                if isinstance(got, Failure):
                    failures[wanted.part] = got
                    open_parts.discard(wanted.part)
                else:
                    fetched[wanted.part] = got
        return _Asked(understood, tuple(findings), failures)

    async def _one(self, wanted: Wanted, connection: Connection, findings: list[str]) -> Mapping[str, Any] | Failure:
        try:
            async with asyncio.timeout(WITHIN):
                got = await connection.fetch(wanted)
        except (CrmError, EmptyExpression, NotReady, TimeoutError) as error:
            return sort_out(error)
        findings += got.findings
        return got.values

    async def _record(self, due: Fetching, asked: _Asked, seconds: float) -> None:
        delivery = due.delivery
        wants, decisive = self._next(due.wants, asked.failures)
        for _ in range(RECORDINGS):
            result = await self.sorter.meaning(delivery, asked.understood, wants=wants, before=due.event)
            result = replace(result, findings=(*result.findings, *asked.findings))
            if decisive is not None:
                result = replace(result, state="fetching" if wants and wants.at else "held", reason=decisive.why)
            if not await self.store.record_sorted([result]):
                break
        if result.changes or result.contacts:
            self.wake()
        if decisive is None:
            ms = round(seconds * 1000)
            log.info("delivery.fetched", delivery=delivery.id, source=delivery.source, state=result.state, ms=ms)
        else:
            log.warning(
                "delivery.held" if result.state == "held" else "fetch.failed", delivery=delivery.id, source=delivery.source,
                attempt=due.wants.attempts + 1, why=decisive.why,
            )  # fmt: skip

    def _next(self, wants: ToFetch, failures: Mapping[int, Failure]) -> tuple[ToFetch | None, Failure | None]:
        """What is still to be fetched and when, and the failure that decides it; time 0: not by itself."""
        if not failures:
            return None, None
        decisive = min(failures.values(), key=lambda one: one.remedy is Remedy.PERSON)
        now, number = self.clock.time(), wants.attempts + 1
        since = wants.failing_since if wants.failing_since is not None else now
        left = replace(wants, parts=tuple(sorted(failures)), failing_since=since,
                       attempts=number if decisive.uses_attempt else wants.attempts)  # fmt: skip
        if decisive.remedy is Remedy.PERSON:
            return replace(left, at=0.0), decisive
        if gives_up(left.attempts, now - since, self.retry):
            return replace(left, at=0.0), replace(decisive, why=f"Tried {number} times. {decisive.why}")
        wait = decisive.wait(number, self.retry, random.random())  # noqa: S311 - jitter, not a secret
        return replace(left, at=now + (REST if decisive.remedy is Remedy.REST else wait)), decisive

    def _take_note(self, source: str, failures: Sequence[Failure]) -> None:
        """Whether the source's provider is up and lets us in."""
        refused = next((one for one in failures if one.remedy is Remedy.REST), None)
        if refused is not None:
            known = self._refusals.setdefault(source, _Refusals())
            known.in_a_row += 1
            if known.in_a_row >= REFUSALS:
                known.until = self.clock.monotonic() + REST
                self.observer.alert(f"fetching:{source}", f"Nothing is fetched for {source} for now. {refused.why}")
            return
        if any(one.outage for one in failures):
            self.breakers.failed(source)
            return
        self.breakers.answered(source)
        self._refusals.pop(source, None)
