"""A report's figures over time, as shapes for the templates: a chart for each figure, in a picture's own units. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from bridge.report.charts import GAP, HEIGHT, LEAST, STEP, Bar
from bridge.report.reports.figures import SHOWN, Kind, Line, Shown, lines
from bridge.store.reports import Sums

#: longer reports are drawn by the week, longer ones yet by the month
MOST_BY_DAY, MOST_BY_WEEK = 92, 400
#: what a chart is drawn of
CHARTED: tuple[Shown, ...] = tuple(one for one in SHOWN if one.kind != "ratings")
DAY = 86400


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    kind: Kind
    #: beginnings of days, weeks or months
    steps: Sequence[date]
    #: None: nothing is known of that time
    values: Sequence[float | None]

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @property
    def most(self) -> float:
        return max(self.known, default=0)

    @property
    def width(self) -> int:
        return STEP * len(self.steps)

    @property
    def bars(self) -> list[tuple[Bar, date, float]]:
        made = []
        for place, (step, value) in enumerate(zip(self.steps, self.values, strict=True)):
            if value is not None and value > 0:
                height = round(max(LEAST, HEIGHT * value / self.most), 2)
                bar = Bar(place * STEP, round(HEIGHT - height, 2), STEP - GAP, height, round(value), _seconds(step))
                made.append((bar, step, value))
        return made

    @property
    def plotted(self) -> list[list[float | None]]:
        """Beginnings (seconds since 1970, as if in UTC), and values: shares in percent. What a plotting library takes."""
        times = 100 if self.kind == "share" else 1
        return [[_seconds(step) for step in self.steps],
                [None if value is None else round(value * times, 1) for value in self.values]]  # fmt: skip

    @property
    def span(self) -> float:
        """Seconds from one beginning to the next, of the last one for want of a next."""
        return (self.steps[-1] - self.steps[-2]).days * DAY if len(self.steps) > 1 else DAY


def charts(daily: Iterable[Sums], since: date, until: date, hours: str) -> list[Chart]:
    """One for each figure of which anything is known. `hours`: all, within, outside."""
    begin = _grain(since, until)
    steps = _steps(since, until, begin)
    found: Mapping[str, Line] = {
        one.key: one for one in lines(replace(sums, key=begin(date.fromisoformat(sums.key)).isoformat()) for sums in daily)
    }  # fmt: skip
    at = [line.of(hours) if (line := found.get(step.isoformat())) else None for step in steps]
    made = []
    for one in CHARTED:
        read = [one.read(figures) if figures is not None else 0 if one.name == "chats" else None for figures in at]
        chart = Chart(one.name, one.kind, steps, [value if isinstance(value, int | float) else None for value in read])
        if chart.known:
            made.append(chart)
    return made


def _grain(since: date, until: date) -> Callable[[date], date]:
    days = (until - since).days + 1
    if days <= MOST_BY_DAY:
        return _day
    return _monday if days <= MOST_BY_WEEK else _first


def _steps(since: date, until: date, begin: Callable[[date], date]) -> list[date]:
    days = (since + timedelta(days=number) for number in range((until - since).days + 1))
    return list(dict.fromkeys(map(begin, days)))


def _day(day: date) -> date:
    return day


def _monday(day: date) -> date:
    return date.fromordinal(max(1, day.toordinal() - day.weekday()))


def _first(day: date) -> date:
    return day.replace(day=1)


def _seconds(day: date) -> float:
    return datetime.combine(day, datetime.min.time(), UTC).timestamp()
