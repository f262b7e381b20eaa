from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import FakeClock

from bridge.errors import BrakeReached, Busy, StaleLease
from bridge.pipeline.leaving import ON_ITS_WAY, TIMES, Leaving
from bridge.store import Brake

TIMEOUT = 20.0


@dataclass(frozen=True)
class Row:
    sent_at: float | None = None


@dataclass
class Slow:
    """A store whose commits take their time."""

    clock: FakeClock
    takes: float = 0.0
    told: list[dict[str, Any]] = field(default_factory=list)
    fails: Exception | None = None

    async def record_sent(self, row: Row, **told: Any) -> Row:
        if self.fails is not None:
            raise self.fails
        sent_at = self.clock.time()
        await self.clock.advance(self.takes)
        self.told.append(told)
        return replace(row, sent_at=sent_at)


@dataclass
class Attempt:
    clock: FakeClock
    lease_until: float
    job: Any = field(default_factory=lambda: SimpleNamespace(epoch=3))

    def require_lease(self, seconds: float) -> None:
        assert seconds == TIMEOUT
        if self.clock.monotonic() + seconds > self.lease_until:
            raise StaleLease


def leaving(clock: FakeClock, *, takes: float = 0.0, lease: float = 1000.0, waits: float = 0.0) -> tuple[Leaving, Slow]:
    store = Slow(clock, takes)
    target: Any = SimpleNamespace(settings=SimpleNamespace(timeout=TIMEOUT), crm=SimpleNamespace(may_wait=waits))
    attempt: Any = Attempt(clock, clock.monotonic() + lease)
    made = Leaving(store, clock, attempt, target, Row(), "client:7", [("phone", "+1")])  # type: ignore[arg-type]
    return made, store


async def test_what_leaves_at_once_is_written_down_once(clock: FakeClock) -> None:
    leaves, store = leaving(clock)
    await leaves.write(Brake(most=5, since=0.0))
    await clock.advance(ON_ITS_WAY)
    await leaves.now()
    assert store.told == [{"epoch": 3, "client": "client:7", "pending": [("phone", "+1")], "brake": Brake(most=5, since=0.0)}]


async def test_what_leaves_later_is_written_down_anew_and_counts_once_for_the_brake(clock: FakeClock) -> None:
    leaves, store = leaving(clock)
    await leaves.write(Brake(most=5, since=0.0))
    await clock.advance(30.0)
    await leaves.now()
    assert leaves.row.sent_at == clock.time()
    assert [told["brake"] for told in store.told] == [Brake(most=5, since=0.0), None]
    await leaves.now()
    assert len(store.told) == 2, "a second request of the same operation, right after"


async def test_what_a_limit_makes_it_wait_is_no_reason_for_another_commit(clock: FakeClock) -> None:
    """It would stand between the turn that was given and the request."""
    leaves, store = leaving(clock, waits=10.0)
    await leaves.write()
    await clock.advance(10.0 + ON_ITS_WAY)
    await leaves.now()
    assert len(store.told) == 1
    await clock.advance(0.5)
    await leaves.now()
    assert len(store.told) == 2


async def test_a_store_that_takes_too_long_stops_it(clock: FakeClock) -> None:
    leaves, store = leaving(clock, takes=2.0)
    await leaves.write()
    with pytest.raises(Busy) as stopped:
        await leaves.now()
    assert not stopped.value.maybe_done
    assert len(store.told) == 1 + TIMES


async def test_a_commit_that_took_long_once_is_made_again(clock: FakeClock) -> None:
    leaves, store = leaving(clock, takes=2.0)
    await leaves.write()
    store.takes = 0.0
    await leaves.now()
    assert leaves.row.sent_at == clock.time()


async def test_too_little_lease_stops_it(clock: FakeClock) -> None:
    leaves, _ = leaving(clock, lease=TIMEOUT - 1)
    await leaves.write()
    with pytest.raises(StaleLease):
        await leaves.now()


async def test_what_the_store_refuses_is_told(clock: FakeClock) -> None:
    leaves, store = leaving(clock)
    store.fails = BrakeReached()
    with pytest.raises(BrakeReached):
        await leaves.write()
