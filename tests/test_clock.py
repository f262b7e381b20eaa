from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bridge.clock import Clock


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
