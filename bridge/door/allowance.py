"""How much of something may happen: so many a second in the long run, and more in one go after a rest."""

from __future__ import annotations


class Allowance:
    """`rate`: a second. `now`: seconds of a clock that only goes forward."""

    __slots__ = ("_at", "_left", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._left, self._at = burst, now

    def left(self, now: float) -> float:
        """How many may happen at once; less than nothing where more was spent."""
        self._left, self._at = min(self.burst, self._left + (now - self._at) * self.rate), now
        return self._left

    def spend(self, now: float, *, owing: float = 0.0) -> None:
        """Count one more, whether or not it is left; no more than so many are owed."""
        self._left = max(self.left(now) - 1.0, -owing)

    def take(self, now: float) -> bool:
        """Whether one more may happen; if so, it is counted."""
        if self.left(now) < 1.0:
            return False
        self.spend(now)
        return True

    def give_back(self) -> None:
        self._left = min(self.burst, self._left + 1.0)
