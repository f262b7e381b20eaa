from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from fakes import FakeClock

from bridge.clock import Clock, Steady


def test_now_is_the_same_moment_as_time_with_a_zone() -> None:
    clock = Clock()

    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.fromtimestamp(clock.time(), UTC)) < timedelta(seconds=5)


def test_spans_are_measured_by_a_clock_that_does_not_jump() -> None:
    clock = Clock()
    before = clock.monotonic()

    assert 0 <= clock.monotonic() - before < 5
    assert abs(clock.monotonic() - time.monotonic()) < 5


async def test_sleep_takes_its_time() -> None:
    clock = Clock()
    before = clock.monotonic()

    await clock.sleep(0.01)

    assert clock.monotonic() - before >= 0.009


async def test_a_steady_clock_is_set_only_when_its_owner_says_so(clock: FakeClock) -> None:
    steady = Steady(clock)
    before = clock.time()

    clock.jump(3600)
    assert (steady.time(), steady.behind()) == (before, 3600)
    await clock.advance(10)
    assert steady.time() == before + 10

    steady.set(steady.behind())

    assert (steady.time(), steady.now(), steady.behind()) == (clock.time(), clock.now(), 0)
    assert steady.monotonic() == clock.monotonic()
