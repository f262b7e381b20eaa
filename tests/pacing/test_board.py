from __future__ import annotations

import asyncio

import pytest
from fakes import FakeClock, settle
from hypothesis import given
from hypothesis import strategies as st
from replicas import Database

from bridge.errors import NoRoom
from bridge.pacing.board import DRIFT, EVERY, Board, Bounds
from bridge.pacing.breaker import FAILURES, FIRST_REST, Breakers


@given(
    st.floats(-1e9, 1e9),
    st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 5.0), st.floats(0.0, 1.0)), min_size=1, max_size=20),
    st.floats(-DRIFT / 2, DRIFT / 2),
)
def test_however_long_answers_take_the_databases_time_lies_within_the_bounds(
    ahead: float, questions: list[tuple[float, float, float]], drift: float
) -> None:
    bounds, now = Bounds(), 1000.0

    def there(local: float) -> float:
        return local * (1 + drift) + ahead

    for passed, took, part in questions:
        asked = now + passed
        now = asked + took
        bounds.learn(asked, now, there(asked + part * took))
        assert bounds.low - 1e-3 <= there(now) - now <= bounds.high + 1e-3
        assert bounds.high - bounds.low <= took + 1e-3, "a quick answer says more than a slow one"
    assert there(bounds.surely_since(there(now))) >= there(now) - 1e-3
    assert there(bounds.surely_until(there(now))) <= there(now) + 1e-3


def test_a_database_whose_clock_was_set_is_believed_anew() -> None:
    bounds = Bounds()
    bounds.learn(10.0, 10.1, 500.0)
    bounds.learn(11.0, 11.1, 9000.0)

    assert (bounds.low, bounds.high) == (pytest.approx(8988.9), pytest.approx(8989.0))


def test_before_the_database_was_asked_its_time_is_taken_to_be_ours(clock: FakeClock) -> None:
    board, elsewhere = Database(clock).replica(1)

    assert board.now() == elsewhere.time()


async def test_what_one_agrees_on_the_others_hear_and_only_what_they_follow(clock: FakeClock) -> None:
    database = Database(clock)
    (one, _), (other, _) = database.replica(1), database.replica(2)
    heard: list[tuple[str, str]] = []
    other.follow("pace:", lambda name, text: heard.append((name, text)))
    one.soon("pace:sales", lambda held, now: held + "a")
    one.soon("pace:sales", lambda held, now: held + "b")
    one.soon("breaker:sales", lambda held, now: "x")

    await asyncio.gather(*(asyncio.create_task(driven(clock, board)) for board in (one,)))
    await driven(clock, other)
    await driven(clock, other)

    assert heard == [("pace:sales", "ab")]
    late: list[str] = []
    other.follow("breaker:", lambda name, text: late.append(text))
    assert late == ["x"], "what is known already is told at once"


async def driven(clock: FakeClock, board: Board) -> None:
    task = asyncio.create_task(board.exchange())
    while not task.done():
        await clock.advance(0.01)
    await task


async def test_what_the_store_did_not_take_is_told_when_it_is_back(clock: FakeClock) -> None:
    database = Database(clock)
    (one, _), (other, _) = database.replica(1), database.replica(2)
    heard: list[str] = []
    other.follow("x", lambda name, text: heard.append(text))
    working = [asyncio.create_task(board.work()) for board in (one, other)]
    database.down = True
    one.soon("x", lambda held, now: "told")
    await clock.advance(5)
    assert heard == []

    database.down = False
    await clock.advance(3 * EVERY)

    assert heard == ["told"]
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def test_a_turn_is_one_replicas_until_it_is_over(clock: FakeClock) -> None:
    database = Database(clock, longest=0.0)
    (one, _), (other, _) = database.replica(1), database.replica(2)

    assert await one.wait_for_turn("prune", 3600) == 0.0
    assert await one.wait_for_turn("prune", 3600) == 0.0, "it may go on"
    await clock.advance(600)
    assert await other.wait_for_turn("prune", 3600) == pytest.approx(3000)
    assert await other.wait_for_turn("reconcile:shop", 3600) == 0.0, "another thing's turn is another"
    await clock.advance(3000)
    assert await other.wait_for_turn("prune", 3600) == 0.0
    assert await one.wait_for_turn("prune", 3600) > 0.0


async def test_a_turn_that_lies_further_ahead_than_any_can_is_nobodys(clock: FakeClock) -> None:
    """The database's clock was set back by a day, or another version wrote there."""
    database = Database(clock, longest=0.0)
    (one, _), (other, _) = database.replica(1), database.replica(2)
    await one.wait_for_turn("prune", 3600)
    database.machine.ahead -= 86_400
    assert await other.wait_for_turn("prune", 3600) == 0.0
    await other.agree("turn:prune", lambda held, now: ("nonsense", None))
    assert await one.wait_for_turn("prune", 3600) == 0.0


