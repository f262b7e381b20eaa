"""RETRY — an error and the number of the attempt → when next, or never. Pure.

The wait after attempt n is `first` · 2^(n-1), at most `longest`, of which a random part between half and all is taken, so that
chats that failed together do not come back together. With first = 5 s and longest = 1 h:

    attempt   1     2     3     4     5      …   10      11…
    wait ≤    5 s   10 s  20 s  40 s  80 s       43 min  1 h
"""

from __future__ import annotations

from typing import Protocol


class RetryRules(Protocol):
    """Seconds, and a number of attempts."""

    @property
    def first(self) -> float: ...
    @property
    def longest(self) -> float: ...
    @property
    def attempts(self) -> int: ...
    @property
    def give_up_after(self) -> float: ...


def wait_after(attempt: int, rules: RetryRules, chance: float) -> float:
    """Seconds to wait after attempt number `attempt` (from 1); `chance` is a random number in [0, 1)."""
    # 2**60 s is beyond any `longest`; without the bound a job that failed thousands of times would overflow
    full = min(rules.longest, rules.first * 2.0 ** min(attempt - 1, 60))
    return full * (0.5 + 0.5 * chance)


def gives_up(attempt: int, failing_for: float, rules: RetryRules) -> bool:
    """True if a job that failed `attempt` times, first `failing_for` seconds ago, is not tried again by itself."""
    return attempt >= rules.attempts or failing_for >= rules.give_up_after
