"""Whether a CRM has given no answer for long: its breaker opened, and has not closed since.

A breaker that closes for a moment and opens again is the same trouble, and so is one that a restart has made forget: it is over
when a chat was written, or when the breaker has stayed closed for as long as it had to stay open before anybody was told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from bridge.clock import Clock
from bridge.store.reading import Reading

KIND = "breaker"


@dataclass(slots=True)
class Resting:
    """Asked in every round of the alerts; where there are replicas each has its own, and their breakers agree.

    Args:
        state: of a connection's breaker: closed (it answers), open (it rests) or half_open (it is tried).
        targets: names of the CRM connections there are.
        longest: seconds without an answer after which somebody is told; 0: nobody ever is.
    """

    state: Callable[[str], str]
    targets: Callable[[], Iterable[str]]
    clock: Clock
    longest: float
    #: by target: since when its breaker is not closed, and since when it is, by this process's eyes
    _open: dict[str, float] = field(default_factory=dict, init=False)
    _closed: dict[str, float] = field(default_factory=dict, init=False)

    async def look(self, reading: Reading, told: Collection[str]) -> tuple[list[str], list[str]]:
        """Of which connections somebody has to be told, and of which of those told of (their names) it is over."""
        if not self.longest:
            return [], list(told)
        known, now = set(self.targets()), self.clock.time()
        for name in known:
            was, other = (self._closed, self._open) if self.state(name) == "closed" else (self._open, self._closed)
            was.setdefault(name, now)
            other.pop(name, None)
        for gone in (self._open.keys() | self._closed.keys()) - known:
            self._open.pop(gone, None)
            self._closed.pop(gone, None)
        long = [name for name, since in self._open.items() if now - since >= self.longest]
        # it may have answered a moment ago, and only this replica does not know yet
        begun = [name for name in long if name in told or not await self._written_since(reading, name, self._open[name])]
        over = [name for name in told if name not in known or await self._is_over(reading, name, now)]
        return begun, over

    async def _is_over(self, reading: Reading, name: str, now: float) -> bool:
        since = self._closed.get(name)
        if since is None:
            return False
        # it had been silent for `longest` when somebody was told: what was written since then was written afterwards
        return now - since >= self.longest or await self._written_since(reading, name, since - self.longest)

    async def _written_since(self, reading: Reading, name: str, moment: float) -> bool:
        last = await reading.last_done(name)
        return last is not None and last >= moment
