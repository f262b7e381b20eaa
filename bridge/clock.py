"""The time, as everything here takes it: from one object that tests can drive."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """The machine's clock. `time` and `now` may jump; `monotonic` does not and serves only for spans."""

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def agree(self, now: float) -> None:
        """Those who share something say that it is `now`. The machine's clock goes on as it is."""


class Steady(Clock):
    """A clock that is set only when its owner says so. Whoever compares a time of a moment ago with the time now would otherwise
    take a clock that was set in between for time that has passed.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._ahead = self._offset()
        self._agreed = False

    def time(self) -> float:
        return self._machine.monotonic() + self._ahead

    def monotonic(self) -> float:
        return self._machine.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._machine.sleep(seconds)

    def behind(self) -> float:
        """By how many seconds the machine's clock has been set ahead since (less than 0: back). Nothing, for one that goes by
        another clock.
        """
        return 0.0 if self._agreed else self._offset() - self._ahead

    def set(self, seconds: float) -> None:
        self._ahead += seconds

    def agree(self, now: float) -> None:
        """From now on it goes by a clock that others go by, too; what the machine's is set to makes no difference any more."""
        self._ahead = now - self._machine.monotonic()
        self._agreed = True

    def _offset(self) -> float:
        return self._machine.time() - self._machine.monotonic()
