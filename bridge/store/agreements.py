"""What is agreed on, where one process has the store: kept in its memory, gone with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from bridge.clock import Clock

Result = TypeVar("Result")


class Agreements:
    """See bridge.store.Store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._agreed: dict[str, tuple[str, float]] = {}

    async def agree(self, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
        now = self._clock.time()
        text, result = change(self._agreed.get(name, ("", 0.0))[0], now)
        self._agreed[name] = (text, now)
        return result

    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]:
        return {name: text for name, (text, at) in self._agreed.items() if at > since}, self._clock.time()
