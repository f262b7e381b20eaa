"""Identity locks of one process. They lapse, so that a task that hangs holds nobody up for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from bridge.clock import Clock


class Locks:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: key → (owner, until by the monotonic clock)
        self._held: dict[str, tuple[str, float]] = {}
        self._released = asyncio.Event()

    def take(self, keys: Sequence[str], owner: str, seconds: float) -> bool:
        now = self._clock.monotonic()
        for key in keys:
            holder = self._held.get(key)
            if holder is not None and holder[0] != owner and holder[1] > now:
                return False
        for key in keys:
            self._held[key] = (owner, now + seconds)
        return True

    def release(self, owner: str) -> None:
        for key in [key for key, (holder, _) in self._held.items() if holder == owner]:
            del self._held[key]
        self._released.set()
        self._released = asyncio.Event()

    async def wait(self, keys: Sequence[str], seconds: float) -> bool:
        """Wait until a lock is given back, at most so long. True if the keys look free."""
        released = self._released
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(released.wait(), seconds)
        now = self._clock.monotonic()
        return all(key not in self._held or self._held[key][1] <= now for key in keys)
