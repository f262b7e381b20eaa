"""What the replicas of one store agree on: how fast a target was called, that it rests, whose turn something is.

Each agreement is a short text under a name in the store. It is changed by one replica after another, and its times are the
database's, because the replicas' own clocks differ; `Bounds` says between which limits ours and the database's lie apart. A store
that one process has needs none of this: its callers keep the same things in memory.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError

log = structlog.get_logger()

Result = TypeVar("Result")
#: what is held ('': nothing) and the database's time → what is to be held, and a result. It may be run more than once
Change = Callable[[str, float], tuple[str, Result]]
Heard = Callable[[str, str], None]

#: seconds between two looks at what others have agreed on
EVERY = 0.5
#: seconds before the last look from which on changes are read once more: a transaction that began then may have ended since
OVERLAP = 10.0
#: by so many seconds in one second two clocks may drift apart
DRIFT = 2e-4


class Agrees(Protocol):
    """What is asked of a store; see bridge.store.Store."""

    async def agree(self, name: str, change: Change[Result]) -> Result: ...
    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]: ...


@dataclass(slots=True)
class Bounds:
    """The database's clock is ahead of our monotonic one by at least `low` and at most `high` seconds."""

    low: float = 0.0
    high: float = 0.0
    #: when that was so, by our monotonic clock; None: the database was not asked yet
    at: float | None = None

    def learn(self, asked: float, answered: float, told: float) -> None:
        """It told its time somewhen between our question and its answer."""
        low, high = told - answered, told - asked
        if self.at is not None:
            drift = DRIFT * max(0.0, answered - self.at)
            known_low, known_high = max(low, self.low - drift), min(high, self.high + drift)
            if known_low <= known_high:  # else its clock was set, or it is another server now
                low, high = known_low, known_high
        self.low, self.high, self.at = low, high, answered

    def surely_since(self, time: float) -> float:
        """From when on, by our monotonic clock, it is certainly that time there."""
        return time - self.low

    def surely_until(self, time: float) -> float:
        """Until when, by our monotonic clock, it is certainly not later there."""
        return time - self.high


@dataclass(slots=True)
class Board:
    """One a replica. `work` runs for as long as the service does: it tells what is to be told, and hears what others have."""

    store: Agrees
    clock: Clock
    #: by which this replica is known to the others, for as long as it runs
    owner: str = field(default_factory=lambda: secrets.token_hex(6))
    bounds: Bounds = field(default_factory=Bounds)
    _since: float = field(default=0.0, init=False)
    _heard: dict[str, str] = field(default_factory=dict, init=False)
    _followers: dict[str, Heard] = field(default_factory=dict, init=False)
    _to_tell: list[tuple[str, Change[None]]] = field(default_factory=list, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _deaf: bool = field(default=False, init=False)

    def now(self) -> float:
        """The database's time as well as we know it; before it was asked, our own."""
        if self.bounds.at is None:
            return self.clock.time()
        return self.clock.monotonic() + (self.bounds.low + self.bounds.high) / 2

    async def agree(self, name: str, change: Change[Result]) -> Result:
        """Change it now. Raises what a store raises that cannot be written; then nothing is changed, or nobody knows."""
        told = 0.0

        def noting(held: str, now: float) -> tuple[str, Result]:
            nonlocal told
            told = now
            return change(held, now)

        asked = self.clock.monotonic()
        result = await self.store.agree(name, noting)
        self.bounds.learn(asked, self.clock.monotonic(), told)
        return result

    def soon(self, name: str, change: Callable[[str, float], str]) -> None:
        """Change it as soon as the store takes it; in the order of the calls."""
        self._to_tell.append((name, lambda held, now: (change(held, now), None)))
        self._news.set()

    def follow(self, prefix: str, heard: Heard) -> None:
        """Be told of each agreement (name, text) whose name begins so when it has changed; in the place of whoever followed it
        before. What is known already is told at once.
        """
        self._followers[prefix] = heard
        for name, text in self._heard.items():
            if name.startswith(prefix):
                heard(name, text)

    async def wait_for_turn(self, name: str, seconds: float) -> float:
        """Ask for the turn at something that one replica does every so many seconds: 0 if it is ours, else how long another has
        it. Whoever has it may go on with it. Raises what `agree` raises.
        """

        def change(held: str, now: float) -> tuple[str, float]:
            owner, _, until = held.partition(" ")
            left = _number(until) - now
            if owner != self.owner and 0.0 < left <= seconds:
                return held, left
            return f"{self.owner} {now + seconds}", 0.0

        return await self.agree(f"turn:{name}", change)

    async def work(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.exchange()
            except (BridgeError, OSError) as error:
                if not self._deaf:
                    log.warning("agreements.unread", why=str(error))
                self._deaf = True
            except Exception:  # what stands in memory serves for the time being
                log.exception("agreements.unread")
            else:
                self._deaf = False
            await self._pause()

    async def exchange(self) -> None:
        """Tell, then hear. Raises what a store raises; what was not told stays to be told."""
        while self._to_tell:
            name, change = self._to_tell[0]
            await self.agree(name, change)
            self._to_tell.pop(0)
        asked = self.clock.monotonic()
        changed, now = await self.store.agreed(self._since - OVERLAP)
        self.bounds.learn(asked, self.clock.monotonic(), now)
        self._since = now
        for name, text in changed.items():
            if self._heard.get(name, "") == text:
                continue
            self._heard[name] = text
            for prefix, heard in list(self._followers.items()):
                if name.startswith(prefix):
                    heard(name, text)

    async def _pause(self) -> None:
        # after a failure what is to be told waits as well: the store is asked twice a second, and not for ever
        told = asyncio.create_task(self._news.wait() if not self._deaf else asyncio.Event().wait())
        sleeping = asyncio.create_task(self.clock.sleep(EVERY))
        try:
            await asyncio.wait((told, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            sleeping.cancel()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
