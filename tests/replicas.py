"""Replicas in one process: a database that answers after a while, by a clock of its own, and machines whose clocks differ."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.clock import Clock
from bridge.errors import NoRoom
from bridge.pacing.board import Board
from bridge.store.agreements import Agreements

Result = TypeVar("Result")


class Elsewhere(Clock):
    """The clock of another machine: as fast as the one given, and wrong by so much."""

    def __init__(self, clock: Clock, *, ahead: float = 0.0, since_boot: float = 0.0) -> None:
        self._clock = clock
        self.ahead = ahead
        self.since_boot = since_boot

    def time(self) -> float:
        return self._clock.time() + self.ahead

    def monotonic(self) -> float:
        return self._clock.monotonic() + self.since_boot

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


@dataclass
class Database:
    """Answers after a while that differs; `down`: not at all."""

    clock: Clock
    longest: float = 0.02
    ahead: float = 3600.0
    down: bool = False
    asked: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    agreements: Agreements = field(init=False)
    machine: Elsewhere = field(init=False)

    def __post_init__(self) -> None:
        self.machine = Elsewhere(self.clock, ahead=self.ahead)
        self.agreements = Agreements(self.machine)

    async def _way(self) -> None:
        await self.clock.sleep(self.chance.uniform(0.0, self.longest / 2))
        if self.down:
            raise NoRoom("The database does not answer.")

    async def agree(self, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
        self.asked += 1
        await self._way()
        result = await self.agreements.agree(name, change)
        await self._way()
        return result

    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]:
        await self._way()
        found = await self.agreements.agreed(since)
        await self._way()
        return found

    def replica(self, number: int) -> tuple[Board, Elsewhere]:
        """Its clocks have nothing to do with those of the others."""
        clock = Elsewhere(self.clock, ahead=-1000.0 * number, since_boot=77_777.0 * number)
        return Board(self, clock, owner=f"replica{number}"), clock
