"""One CRM is down for a week of a clock the test drives; another is up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.sandbox import Running, start
from bridge.sandbox.audit import audit
from bridge.sandbox.switches import read_switches
from bridge.store import Outcome

WEEK = 7 * 86400.0
#: requests a second that the CRM allows, and that the target is told to keep to: what is sent evenly may arrive in heaps
ALLOWED, LIMIT = 150, 90


@asynccontextmanager
async def two_crms(folder: Path, clock: FakeClock) -> AsyncIterator[tuple[Way, Running, Running]]:
    """`shop` writes to `down`, `blog` to `up`."""
    async with start() as down, start() as up:
        plain = {"crm": "sandbox", "token": "${C2C_TOKEN}", "mode": "write", "consistency_delay": "0s", "deal": "new_client"}
        source = {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU"}
        async with on_the_way(
            folder, clock,
            targets={
                "down": {**plain, "url": down.url, "limits": {"requests": [{"most": LIMIT, "per": "1s"}]}},
                "up": {**plain, "url": up.url},
            },
            sources={"shop": {**source, "target": "down"}, "blog": {**source, "target": "up"}},
            worker={"concurrency": 8},
        ) as way:
            yield way, down, up


class Steps:
    """How many steps of SQLite's machine a claim of one target's jobs takes: the same on every machine, however busy."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._count = 0

    def _step(self) -> None:
        self._count += 1

    async def of_a_claim(self, target: str) -> int:
        db = self._way.store._writer._connection  # type: ignore[attr-defined]
        db.set_progress_handler(self._step, 1)
        try:
            self._count = 0
            claimed = await self._way.store.claim(owner="counted", lease=60.0, room={target: 1})
            count = self._count
        finally:
            db.set_progress_handler(None, 1)
        assert len(claimed) == 1
        # given back, so that the real worker has it
        await self._way.store.close()
        await self._way.store.open()
        return count


async def worked(way: Way, clock: FakeClock, rounds: int = 1) -> list[Outcome]:
    """What is due is worked off; whoever waits between two tries of a search does not wait for the test."""
    working = asyncio.create_task(way.work(rounds))
    while not working.done():
        await asyncio.sleep(0.001)
        if clock.sleepers:
            await clock.advance(0.2)
    return await working


async def week(folder: Path, clock: FakeClock, *, waiting: int, step: float) -> None:
    async with two_crms(folder, clock) as (way, down, up):
        down.parts.faults.set(read_switches({"down": True}))
        numbers = iter(range(1, 10**7))

        async def other() -> int:
            """A chat of the other connection comes in: how many attempts run until it is done, and at what cost."""
            await way.post(finished(next(numbers)), source="blog")
            steps = await Steps(way).of_a_claim("up")
            done = Counter(one.state for one in await worked(way, clock))
            assert done["done"] >= 1
            return steps

        alone = await other()
        for _ in range(waiting):
            await way.post(finished(next(numbers)))
        with_all_waiting = [await other()]
        began = clock.time()
        while clock.time() < began + WEEK - step:
            await clock.advance(step)
            await worked(way, clock)
            if len(with_all_waiting) < 5:
                with_all_waiting.append(await other())

        assert max(with_all_waiting) <= 1.2 * alone
        states = Counter((job["target"], job["state"]) for job in await way.store.reading().counts() for _ in range(job["n"]))
        assert states[("up", "done")] == 1 + len(with_all_waiting)
        assert states[("down", "retrying")] + states[("down", "pending")] == waiting

        down.parts.faults.set(read_switches({"rate_limit": {"requests": ALLOWED, "seconds": 1}}))
        await recovered(way, clock)
        told = audit(down.parts.records)
        assert (told["clients"], told["deals"], told["notes"]) == (waiting, waiting, waiting)
        assert not any(told[name] for name in ("doubled_clients", "doubled_deals", "doubled_notes"))
        assert down.parts.faults.happened["rate_limit"] == 0
        assert down.parts.traffic.densest <= ALLOWED
        assert audit(up.parts.records)["notes"] == states[("up", "done")]


async def recovered(way: Way, clock: FakeClock) -> None:
    """Until all is done; the CRM's own pace is kept in real time."""
    for _ in range(2000):
        await worked(way, clock, 50)
        left = [row for row in await way.store.reading().counts() if row["state"] not in {"done", "skipped"}]
        if not left:
            return
        await clock.advance(60)
    pytest.fail(f"still not done: {left}")


async def test_a_week_without_one_crm_costs_the_other_nothing_and_loses_nothing(tmp_path: Path, clock: FakeClock) -> None:
    await asyncio.wait_for(week(tmp_path, clock, waiting=60, step=4 * 3600.0), 110)


@pytest.mark.torture
@pytest.mark.timeout(7200)
async def test_a_week_with_ten_thousand_chats_waiting(tmp_path: Path, clock: FakeClock) -> None:
    await week(tmp_path, clock, waiting=10_000, step=60.0)
