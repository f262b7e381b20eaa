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
