"""How much of something may happen in a minute: evenly, or a minute's worth at once after a rest."""

from __future__ import annotations


class Allowance:
    """`now`: seconds of a clock that only goes forward."""

    __slots__ = ("_at", "_left", "per_minute")

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self._left, self._at = float(per_minute), now

    def take(self, now: float) -> bool:
        """Whether one more may happen; if so, it is counted."""
        self._left = min(float(self.per_minute), self._left + (now - self._at) * self.per_minute / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
