"""How fast a target may be called: one `Pace` a target, shared by all its jobs.

A live look-up, for which an operator's chat window waits, goes ahead of whatever the jobs are waiting for.

A CRM's "N a second" is kept in *every* window of that length, not only on average: a bucket that lets N through at once
and then refills would let almost 2 N through in its first second, and some CRMs block for that until a person asks.

`hurry` says who does not mind waiting · `waiting_line` who waits for a slot, in which order · `shared_pace` is the pace of a
target whose limits several replicas share · `slots` its arithmetic.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from aiolimiter import AsyncLimiter

from bridge.clock import Clock
from bridge.crm.limits.hurry import hurried, in_a_hurry
from bridge.crm.limits.shared_pace import SharedPace, too_many
from bridge.crm.limits.slots import Rate
from bridge.errors import Busy
from bridge.mapping.schema.speech import Rates
from bridge.pacing.board import Board
from bridge.transport.departure import MayLeave, at_once

__all__ = ["PATIENCE", "Pace", "Paces", "Places", "Rate", "in_a_hurry", "pace_of"]

#: seconds a call waits for its turn inside a worker; a longer wait is re-scheduled, so that the worker serves others
PATIENCE = 10.0

#: a bucket serves the smaller drop first; by this much the limit is not exceeded
_URGENT_DROP = 1 - 1e-9
#: of a window, how long after its turn a call may leave; later it would come too close to the next, and has another turn
LATE = 0.05


@dataclass(slots=True)
class Places:
    """So many at once; a place that comes free is given to whoever is in a hurry, then to whoever has waited longest."""

    free: int
    _waiting: list[tuple[bool, int, asyncio.Future[None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    @asynccontextmanager
    async def one(self, *, urgent: bool) -> AsyncIterator[None]:
        if self.free:
            self.free -= 1
        else:
            given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heappush(self._waiting, (not urgent, next(self._order), given))
            try:
                await given
            except asyncio.CancelledError:
                if given.done() and not given.cancelled():
                    self._give_back()  # it came just as nobody wanted it any more
                raise
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        while self._waiting:
            *_, given = heappop(self._waiting)
            if not given.done():
                given.set_result(None)
                return
        self.free += 1


def bucket_of(rate: Rate) -> AsyncLimiter:
    # In any window at most burst + rate × window start; the burst is a quarter, so that short chats are not slowed. The calls of
    # a window had their turns in one that is longer by what they may be late.
    burst, window = max(1, rate.requests // 4), rate.seconds * (1 + LATE)
    if burst == rate.requests:  # one a window: a plain distance
        return AsyncLimiter(1, window)
    per_second = (rate.requests - burst) / window
    return AsyncLimiter(burst, burst / per_second)


class Paces(Protocol):
    """What a caller asks of a pace, be it one process's own or one that replicas share."""

    def pause(self, seconds: float) -> None: ...
    @property
    def paused_for(self) -> float: ...
    @property
    def use(self) -> float | None: ...
    @property
    def patience(self) -> float:
        """Seconds that a call may wait for its turn; 0: it never waits."""
        ...

    def turn(self, operation: str) -> AbstractAsyncContextManager[MayLeave]: ...


