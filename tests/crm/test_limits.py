import asyncio
import time

import pytest
from fakes import FakeClock

from bridge.clock import Clock
from bridge.crm.limits import LATE, Pace, Places, Rate, in_a_hurry, pace_of
from bridge.errors import Busy
from bridge.mapping.schema.speech import Limits, Rates


async def starts(pace: Pace, count: int, operation: str = "find") -> list[float]:
    at: list[float] = []

    async def one() -> None:
        async with pace.turn(operation):
            at.append(time.monotonic())

    await asyncio.gather(*(one() for _ in range(count)))
    return sorted(at)


@pytest.mark.parametrize(("most", "seconds", "count"), [(8, 0.2, 30), (2, 0.1, 6), (1, 0.05, 5)])
async def test_no_window_sees_more_than_the_limit(most: int, seconds: float, count: int) -> None:
    at = await starts(Pace([Rate(most, seconds)], monotonic=time.monotonic), count)

    # the i-th and the (i + most)-th lie a window apart, but for the clock's grain
    assert min(later - first for first, later in zip(at, at[most:], strict=False)) >= seconds * 0.97


async def test_a_call_whose_connection_took_its_time_has_another_turn_before_it_leaves(clock: FakeClock) -> None:
    pace = Pace([Rate(2, 10.0)], monotonic=clock.monotonic, patience=0.02)
    async with pace.turn("find") as may_leave:
        await clock.advance(10.0 * LATE - 0.01)
        await may_leave()  # soon enough
        await clock.advance(0.02)
        with pytest.raises(Busy) as caught:  # the second turn is seconds away, by the event loop's clock
            await may_leave()
    assert caught.value.maybe_done is False


async def test_calls_that_leave_late_come_no_closer_to_the_next() -> None:
    pace = Pace([Rate(4, 0.2)], monotonic=time.monotonic)
    left: list[float] = []

    async def one(connects: float) -> None:
        async with pace.turn("find") as may_leave:
            await asyncio.sleep(connects)
            await may_leave()
            left.append(time.monotonic())

    # those that come first have a connection to make
    await asyncio.gather(*(one(0.15 if number < 4 else 0.0) for number in range(12)))
    left.sort()
    assert min(later - first for first, later in zip(left, left[4:], strict=False)) >= 0.2 * 0.97


async def test_who_waits_for_a_slow_rate_uses_up_no_more_of_a_fast_one() -> None:
    pace = Pace([Rate(1000, 1.0), Rate(2, 0.2, frozenset({"find"}))], monotonic=time.monotonic)

    async def one() -> None:
        async with pace.turn("find") as may_leave:
            await may_leave()

    await asyncio.gather(*(one() for _ in range(6)))
    [fast] = [lately for (rate, _), lately in zip(pace._buckets, pace._lately, strict=True) if rate.requests == 1000]
    # one each, and room for a moment in which the machine stands still; if it were had first, each would have it twice
    assert 6 <= len(fast) <= 8


async def test_a_pause_that_begins_while_the_connection_is_made_is_kept(clock: FakeClock) -> None:
    pace = Pace(at_once=1, monotonic=clock.monotonic)
    async with pace.turn("find") as may_leave:
        pace.pause(10)
        with pytest.raises(Busy, match="pause"):
            await may_leave()


async def test_a_short_chat_does_not_wait() -> None:
    at = await starts(Pace([Rate(40, 1.0)], monotonic=time.monotonic), 10)

    assert at[-1] - at[0] < 0.1


async def test_a_bucket_may_count_some_operations_only() -> None:
    pace = Pace([Rate(1, 60.0, frozenset({"note"}))], monotonic=time.monotonic, patience=0.05)

    assert len(await starts(pace, 20)) == 20
    await starts(pace, 1, "note")
    with pytest.raises(Busy):
        await starts(pace, 1, "note")


async def test_at_most_so_many_are_under_way_at_once() -> None:
    pace = Pace(at_once=2, monotonic=time.monotonic)
    under_way = most = 0

    async def one() -> None:
        nonlocal under_way, most
        async with pace.turn("find"):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 2


