from __future__ import annotations

from dataclasses import dataclass

import pytest

from bridge.pacing.retry import gives_up, wait_after


@dataclass
class Rules:
    first: float = 5.0
    longest: float = 3600.0
    attempts: int = 40
    give_up_after: float = 7 * 86400.0


@pytest.mark.parametrize(
    ("attempt", "longest_wait"),
    [
        (1, 5.0),
        (2, 10.0),
        (3, 20.0),
        (5, 80.0),  # 5 · 2^4
        (10, 2560.0),  # 5 · 2^9
        (11, 3600.0),  # 5 · 2^10 = 5120, over the longest
        (5000, 3600.0),
    ],
)
def test_the_wait_doubles_up_to_the_longest(attempt: int, longest_wait: float) -> None:
    assert wait_after(attempt, Rules(), 1.0) == longest_wait
    assert wait_after(attempt, Rules(), 0.0) == longest_wait / 2


@pytest.mark.parametrize(
    ("attempt", "failing_for", "over"),
    [(39, 0.0, False), (40, 0.0, True), (3, 7 * 86400.0, True), (3, 7 * 86400.0 - 1, False)],
)
def test_it_gives_up_by_number_or_by_age(attempt: int, failing_for: float, over: bool) -> None:
    assert gives_up(attempt, failing_for, Rules()) is over
