"""A report: what was asked for, its lines, and the days of its charts. Shared by the page, the API and `chat2crm report`.

`figures` makes shares and medians of lines · `charts` draws them over time · `pages` shows them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol, Self, cast
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from bridge.errors import Refused
from bridge.report.reports.figures import Figures, Line, line, lines
from bridge.store.reports import BY, Sums

By = Literal["day", "source", "channel", "page", "operator", "utm"]
Hours = Literal["all", "within", "outside"]
HOURS: tuple[Hours, ...] = ("all", "within", "outside")
#: days of a report that names none, and the most of any
USUAL_DAYS, MOST_DAYS = 30, 3700
#: lines of a report, apart from that of all the rest
MOST_KEYS = 1000
#: what makes a spreadsheet take a text for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Wanted(BaseModel):
    """What is asked for; both days are included."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    since: date = Field(alias="from")
    until: date = Field(alias="to")
    by: By = "day"
    source: str | None = None
    hours: Hours = "all"

    @classmethod
    def of(cls, query: Mapping[str, str], today: date) -> Self:
        """What is no day, or nothing to make a report by, is left out; a day that does not exist is not guessed."""
        until = _day(query.get("to")) or max(today, _day(query.get("from")) or today)
        since = _day(query.get("from")) or _earlier(until, USUAL_DAYS - 1)
        by = query.get("by")
        hours = query.get("hours")
        return cls(
            since=max(since, _earlier(until, MOST_DAYS - 1)), until=until, by=cast("By", by if by in BY else "day"),
            source=query.get("source") or None, hours=hours if hours in HOURS else "all",
        )  # fmt: skip

    @classmethod
    def exactly(cls, since: date | None, until: date | None, by: By, source: str | None, today: date) -> Self:
        """For commands. Raises Refused."""
        last = until or max(today, since or today)
        first = since or _earlier(last, USUAL_DAYS - 1)
        if first > last:
            raise Refused(f"The report would end ({last}) before it begins ({first}). Exchange --from and --to.")
        if (last - first).days >= MOST_DAYS:
            raise Refused(f"A report covers at most {MOST_DAYS} days (ten years). Begin later, or end earlier.")
        return cls(since=first, until=last, by=by, source=source)

    def query(self, **other: str) -> str:
        given = {
            "from": self.since.isoformat(), "to": self.until.isoformat(), "by": self.by, "source": self.source or "",
            "hours": self.hours if self.hours != "all" else "", **other,
        }  # fmt: skip
        return urlencode({key: value for key, value in given.items() if value})


class Report(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, serialize_by_alias=True)

    since: date = Field(alias="from")
    until: date = Field(alias="to")
    by: By
    source: str | None
    #: the first day of which anything is counted
    first_day: str | None
    total: Line
    #: days in their order, else those with the most chats first
    lines: list[Line]


class Asked(Protocol):
    """bridge.store.reports.Reports"""

    async def sums(
        self, by: str, since: date, until: date, source: str | None = None, *, most: int | None = None
    ) -> list[Sums]: ...
    async def first_day(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Made:
    report: Report
    #: by day, for charts; days without chats are missing
    daily: list[Sums]


async def report_of(reports: Asked, wanted: Wanted) -> Made:
    daily = await reports.sums("day", wanted.since, wanted.until, wanted.source)
    # the days are added up, not the lines: an operator's and a colleague's chat stands in two of them
    total = line("", daily)
    if wanted.by == "day":
        listed = lines(sorted(daily, key=lambda one: one.key))
    else:
        listed = lines(await reports.sums(wanted.by, wanted.since, wanted.until, wanted.source, most=MOST_KEYS))
        listed.sort(key=lambda one: (-one.all.chats, one.key))
    report = Report(since=wanted.since, until=wanted.until, by=wanted.by, source=wanted.source,
                    first_day=await reports.first_day(), total=total, lines=listed)  # fmt: skip
    return Made(report, daily)


# -- for spreadsheets --------------------------------------------------------------------------------------------------


def as_csv(report: Report) -> str:
    """A line for each key and each of all, within, outside and unknown; not known is empty. With a mark at the beginning, by
    which spreadsheets know that it is UTF-8.
    """
    out = io.StringIO()
    names = [name for name in Figures.model_fields if name != "ratings"]
    writer = csv.writer(out)
    writer.writerow([report.by, "hours", *names, "ratings"])
    for one in report.lines:
        for hours, found in _apart(one):
            ratings = ", ".join(f"{key}: {number}" for key, number in found.ratings.items())
            writer.writerow([safe(one.key), hours, *(_cell(getattr(found, name)) for name in names), safe(ratings)])
    return "\ufeff" + out.getvalue()


def safe(text: str) -> str:
    """As a text, also for a spreadsheet that would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _apart(one: Line) -> Iterator[tuple[str, Figures]]:
    for hours in ("all", "within", "outside", "unknown"):
        found = one.of(hours)
        if found is not None:
            yield hours, found


def _cell(value: float | None) -> str:
    return "" if value is None else str(value)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _earlier(day: date, days: int) -> date:
    return date.fromordinal(max(1, day.toordinal() - days))
