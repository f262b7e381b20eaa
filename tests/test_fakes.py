from __future__ import annotations

import asyncio

from fakes import BEGINNING, FakeClock, settle


async def test_time_stands_still_until_it_is_advanced(clock: FakeClock) -> None:
    before = clock.now(), clock.time(), clock.monotonic()
    await settle()
    assert (clock.now(), clock.time(), clock.monotonic()) == before == (BEGINNING, BEGINNING.timestamp(), clock.monotonic())
    await clock.advance(1.5)
    assert (clock.now() - before[0]).total_seconds() == clock.time() - before[1] == clock.monotonic() - before[2] == 1.5


async def test_sleepers_wake_in_order_each_at_its_own_moment(clock: FakeClock) -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.time() - BEGINNING.timestamp()))

    tasks = [asyncio.create_task(sleeper("a", 2, 2)), asyncio.create_task(sleeper("b", 3)), asyncio.create_task(sleeper("c", 9))]
    await clock.advance(4)
    assert woken == [("a", 2), ("b", 3), ("a", 4)]
    assert clock.sleepers == 1
    await clock.advance(5)
    assert woken[-1] == ("c", 9)
    await asyncio.gather(*tasks)


async def test_a_sleeper_that_is_cancelled_does_not_stop_the_others(clock: FakeClock) -> None:
    first, second = asyncio.create_task(clock.sleep(1)), asyncio.create_task(clock.sleep(2))
    await settle()
    first.cancel()
    await clock.advance(2)
    assert second.done()
    assert first.cancelled()
    assert clock.sleepers == 0


async def test_a_sleep_of_nothing_only_lets_others_run(clock: FakeClock) -> None:
    await asyncio.wait_for(clock.sleep(0), 1)


async def test_a_jump_of_the_wall_clock_wakes_nobody(clock: FakeClock) -> None:
    sleeping = asyncio.create_task(clock.sleep(10))
    await settle()
    before = clock.monotonic()
    clock.jump(-3600)
    await settle()
    assert not sleeping.done()
    assert clock.monotonic() == before
    assert (clock.now() - BEGINNING).total_seconds() == -3600
    await clock.advance(10)
    assert sleeping.done()
