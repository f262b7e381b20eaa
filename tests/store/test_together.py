"""Writes that share a commit."""

from __future__ import annotations

import asyncio

from fakes import FakeClock
from store_materials import claim, finish_chat

from bridge.model import JobState
from bridge.store import Attempt, Job, Outcome, Store


async def test_one_end_that_cannot_be_written_takes_nobody_elses_with_it(store: Store, clock: FakeClock) -> None:
    for number in range(3):
        await finish_chat(store, clock.now(), str(number), visitor_id=f"v{number}")
    first, odd, last = await claim(store)

    async def end(job: Job, detail: str) -> None:
        attempt = Attempt(number=1, started_at=1.0, ended_at=2.0, outcome=JobState.DONE)
        await store.finish(job, Outcome(state=JobState.DONE, reason="x", detail=detail), attempt)

    results = await asyncio.gather(
        end(first, "fine"), end(odd, "half of a pair: \ud83d"), end(last, "fine"), store.record_position("here", "1"),
        store.raise_alert("cause", "text"), return_exceptions=True,
    )  # fmt: skip
    assert [isinstance(one, BaseException) for one in results] == [False, True, False, False, False]
    states = [job.state if (job := await store.job(one.id)) else None for one in (first, odd, last)]
    assert states == [JobState.DONE, JobState.RUNNING, JobState.DONE]


async def test_a_lock_whose_taking_was_broken_off_is_given_back(store: Store) -> None:
    taking = asyncio.create_task(store.lock(["sales/phone:1"], "job:1:1", 3600.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    await store.unlock("job:1:1")
    await store.unlocked(["sales/phone:1"], 5.0)
    assert await store.lock(["sales/phone:1"], "job:1:2", 3600.0)
