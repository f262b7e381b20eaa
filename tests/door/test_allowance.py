from __future__ import annotations

from bridge.door.allowance import Allowance


def test_a_minutes_worth_may_come_at_once_and_then_no_more() -> None:
    allowance = Allowance(30 / 60, 30, 100.0)
    assert [allowance.take(100.0) for _ in range(31)] == [True] * 30 + [False]


def test_what_is_refused_is_not_counted_and_time_gives_evenly() -> None:
    allowance = Allowance(30 / 60, 30, 100.0)
    for _ in range(50):
        allowance.take(100.0)
    assert not allowance.take(101.9)
    assert [allowance.take(102.0), allowance.take(102.0)] == [True, False]
    assert [allowance.take(106.0) for _ in range(3)] == [True, True, False]


def test_a_long_rest_gives_no_more_than_a_minute() -> None:
    allowance = Allowance(5 / 60, 5, 0.0)
    assert sum(allowance.take(86_400.0) for _ in range(20)) == 5
