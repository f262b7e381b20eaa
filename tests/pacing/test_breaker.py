from __future__ import annotations

from fakes import FakeClock

from bridge.pacing.breaker import FAILURES, FIRST_REST, LONGEST_REST, Breakers


def broken(clock: FakeClock, times: int = FAILURES) -> Breakers:
    breakers = Breakers(clock)
    for _ in range(times):
        breakers.failed("sales")
    return breakers


def test_a_few_failures_leave_it_closed(clock: FakeClock) -> None:
    assert broken(clock, FAILURES - 1).state("sales") == "closed"


def test_a_row_of_failures_opens_it_for_that_target_alone(clock: FakeClock) -> None:
    breakers = broken(clock)

    assert breakers.closed_to_new() == {"sales"}
    assert breakers.state("archive") == "closed"


async def test_after_its_rest_one_job_probes(clock: FakeClock) -> None:
    breakers = broken(clock)
    await clock.advance(FIRST_REST)

    assert breakers.state("sales") == "half_open"
    assert (breakers.to_be_probed(), breakers.closed_to_new()) == ({"sales"}, set())


async def test_a_probe_that_fails_doubles_the_rest(clock: FakeClock) -> None:
    breakers = broken(clock)
    await clock.advance(FIRST_REST)
    breakers.failed("sales")
    await clock.advance(FIRST_REST)
    assert breakers.state("sales") == "open"

    await clock.advance(FIRST_REST)

    assert breakers.state("sales") == "half_open"


async def test_the_rest_has_a_bound(clock: FakeClock) -> None:
    breakers = broken(clock)
    for _ in range(50):
        await clock.advance(LONGEST_REST)
        breakers.failed("sales")

    await clock.advance(LONGEST_REST)

    assert breakers.state("sales") == "half_open"


def test_failures_of_attempts_that_were_under_way_do_not_prolong_the_rest(clock: FakeClock) -> None:
    breakers = broken(clock, FAILURES + 20)

    assert breakers.state("sales") == "open"
    assert breakers._states["sales"].rests == 1


def test_any_answer_closes_it(clock: FakeClock) -> None:
    breakers = broken(clock)
    breakers.answered("sales")

    assert breakers.state("sales") == "closed"