class TestBreakersOfReplicas:
    @pytest.fixture
    async def three(self, clock: FakeClock) -> list[Breakers]:
        self.database = Database(clock, longest=0.0)
        self.boards = [self.database.replica(number)[0] for number in (1, 2, 3)]
        return [Breakers(board.clock, board) for board in self.boards]

    async def heard(self) -> None:
        for board in (*self.boards, *self.boards):
            await board.exchange()

    async def opened(self, three: list[Breakers]) -> None:
        for breakers in (*three, *three)[:FAILURES]:
            breakers.failed("sales")
        await self.heard()

    async def test_failures_of_all_count_and_all_rest(self, three: list[Breakers]) -> None:
        await self.opened(three)

        assert [one.state("sales") for one in three] == ["open"] * 3
        assert [one.closed_to_new() for one in three] == [{"sales"}] * 3

    async def test_after_the_rest_one_replicas_job_probes(self, three: list[Breakers], clock: FakeClock) -> None:
        await self.opened(three)
        await clock.advance(FIRST_REST)

        assert [one.to_be_probed() for one in three] == [{"sales"}] * 3
        assert [await one.may_probe("sales", 10) for one in three] == [True, False, False]
        await self.heard()
        asked = self.database.asked
        assert [await one.may_probe("sales", 10) for one in three] == [True, False, False]
        assert self.database.asked == asked, "what is known is not asked again"

    async def test_a_probe_that_fails_lets_all_rest_longer(self, three: list[Breakers], clock: FakeClock) -> None:
        await self.opened(three)
        await clock.advance(FIRST_REST)
        await three[0].may_probe("sales", 10)
        three[0].failed("sales")
        await self.heard()

        assert [one.state("sales") for one in three] == ["open"] * 3
        await clock.advance(2 * FIRST_REST)
        assert [await one.may_probe("sales", 10) for one in reversed(three)] == [True, False, False]

    async def test_a_probe_that_is_answered_closes_it_for_all(self, three: list[Breakers], clock: FakeClock) -> None:
        await self.opened(three)
        await clock.advance(FIRST_REST)
        await three[1].may_probe("sales", 10)
        three[1].answered("sales")
        await self.heard()

        assert [one.state("sales") for one in three] == ["closed"] * 3
        assert [one.to_be_probed() for one in three] == [set()] * 3

    async def test_if_whoever_probes_dies_another_does(self, three: list[Breakers], clock: FakeClock) -> None:
        await self.opened(three)
        await clock.advance(FIRST_REST)
        await three[0].may_probe("sales", 10)
        await self.heard()
        await clock.advance(9.9)
        assert not await three[1].may_probe("sales", 10)
        await clock.advance(0.2)
        assert await three[1].may_probe("sales", 10)

    async def test_one_that_goes_on_probing_keeps_the_others_off(self, three: list[Breakers], clock: FakeClock) -> None:
        await self.opened(three)
        await clock.advance(FIRST_REST)
        for _ in range(30):
            assert await three[0].may_probe("sales", 10)
            await self.heard()
            assert not await three[1].may_probe("sales", 10)
            await clock.advance(1)

    async def test_a_crowded_crm_is_gone_to_by_one_until_a_job_has_come_to_its_end(
        self, three: list[Breakers], clock: FakeClock
    ) -> None:
        three[2].crowd("sales")
        await self.heard()
        assert [one.state("sales") for one in three] == ["closed"] * 3
        assert [await one.may_probe("sales", 10) for one in three] == [True, False, False]
        three[0].answered("sales")
        await self.heard()
        assert three[1].to_be_probed() == {"sales"}, "an answer alone is no end"
        three[0].ease("sales")
        await self.heard()
        assert [one.to_be_probed() for one in three] == [set()] * 3

    async def test_while_all_is_well_nothing_is_told(self, three: list[Breakers]) -> None:
        await self.heard()
        asked = self.database.asked
        for _ in range(100):
            three[0].answered("sales")
            three[0].ease("sales")
        await self.heard()

        assert self.database.asked == asked

    async def test_what_was_failing_is_tried_anew_by_all_once_one_forgets(self, three: list[Breakers]) -> None:
        await self.opened(three)
        three[0].forget()
        await self.heard()

        assert [one.state("sales") for one in three] == ["closed"] * 3

    async def test_a_store_that_is_away_lets_nobody_probe(self, three: list[Breakers], clock: FakeClock) -> None:
        await self.opened(three)
        await clock.advance(FIRST_REST)
        self.database.down = True
        with pytest.raises(NoRoom):
            await three[0].may_probe("sales", 10)
        await settle()


@pytest.mark.parametrize("text", ["nonsense", "[]", "{}", "[1,2,3]", '["a",0,0,false,"",0]'])
async def test_another_versions_words_say_that_all_is_well(clock: FakeClock, text: str) -> None:
    board, _ = Database(clock, longest=0.0).replica(1)
    breakers = Breakers(board.clock, board)
    await board.agree("breaker:target:sales", lambda held, now: (text, None))
    await board.exchange()

    assert breakers.state("sales") == "closed"
