"""A worker over a pipeline that does what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fakes import FakeClock

from bridge.config import RetrySettings
from bridge.errors import BridgeError
from bridge.model import JobState
from bridge.pipeline.attempt import Attempting
from bridge.store import Job, Outcome, Store
from bridge.worker import Worker

DONE = Outcome(state=JobState.DONE, reason="new")
Script = Callable[[Attempting], Awaitable[Outcome]]


@dataclass
class Scripted:
    """A pipeline that does what the test says, and keeps what it was given."""

    script: Script | BridgeError | Exception | Outcome = DONE
    ran: list[Job] = field(default_factory=list)

    async def run(self, attempt: Attempting) -> Outcome:
        self.ran.append(attempt.job)
        if isinstance(self.script, Exception):
            raise self.script
        return self.script if isinstance(self.script, Outcome) else await self.script(attempt)


@dataclass
class Watching:
    outcomes: list[Outcome] = field(default_factory=list)

    def finished(self, job: Job, outcome: Outcome, seconds: float) -> None:
        self.outcomes.append(outcome)


Make = Callable[..., Worker]


def worker_maker(store: Store, clock: FakeClock, watching: Watching) -> Make:
    """Makes workers over this store; takes the script, and what else a worker is told."""

    def make(
        script: Any = DONE, *, targets: tuple[str, ...] = ("sales",), retry: RetrySettings | None = None, **more: Any
    ) -> Worker:
        pipeline = script if isinstance(script, Scripted) else Scripted(script)
        known = dict.fromkeys(targets)
        return Worker(store, clock, pipeline, retry or RetrySettings(), watching, known_targets=lambda: known, **more)

    return make


async def once(worker: Worker) -> int:
    """Take up what is due and let it end."""
    started = await worker._start_due()
    await worker.drain(30)
    return started


async def only_job(store: Store) -> Job:
    [row] = await store.reading().jobs()
    found = await store.job(row["id"])
    assert found is not None
    return found


@contextlib.asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    stopping = asyncio.Event()
    working = asyncio.create_task(worker.work(stopping))
    try:
        yield working
    finally:
        stopping.set()
        worker.news.set()
        await asyncio.wait_for(working, 10)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the code under test tells nobody that it got there
            await asyncio.sleep(0.001)
