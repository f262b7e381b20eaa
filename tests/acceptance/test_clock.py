"""The machine's clock is set an hour ahead or back while chats are on their way: nothing stalls, nothing is written twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.model import JobState

HOUR = 3600.0


async def all_done_within(way: Way, seconds: float) -> None:
    for _ in range(int(seconds / 5)):
        await way.work()
        if all(state is JobState.DONE for state, _ in await way.states()):
            return
        await way.clock.advance(5)
    pytest.fail(f"not done within {seconds:g} s: {await way.states()}")


def written_once(way: Way, chats: int) -> None:
    for table in ("clients", "notes"):
        assert len(way.rows(table)) == chats, table


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "while it is stopped"])
async def test_chats_on_their_way_arrive(tmp_path: Path, clock: FakeClock, seconds: float, restarted: bool) -> None:
    async with on_the_way(tmp_path, clock) as way:
        way.faults(drop_before_commit={"times": 2})
        for number in range(4):
            await way.post(finished(number + 1))
        await way.work(1)
        assert JobState.RETRYING in {state for state, _ in await way.states()}

        if restarted:
            await way.store.close()
        clock.jump(seconds)
        if restarted:
            await way.store.open()
            way.store.born_at = 0.0
            await way.restart()
        await way.post(finished(9))

        await all_done_within(way, 300)
        written_once(way, 5)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "while it is stopped"])
async def test_a_request_that_may_still_take_effect_is_not_repeated(
    tmp_path: Path, clock: FakeClock, seconds: float, restarted: bool
) -> None:
    """Its answer was lost a moment ago, and the CRM carries it out later. By the clock that was set an hour has passed since."""
    async with on_the_way(tmp_path, clock) as way:
        way.faults(drop_after_commit={"times": 1, "operation": "note.create"}, index_lag=3600)
        await way.post(finished(1))
        await way.work(1)
        assert len(way.rows("notes")) == 1

        if restarted:
            await way.store.close()
        clock.jump(seconds)
        if restarted:
            await way.store.open()
            way.store.born_at = 0.0
            await way.restart()
        for _ in range(10):
            await way.work()
            await clock.advance(5)
        assert await way.states() == [(JobState.WAITING, "settling")]

        way.faults()
        await all_done_within(way, 300)
        written_once(way, 1)