class Pace:
    """Waits for a call's turn, or raises Busy with the time when it makes sense to come again."""

    def __init__(
        self,
        rates: Iterable[Rate] = (),
        *,
        at_once: int | None = None,
        monotonic: Callable[[], float],
        patience: float = PATIENCE,
    ) -> None:
        # the slowest first: who waits for one would be late for those it had before
        ordered = sorted(rates, key=lambda rate: rate.requests / rate.seconds)
        self._buckets = [(rate, bucket_of(rate)) for rate in ordered]
        #: of each rate, when its last calls went out
        self._lately = [deque[float](maxlen=rate.requests) for rate, _ in self._buckets]
        self._at_once = Places(at_once) if at_once else None
        #: nobody who is in a hurry is waiting
        self._calm = asyncio.Event()
        self._calm.set()
        self._hurrying = 0
        self._monotonic = monotonic
        self._patience = patience
        self._quiet_until = 0.0

    def pause(self, seconds: float) -> None:
        """Nothing is sent for so long: the CRM said so."""
        self._quiet_until = max(self._quiet_until, self._monotonic() + seconds)

    @property
    def paused_for(self) -> float:
        """Seconds until calls go out again; 0 if they do."""
        return max(0.0, self._quiet_until - self._monotonic())

    @property
    def use(self) -> float | None:
        """How much of the tightest limit is used up just now, 0…1; None: there is no limit."""
        now = self._monotonic()
        used = (
            sum(now - at < rate.seconds for at in lately) / rate.requests
            for (rate, _), lately in zip(self._buckets, self._lately, strict=True)
        )
        return max(used, default=None)

    @property
    def patience(self) -> float:
        if self._buckets:  # once for its turn, and once more if that is over before the call leaves
            return 2 * self._patience
        return self._patience if self._at_once is not None else 0.0

    @asynccontextmanager
    async def turn(self, operation: str) -> AsyncIterator[MayLeave]:
        """Hold a place while the call is under way. What it gives is awaited right before the call leaves: if its turn is over by
        then, because there was a connection to be made, it waits for another one.

        Raises:
            Busy: a pause is on, or no turn came within the patience; nothing was sent. So does what it gives.
        """
        self._refuse_while_paused()
        if self._at_once is None and not self._buckets:
            yield at_once
            return
        urgent = hurried()
        #: of each rate, until when a call that it has let through may leave
        good_until = [-math.inf] * len(self._buckets)
        async with AsyncExitStack() as held:
            async with self._in_line(operation, urgent=urgent):
                if self._at_once is not None:
                    await held.enter_async_context(self._at_once.one(urgent=urgent))
                await self._counted(operation, good_until, urgent=urgent)

            async def may_leave() -> None:
                if self._over(operation, good_until):
                    async with self._in_line(operation, urgent=urgent):
                        await self._counted(operation, good_until, urgent=urgent)
                self._refuse_while_paused()

            # The pause may have begun while this call waited for its turn.
            self._refuse_while_paused()
            yield may_leave

    def _over(self, operation: str, good_until: Sequence[float]) -> list[int]:
        """The rates whose turn is over, or was not had yet."""
        now = self._monotonic()
        return [place for place, (rate, _) in enumerate(self._buckets) if rate.counts(operation) and now > good_until[place]]

    async def _counted(self, operation: str, good_until: list[float], *, urgent: bool) -> None:
        """Wait for a turn of each of these."""
        while over := self._over(operation, good_until):
            place = over[0]
            rate, bucket = self._buckets[place]
            await bucket.acquire(_URGENT_DROP if urgent else 1)
            now = self._monotonic()
            self._lately[place].append(now)
            good_until[place] = now + LATE * rate.seconds

    @asynccontextmanager
    async def _in_line(self, operation: str, *, urgent: bool) -> AsyncIterator[None]:
        """Within the patience. Raises Busy."""
        try:
            async with asyncio.timeout(self._patience), self._ahead(urgent=urgent):
                yield
        except TimeoutError as error:
            raise too_many(operation, self._patience) from error

    @asynccontextmanager
    async def _ahead(self, *, urgent: bool) -> AsyncIterator[None]:
        """Who comes later than somebody in a hurry does not even begin to wait before them."""
        if not urgent:
            await self._calm.wait()
            yield
            return
        self._hurrying += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._hurrying -= 1
            if not self._hurrying:
                self._calm.set()

    def _refuse_while_paused(self) -> None:
        left = self.paused_for
        if left:
            raise Busy(f"The CRM asked for a pause; {left:.0f} s of it are left.", retry_after=left)


def pace_of(
    name: str, own: Rates | None, limits: Rates, clock: Clock, *, board: Board | None = None,
    shared_as: str = "", timeout: float = 60.0,
) -> Paces:
    """The pace of a target: its configuration's own limits, else its mapping's. Where there are replicas (`board`) they keep to
    them together, and know them as `shared_as`; no request takes longer than `timeout` seconds.
    """  # fmt: skip
    limits = own or limits
    rates = [Rate(bucket.most, bucket.per, frozenset(bucket.only)) for bucket in limits.requests]
    if board is None:
        return Pace(rates, at_once=limits.concurrent, monotonic=clock.monotonic)
    return SharedPace(
        shared_as or f"pace:{name}", rates, at_once=limits.concurrent, board=board, clock=clock, patience=PATIENCE,
        longest=timeout,
    )  # fmt: skip
