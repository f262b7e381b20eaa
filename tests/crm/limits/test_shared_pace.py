"""A pace that replicas share: each has clocks of its own, and the database answers when it does."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from fakes import FakeClock, settle
from replicas import Database

from bridge.crm.limits import pace_of
from bridge.crm.limits.hurry import in_a_hurry
from bridge.crm.limits.shared_pace import SharedPace
from bridge.crm.limits.slots import Rate
from bridge.errors import Busy
from bridge.mapping.schema.speech import Limits


@asynccontextmanager
async def paces(
    database: Database, rates: Sequence[Rate], *, many: int = 3, at_once: int | None = None, patience: float = 60.0
) -> AsyncIterator[list[SharedPace]]:
    """One for each of so many replicas."""
    made, hearing = [], []
    for number in range(many):
        board, clock = database.replica(number + 1)
        made.append(SharedPace("pace:sales", rates, at_once=at_once, board=board, clock=clock, patience=patience, longest=20.0))
        hearing.append(asyncio.create_task(board.work()))
    await settle()
    try:
        yield made
    finally:
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)


async def ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def call(pace: SharedPace, clock: FakeClock, at: list[float], operation: str = "find", lasts: float = 0.0) -> None:
    async with pace.turn(operation):
        at.append(clock.monotonic())
        if lasts:
            await clock.sleep(lasts)


async def without_end(pace: SharedPace, clock: FakeClock, at: list[float], lasts: float = 0.05) -> None:
    while True:
        await call(pace, clock, at, lasts=lasts)


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(at - seconds < other <= at for other in times) for at in times)


async def test_it_says_for_how_long_a_call_may_wait(clock: FakeClock) -> None:
    database = Database(clock)
    async with paces(database, [Rate(7, 1.0)], many=1, patience=9.0) as [limited]:
        assert limited.patience == 2 * 9.0, "for its turn, and for another if it does not leave in time"
    async with paces(database, [], many=1, patience=9.0) as [free]:
        assert free.patience == 0.0


@pytest.mark.parametrize(
    ("rate", "seconds"), [(Rate(7, 1.0), 20.0), (Rate(1, 1.0), 20.0), (Rate(40, 1.0), 6.0), (Rate(20, 10.0), 60.0)]
)
async def test_three_replicas_keep_to_a_rate_together_and_use_most_of_it(clock: FakeClock, rate: Rate, seconds: float) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [rate]) as replicas:
        tasks = [asyncio.create_task(without_end(pace, clock, at)) for pace in replicas for _ in range(8)]
        await clock.advance(seconds)
        await ended(*tasks)

    assert most_within(at, rate.seconds) <= rate.requests
    assert len(at) >= 0.85 * rate.requests * seconds / rate.seconds


async def test_calls_that_take_long_to_leave_keep_to_it_as_well(clock: FakeClock) -> None:
    """A connection has to be made first, or the machine is busy: what counts is when a call leaves."""
    database, left, chance = Database(clock), list[float](), random.Random(5)

    async def calls(pace: SharedPace) -> None:
        while True:
            async with pace.turn("find") as may_leave:
                await clock.sleep(chance.choice([0.0, 0.0, 0.03, 0.2, 0.9]))
                await may_leave()
                left.append(clock.monotonic())

    async with paces(database, [Rate(7, 1.0)]) as replicas:
        tasks = [asyncio.create_task(calls(pace)) for pace in replicas for _ in range(8)]
        await clock.advance(20.0)
        await ended(*tasks)
    assert most_within(left, 1.0) <= 7
    # a turn that is missed is lost to everybody
    assert len(left) > 0.5 * 7 * 20


async def test_who_misses_a_turn_has_the_next_one(clock: FakeClock) -> None:
    left: list[str] = []
    async with paces(Database(clock), [Rate(2, 1.0)], many=1) as (pace,):

        async def call(name: str, late: float = 0.0) -> None:
            async with pace.turn("find") as may_leave:
                await clock.sleep(late)
                await may_leave()
                left.append(name)

        tasks = [asyncio.create_task(call("late", 0.3))]
        await clock.advance(0.1)
        tasks += [asyncio.create_task(call(f"later {number}")) for number in range(6)]
        await clock.advance(20)
        await asyncio.gather(*tasks)
    assert left.index("late") <= 2


async def test_a_pause_stops_also_what_was_about_to_leave(clock: FakeClock) -> None:
    async with paces(Database(clock), [Rate(7, 1.0)], many=1) as (pace,):

        async def call() -> None:
            async with pace.turn("find") as may_leave:
                await clock.sleep(0.01)
                pace.pause(30)
                await may_leave()

        called = asyncio.create_task(call())
        await clock.advance(1.0)
        with pytest.raises(Busy, match="pause"):
            await called


async def test_where_many_wait_one_question_brings_slots_for_several(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [Rate(100, 1.0)], many=1) as replicas:
        tasks = [asyncio.create_task(without_end(replicas[0], clock, at)) for _ in range(40)]
        await clock.advance(3)
        await ended(*tasks)

    assert len(at) > 240
    assert database.asked < len(at) / 4


async def test_a_call_alone_goes_at_once_and_a_steady_stream_does_not_ask_each_time(clock: FakeClock) -> None:
    database, at = Database(clock, longest=0.004), list[float]()
    async with paces(database, [Rate(200, 1.0)], many=1) as replicas:
        began = clock.monotonic()
        first = asyncio.create_task(call(replicas[0], clock, at))
        await clock.advance(0.02)
        assert at[0] - began <= 0.01
        await first
        stream = asyncio.create_task(without_end(replicas[0], clock, at, lasts=0.02))
        await clock.advance(2)
        await ended(stream)

    assert len(at) > 60
    assert database.asked < 0.6 * len(at)


async def test_one_replica_alone_has_the_whole_of_a_rate(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [Rate(7, 1.0)]) as replicas:
        tasks = [asyncio.create_task(without_end(replicas[0], clock, at)) for _ in range(8)]
        await clock.advance(10)
        await ended(*tasks)

    assert len(at) >= 0.85 * 70


async def test_at_most_so_many_are_under_way_in_all_replicas(clock: FakeClock) -> None:
    database = Database(clock)
    under_way = most = done = 0

    async def one(pace: SharedPace) -> None:
        nonlocal under_way, most, done
        while True:
            async with pace.turn("find"):
                under_way += 1
                most = max(most, under_way)
                await clock.sleep(0.2)
                under_way -= 1
                done += 1

    async with paces(database, [], at_once=2) as replicas:
        tasks = [asyncio.create_task(one(pace)) for pace in replicas for _ in range(3)]
        await clock.advance(10)
        await ended(*tasks)

    assert most == 2
    assert done > 60


async def test_places_of_a_replica_that_died_come_free(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [], many=2, at_once=1) as (dead, alive):
        board = dead._board
        hung = asyncio.create_task(call(dead, clock, [], lasts=3600.0))
        await clock.advance(0.1)
        board.store = Database(clock, down=True)  # nothing of it reaches the others any more
        await ended(hung)
        waiting = asyncio.create_task(call(alive, clock, at))
        await clock.advance(29)
        assert at == []
        await clock.advance(3)
        assert len(at) == 1
        await waiting


async def test_a_pause_that_one_is_told_of_holds_for_all_within_a_second(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [Rate(7, 1.0)]) as (first, second, third):
        await clock.advance(1)
        first.pause(30)
        first.pause(10)  # a shorter one does not end the longer
        await clock.advance(1)
        for pace in (first, second, third):
            assert pace.paused_for == pytest.approx(29, abs=0.1)
            with pytest.raises(Busy, match="pause"):
                await call(pace, clock, at)
        await clock.advance(29.1)
        tasks = [asyncio.create_task(call(pace, clock, at)) for pace in (first, second, third)]
        await clock.advance(1)
        await asyncio.gather(*tasks)
    assert len(at) == 3


async def test_a_pause_holds_for_targets_without_limits_and_for_who_waits_already(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, []) as (first, second, _):
        async with second.turn("find"):
            pass
        first.pause(5)
        await clock.advance(0.6)
        with pytest.raises(Busy, match="pause"):
            await call(second, clock, at)
    async with paces(Database(clock), [Rate(1, 10.0)], many=2) as (first, second):
        waiting = [asyncio.create_task(call(second, clock, at)) for _ in range(2)]
        await clock.advance(1)
        assert len(at) == 1
        first.pause(30)
        await clock.advance(15)
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in results if one is not None] == [Busy]


async def test_a_live_look_up_takes_the_slot_that_jobs_wait_for(clock: FakeClock) -> None:
    database, served = Database(clock), list[str]()
    async with paces(database, [Rate(2, 1.0)], many=2) as (here, there):

        async def named(name: str, pace: SharedPace, *, urgent: bool = False) -> None:
            with in_a_hurry() if urgent else contextlib.nullcontext():
                async with pace.turn("find"):
                    served.append(name)

        tasks = [asyncio.create_task(named(f"job {number}", pace)) for number in range(6) for pace in (here, there)]
        await clock.advance(1.2)
        before = len(served)
        tasks.append(asyncio.create_task(named("live", here, urgent=True)))
        await clock.advance(1.2)
        assert "live" in served
        # of each replica one slot at most was taken ahead
        assert served.index("live") <= before + 1
        await clock.advance(20)
        await asyncio.gather(*tasks)


async def test_who_waits_too_long_comes_again_later_and_its_slot_serves_another(clock: FakeClock) -> None:
    async with paces(Database(clock), [Rate(1, 3600.0)], many=1, patience=0.05) as (pace,):
        at: list[float] = []
        task = asyncio.create_task(call(pace, clock, at))
        await clock.advance(0.1)
        await task
        with pytest.raises(Busy) as caught:
            await call(pace, clock, at)
        assert (caught.value.retry_after, caught.value.maybe_done) == (0.05, False)
        assert len(pace._line) == 0


async def test_a_slot_whose_time_went_by_unseen_is_not_used(clock: FakeClock) -> None:
    database, at = Database(clock, longest=0.0), list[float]()
    async with paces(database, [Rate(7, 1.0)], many=1) as (pace,):
        first, second = (asyncio.create_task(call(pace, clock, at)) for _ in range(2))
        await clock.advance(0.1)
        assert len(at) == 1
        held = pace._held[0]
        clock._pass(5.0)  # the machine did something else
        await clock.advance(1)
        await asyncio.gather(first, second)

    assert held not in pace._held
    assert at[1] - at[0] > 5.0


async def test_what_came_as_nobody_wanted_it_any_more_serves_the_next(clock: FakeClock) -> None:
    database, at = Database(clock, longest=0.0), list[float]()
    async with paces(database, [Rate(7, 1.0)], many=1) as (pace,):
        task = asyncio.create_task(call(pace, clock, at))
        for _ in range(100):
            await asyncio.sleep(0)
            if not pace._line:  # it has been given its slot, and does not know yet
                break
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        asked = database.asked
        again = asyncio.create_task(call(pace, clock, at))
        await clock.advance(0.01)
        await again
    assert len(at) == 1
    assert database.asked == asked


async def test_while_the_store_is_away_calls_come_again_later_and_afterwards_go_on(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [Rate(7, 1.0)], many=1, at_once=1) as (pace,):
        database.down = True
        task = asyncio.create_task(call(pace, clock, at))
        await clock.advance(0.5)
        with pytest.raises(Busy, match="whose turn") as caught:
            await task
        assert caught.value.maybe_done is False
        database.down = False
        task = asyncio.create_task(call(pace, clock, at))
        await clock.advance(2)
        await task
    assert len(at) == 1


async def test_how_much_is_used_is_told_of_all_replicas(clock: FakeClock) -> None:
    database, at = Database(clock), list[float]()
    async with paces(database, [Rate(4, 10.0)]) as (first, second, _):
        assert second.use == 0.0
        task = asyncio.create_task(call(first, clock, at))
        await clock.advance(1)
        await task
        assert second.use == pytest.approx(0.25, abs=0.03)
    async with paces(Database(clock), []) as (first, *_):
        assert first.use is None


def test_a_configuration_with_replicas_makes_a_shared_pace(clock: FakeClock) -> None:
    board, elsewhere = Database(clock).replica(1)
    limits = Limits.model_validate({"requests": {"most": 7, "per": "1s"}, "concurrent": 2})

    made = pace_of("sales", None, limits, elsewhere, board=board)

    assert isinstance(made, SharedPace)
    assert (made._rates, made._at_once, made._name) == ((Rate(7, 1.0),), 2, "pace:sales")