async def test_who_waits_too_long_comes_again_later_and_nothing_was_sent() -> None:
    pace = Pace([Rate(1, 3600.0)], monotonic=time.monotonic, patience=0.02)
    await starts(pace, 1)

    with pytest.raises(Busy) as caught:
        await starts(pace, 1)
    assert caught.value.maybe_done is False
    assert caught.value.retry_after == 0.02


async def test_a_place_is_given_back_when_the_call_fails() -> None:
    pace = Pace(at_once=1, monotonic=time.monotonic, patience=0.02)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with pace.turn("find"):
                raise ValueError("broken")


async def test_in_a_pause_nothing_goes_out_until_it_is_over(clock: FakeClock) -> None:
    pace = Pace(monotonic=clock.monotonic)
    pace.pause(30)
    pace.pause(5)  # a shorter one does not end the longer

    with pytest.raises(Busy) as caught:
        await starts(pace, 1)
    assert caught.value.retry_after == pytest.approx(30)
    await clock.advance(29.9)
    assert pace.paused_for == pytest.approx(0.1)
    await clock.advance(0.2)
    assert len(await starts(pace, 1)) == 1


async def test_who_waited_for_a_place_while_a_pause_began_does_not_go_out(clock: FakeClock) -> None:
    pace = Pace(at_once=1, monotonic=clock.monotonic)
    waiting: asyncio.Task[list[float]]
    async with pace.turn("find"):
        waiting = asyncio.create_task(starts(pace, 1))
        await asyncio.sleep(0)
        pace.pause(10)

    with pytest.raises(Busy, match="pause"):
        await waiting


def test_the_targets_own_limits_stand_in_for_the_mappings() -> None:
    mapped = Limits.model_validate({"requests": {"most": 1, "per": "1h"}})

    own = Rates.model_validate({"requests": {"most": 5, "per": "1s"}})
    assert pace_of("t", own, mapped, Clock())._buckets[0][0] == Rate(5, 1.0)
    assert pace_of("t", None, mapped, Clock())._buckets[0][0] == Rate(1, 3600.0)


class TestInAHurry:
    """An operator's chat window waits for it, a job does not mind."""

    @staticmethod
    async def order(pace: Pace, jobs: int) -> list[str]:
        """Who was served when: one call is under way, jobs wait, a live look-up comes, another job comes."""
        served: list[str] = []

        async def call(name: str) -> None:
            async with pace.turn("find"):
                served.append(name)
                for _ in range(3):
                    await asyncio.sleep(0)

        async def look_up() -> None:
            with in_a_hurry():
                await call("live")

        waiting = [asyncio.create_task(call(f"job {number}")) for number in range(jobs)]
        await asyncio.sleep(0)
        await asyncio.gather(asyncio.create_task(look_up()), asyncio.create_task(call("late job")), *waiting)
        return served

    async def test_the_next_place_is_a_live_look_ups(self) -> None:
        served = await self.order(Pace(at_once=1, monotonic=time.monotonic), 5)

        assert served == ["job 0", "live", "job 1", "job 2", "job 3", "job 4", "late job"]

    async def test_the_next_turn_under_a_rate_is_a_live_look_ups(self) -> None:
        served = await self.order(Pace([Rate(1, 0.02)], monotonic=time.monotonic), 4)

        assert served[:2] == ["job 0", "live"]
        assert served[-1] == "late job"

    async def test_a_look_up_that_gives_up_leaves_its_place_to_the_next(self) -> None:
        places = Places(1)
        got: list[str] = []

        async def take(name: str, *, urgent: bool) -> None:
            async with places.one(urgent=urgent):
                got.append(name)

        async with places.one(urgent=False):
            live = asyncio.create_task(take("live", urgent=True))
            job = asyncio.create_task(take("job", urgent=False))
            await asyncio.sleep(0)
            live.cancel()
        await job
        with pytest.raises(asyncio.CancelledError):
            await live

        assert (got, places.free) == (["job"], 1)

    async def test_a_place_that_came_as_its_taker_gave_up_is_given_on(self) -> None:
        places = Places(1)
        one = places.one(urgent=False)
        await one.__aenter__()
        live = asyncio.create_task(places.one(urgent=True).__aenter__())
        await asyncio.sleep(0)

        await one.__aexit__(None, None, None)
        live.cancel()

        with pytest.raises(asyncio.CancelledError):
            await live
        assert places.free == 1
