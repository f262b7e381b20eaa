"""Stand-ins that more than one test module drives."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bridge.clock import Clock

Result = TypeVar("Result")

#: a Saturday noon in Moscow
BEGINNING = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class FakeClock(Clock):
    """Stands still until it is told to advance. `now` may be made to jump, which `monotonic` does not see."""

    def __init__(self, at: datetime = BEGINNING) -> None:
        self._now = at
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self._now.timestamp()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), waiting))
        await waiting

    @property
    def sleepers(self) -> int:
        """How many are asleep."""
        return sum(not waiting.done() for _, _, waiting in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass. Sleepers wake in order, each at its own moment, and run until they wait for something again."""
        until = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, waiting = heapq.heappop(self._sleepers)
            self._pass(at - self._monotonic)
            if not waiting.done():
                waiting.set_result(None)
                await settle()
        self._pass(until - self._monotonic)
        await settle()

    async def until(self, task: asyncio.Task[Result], *, step: float = 0.25) -> Result:
        """Let time pass until it is done, which may need a thread or a socket as well: those run by no clock of ours."""
        while not task.done():
            await self.advance(step)
            await asyncio.sleep(0.001)
        return await task

    def jump(self, seconds: float) -> None:
        """The wall clock is set: nobody wakes, no time has passed."""
        self._now += timedelta(seconds=seconds)

    def _pass(self, seconds: float) -> None:
        if seconds > 0:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds


async def settle(turns: int = 20) -> None:
    """Let other tasks run that need no time and no outside event."""
    for _ in range(turns):
        await asyncio.sleep(0)
