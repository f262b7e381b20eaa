"""Claims due jobs, runs the pipeline over each, records the attempt and sets what comes next.

`endings` says what comes of an attempt's end: again, a rest for its target, a person.

A job is a worker's own under a lease; renewing it is one statement for all. Whatever goes wrong in one job stays in that job.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from bridge.clock import Clock, Steady
from bridge.errors import BridgeError, NoRoom, StaleLease
from bridge.pacing.board import Board
from bridge.pacing.breaker import Breakers
from bridge.pacing.retry import RetryRules
from bridge.pipeline.attempt import Attempting
from bridge.store import Attempt, Job, Outcome, Store, TargetStop
from bridge.worker.endings import Endings

log = structlog.get_logger()

#: seconds between two looks if nothing wakes the worker (a command beside the service writes to the same store)
POLL = 1.0
#: seconds for which a replica that tries a target keeps the others from it; it says so again while it does
PROBE = 10.0
#: seconds by which the wall clock may part from the monotonic one between two looks before it was set by somebody
JUMP = 5.0
#: reasons of waiting that are too short and too frequent to stand in a job's trace
UNRECORDED = frozenset({"client_busy"})


async def _nobody_else() -> None: ...


class Runs(Protocol):
    async def run(self, attempt: Attempting) -> Outcome: ...


class Observer(Protocol):
    def finished(self, job: Job, outcome: Outcome, seconds: float) -> None: ...


@dataclass(slots=True)
class Worker:
    store: Store
    clock: Clock
    pipeline: Runs
    retry: RetryRules
    observer: Observer
    #: jobs of one target at once
    concurrency: int = 16
    #: seconds; longer than any request's time-out, with room for a renewal that comes late
    lease: float = 60.0
    known_targets: Callable[[], Mapping[str, object]] = dict
    name: str = "worker"
    #: awaited before jobs are begun: returns when what is more urgent has been seen to
    after_you: Callable[[], Awaitable[None]] = _nobody_else
    #: where there are replicas: what they agree on
    board: Board | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    breakers: Breakers = field(init=False)
    _endings: Endings = field(init=False)
    _steady: Steady = field(init=False)
    _stops: dict[str, TargetStop] = field(default_factory=dict, init=False)
    _running: dict[int, tuple[Attempting, asyncio.Task[None]]] = field(default_factory=dict, init=False)
    _free: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(self.clock, self.board)
        self._endings = Endings(self.store, self.clock, lambda: self.retry, self.breakers)
        self._steady = self.clock if isinstance(self.clock, Steady) else Steady(self.clock)

    async def work(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; what is in flight is finished by `drain`."""
        renewing = asyncio.create_task(self._renew_for_ever())
        try:
            while not stopping.is_set():
                self.news.clear()
                await self.after_you()
                started, due = 0, None
                try:
                    started = await self._start_due()
                    if not started:
                        due = await self.store.next_due(self.known_targets())
                except (NoRoom, OSError) as error:
                    log.error("jobs.unclaimed", why=str(error))  # noqa: TRY400 - the store said why; a trace adds nothing
                except Exception:  # whatever it is, the jobs are on disk and looked for again
                    log.exception("jobs.unclaimed")
                if not started:
                    await self._pause(stopping, due)
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing

    async def drain(self, seconds: float) -> None:
        """Let attempts that are under way end, at most so long; then break them off: the journal knows where they were."""
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _mind_the_clock(self) -> None:
        """Somebody may set it, or the machine may have slept."""
        moved = self._steady.behind()
        # first of all, so that whatever is written by the new time is written after what it would be compared with was moved
        self._steady.set(moved)
        if abs(moved) > JUMP:
            try:
                await self.store.clock_moved(moved)
            except Exception:
                self._steady.set(-moved)
                raise
            log.warning("clock.moved", seconds=round(moved, 1))

    async def _start_due(self) -> int:
        await self._mind_the_clock()
        room = await self._room()
        # from before the claim: its commit may take long, and the store counts from when it was asked
        lease_until = self.clock.monotonic() + self.lease
        jobs = await self.store.claim(owner=self.name, lease=self.lease, room=room)
        for job in jobs:
            if job.id in self._running:  # its lease was over (the machine slept) and nobody else took it
                self._running[job.id][1].cancel()
            attempt = Attempting(job=job, clock=self.clock, lease_until=lease_until)
            task = asyncio.create_task(self._attempt(attempt), name=f"job-{job.id}")
            self._running[job.id] = (attempt, task)
            # not in the task itself: one that is broken off before its first step would keep its place for ever
            task.add_done_callback(partial(self._over, attempt))
        return len(jobs)

    def _over(self, attempt: Attempting, _: asyncio.Task[None]) -> None:
        if self._running.get(attempt.job.id, (None,))[0] is attempt:
            del self._running[attempt.job.id]
        self._free.set()
        self.news.set()

    async def _room(self) -> dict[str, int]:
        """How many jobs of each target may be taken up now. Every target has places of its own, so that one whose CRM takes
        its time takes none from the others.
        """
        now = self.clock.time()
        self._stops = await self.store.stops()
        resting = self.breakers.closed_to_new() | {
            name for name, stop in self._stops.items() if stop.until is None or stop.until > now
        }
        # Of a target that has rested, one job goes first and finds out whether the others may follow. So where the CRM was asked
        # too much: if all came again at once, each would ask its first questions and none would come to its end.
        probing = self.breakers.to_be_probed() | self._stops.keys()
        for name in (probing & self.known_targets().keys()) - resting:
            if not await self.breakers.may_probe(name, PROBE):
                resting.add(name)  # another replica's job finds out
        busy = Counter(attempt.job.target for attempt, _ in self._running.values())
        places = {
            target: (1 if target in probing else self.concurrency) - busy[target]
            for target in self.known_targets()
            if target not in resting
        }
        return {target: free for target, free in places.items() if free > 0}

    async def _pause(self, stopping: asyncio.Event, due: float | None) -> None:
        """Until there is news or a place is free, or something falls due, at most POLL seconds."""
        self._free.clear()
        now = self.clock.time()
        # what is due and was not taken up has to wait for news: its target rests, or its lane is busy
        wait = min(POLL, due - now) if due is not None and due > now else POLL
        waiters = [asyncio.create_task(event.wait()) for event in (self.news, self._free, stopping)]
        sleeping = asyncio.create_task(self.clock.sleep(wait))
        _, rest = await asyncio.wait([*waiters, sleeping], return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()

    async def _renew_for_ever(self) -> None:
        while True:
            await self.clock.sleep(self.lease / 3)
            if not self._running:
                continue
            began = self.clock.monotonic()
            held = {job_id: attempt.job.epoch for job_id, (attempt, _) in self._running.items()}
            try:
                ours = await self.store.renew(held, self.lease)
            except Exception:  # the leases stand as they are; who needs more of one than is left stops by itself
                log.exception("leases.unrenewed")
                continue
            for job_id, (attempt, task) in list(self._running.items()):
                if held.get(job_id) != attempt.job.epoch:
                    continue  # taken up, perhaps anew, while this was being asked
                if job_id in ours:
                    attempt.lease_until = began + self.lease
                else:
                    log.warning("lease.lost", job=job_id)
                    task.cancel()

    async def _attempt(self, attempt: Attempting) -> None:
        job = attempt.job
        started_at, began = self.clock.time(), self.clock.monotonic()
        try:
            outcome = await self._outcome(attempt)
            seconds = self.clock.monotonic() - began
            record = None
            if outcome.reason not in UNRECORDED:
                record = Attempt(
                    number=job.attempts + 1, started_at=started_at, ended_at=self.clock.time(), outcome=outcome.state,
                    error_code=outcome.error_code, detail=outcome.detail, steps=tuple(attempt.steps),
                )
            await self.store.finish(job, outcome, record, attempt.tally)
            self.observer.finished(job, outcome, seconds)
            if record is not None:
                log.info(
                    "attempt.finished", job=job.id, source=job.source, target=job.target, revision=job.revision,
                    attempt=record.number, outcome=outcome.state.value, reason=outcome.reason, code=outcome.error_code,
                    ms=round(seconds * 1000), calls=sum(step.method is not None for step in attempt.steps),
                )
        except StaleLease:
            log.warning("lease.lost", job=job.id)
        except (NoRoom, OSError) as error:
            # not recorded: the lease runs out and the job is taken up again from what the journal holds
            log.error("attempt.unrecorded", job=job.id, why=str(error))  # noqa: TRY400 - as above
        except Exception as error:
            log.exception("attempt.unrecorded", job=job.id)
            await self._recorded_plainly(attempt, error, started_at)

    async def _recorded_plainly(self, attempt: Attempting, fault: Exception, started_at: float) -> None:
        """What came of the attempt cannot be written down. That alone is: so it counts, and comes to an end like any other."""
        job = attempt.job
        try:
            outcome = await self._endings.broke(attempt, fault)
            record = Attempt(
                number=job.attempts + 1, started_at=started_at, ended_at=self.clock.time(), outcome=outcome.state,
                error_code=outcome.error_code, detail=outcome.detail, steps=(),
            )
            await self.store.finish(job, outcome, record)
        except StaleLease:
            pass  # it was written, and what broke came behind it
        except Exception:  # the lease runs out and the job is taken up again
            log.exception("attempt.unrecorded", job=job.id)

    async def _outcome(self, attempt: Attempting) -> Outcome:
        job = attempt.job
        try:
            outcome = await self.pipeline.run(attempt)
        except (StaleLease, NoRoom, OSError):
            raise
        except BridgeError as error:
            return await self._endings.failed(attempt, error)
        except Exception as error:  # one chat's bad luck with a fault of ours must not stop the others
            log.exception("attempt.broke", job=job.id)
            return await self._endings.broke(attempt, error)
        await self._endings.went_well(job.target, self._stops.get(job.target))
        return outcome
