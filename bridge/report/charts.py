"""Figures by the hour as shapes for the templates: bars and a line, in a picture's own units. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

#: a bar with its gap, and the height of a picture, in its units
STEP, GAP, HEIGHT = 10, 2, 40
#: height of a bar that stands for little beside the others, so that it is seen
LEAST = 1.5
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    count: int
    #: seconds since 1970, when its hour began
    at: float


def hour_end(now: float, zone: tzinfo) -> float:
    """When the hour that is under way ends by the zone's clocks, of which some are half an hour off the others."""
    begun = datetime.fromtimestamp(now, zone).replace(minute=0, second=0, microsecond=0)
    return begun.timestamp() + HOUR


@dataclass(frozen=True, slots=True)
class Hours:
    """Counts of hours of the clock up to that which is under way, the oldest first."""

    counts: tuple[int, ...]
    until: float

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], hours: int, until: float) -> Hours:
        """`rows`: {"hour": 0 for the newest, "n": how many}; hours that are missing had none. `until`: when the newest ends."""
        known = {int(row["hour"]): int(row["n"]) for row in rows}
        return cls(tuple(known.get(hour, 0) for hour in range(hours - 1, -1, -1)), until)

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def most(self) -> int:
        return max(self.counts, default=0)

    @property
    def width(self) -> int:
        return STEP * len(self.counts)

    @property
    def bars(self) -> list[Bar]:
        made = []
        for place, count in enumerate(self.counts):
            height = max(LEAST, HEIGHT * count / self.most) if count else 0.0
            made.append(Bar(place * STEP, round(HEIGHT - height, 2), STEP - GAP, round(height, 2), count, self._begun(place)))
        return made

    @property
    def line(self) -> str:
        """For a polyline's `points`."""
        return " ".join(f"{x},{y:g}" for x, y in _line(self.counts, self.most))

    @property
    def plotted(self) -> list[list[float]]:
        """Beginnings of the hours (seconds since 1970), and their counts: what a plotting library takes."""
        return [[self._begun(place) for place in range(len(self.counts))], [float(count) for count in self.counts]]

    def _begun(self, place: int) -> float:
        return self.until - HOUR * (len(self.counts) - place)


def _line(counts: Sequence[int], most: int) -> Iterable[tuple[int, float]]:
    for place, count in enumerate(counts):
        yield place * STEP, round(HEIGHT - 2 - (HEIGHT - 4) * count / most, 2) if most else HEIGHT - 2
