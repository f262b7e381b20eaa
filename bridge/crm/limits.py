"""How fast a target may be called: one `Pace` a target, shared by all its jobs.

A CRM's "N a second" is kept in *every* window of that length, not only on average: a bucket that lets N through at once
and then refills would let almost 2 N through in its first second, and some CRMs block for that until a person asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiolimiter import AsyncLimiter
from pydantic import ValidationError

from bridge.clock import Clock
from bridge.errors import Busy, ConfigError
from bridge.mapping.crm import Limits

#: seconds a call waits for its turn inside a worker; a longer wait is re-scheduled, so that the worker serves others
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `seconds`; for the named kinds of operation, or all where none is named."""

    requests: int
    seconds: float
    operations: frozenset[str] = frozenset()

    def bucket(self) -> AsyncLimiter:
        # In any window at most burst + rate × window start; the burst is a quarter, so that short chats are not slowed.
        burst = max(1, self.requests // 4)
        if burst == self.requests:  # one a window: a plain distance
            return AsyncLimiter(1, self.seconds)
        rate = (self.requests - burst) / self.seconds
        return AsyncLimiter(burst, burst / rate)


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
        self._buckets = [(rate, rate.bucket()) for rate in rates]
        self._at_once = asyncio.Semaphore(at_once) if at_once else None
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

    @asynccontextmanager
    async def turn(self, operation: str) -> AsyncIterator[None]:
        """Hold a place while the call is under way.

        Raises:
            Busy: a pause is on, or no turn came within the patience; nothing was sent.
        """
        self._refuse_while_paused()
        if self._at_once is None and not self._buckets:
            yield
            return
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._patience):
                    if self._at_once is not None:
                        await held.enter_async_context(self._at_once)
                    for rate, bucket in self._buckets:
                        if not rate.operations or operation in rate.operations:
                            await bucket.acquire()
            except TimeoutError as error:
                raise Busy(
                    "More calls wait for this CRM than its limit lets through; this one comes again later.",
                    retry_after=self._patience,
                    operation=operation,
                ) from error
            # The pause may have begun while this call waited for its turn.
            self._refuse_while_paused()
            yield

    def _refuse_while_paused(self) -> None:
        left = self.paused_for
        if left:
            raise Busy(f"The CRM asked for a pause; {left:.0f} s of it are left.", retry_after=left)


def pace_of(target: str, own: Mapping[str, Any] | None, limits: Limits, clock: Clock) -> Pace:
    """The pace of a target: its configuration's own limits, else its mapping's.

    Raises:
        ConfigError: the configuration's `limits` are not such.
    """
    if own is not None:
        try:
            limits = Limits.model_validate(dict(own))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(["targets", target, "limits", *(str(part) for part in first["loc"])])
            raise ConfigError(
                f"{where}: {first['msg']}. Write for example: limits: {{requests: {{most: 7, per: 1s}}, concurrent: 4}}"
            ) from error
    rates = [Rate(bucket.most, bucket.per, frozenset(bucket.only)) for bucket in limits.requests]
    return Pace(rates, at_once=limits.concurrent, monotonic=clock.monotonic)
