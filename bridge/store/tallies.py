"""What one chat adds to the figures of its day, and how first responses are kept so that days can be added up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

#: of what lines of figures are kept by, besides `all` (every chat of a source), months are kept beside days: a year by page is
#: then a dozen lines a page, not three hundred
BY_MONTH = ("channel", "page", "operator", "utm")

#: added up by the line. `…_n`: of how many chats that is known at all
COUNTS = (
    "chats", "missed", "missed_n", "abandoned", "abandoned_n", "in_30", "in_60", "answer_n", "duration_s", "duration_n",
    "gap_s", "gap_n", "handoffs", "handoffs_n", "contact", "contact_n",
)  # fmt: skip
#: the same, of what the CRM was told; the store knows them from its journal
OUTCOMES = ("new_clients", "known_clients", "clients_n", "deals")

#: the line of all that have none of their own
THE_REST = "…"

#: each bucket of first responses is so much wider than the one before
WIDER = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One chat as the figures count it. Holds nobody's contact data."""

    source: str
    #: the day on which it began, by the source's clock
    day: date
    #: it began within opening hours; None: there are none, or it is not known when it began
    open: bool | None
    #: dimension → what of it the chat belongs to; without `all`
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: of COUNTS; what is missing is 0
    counts: Mapping[str, int] = field(default_factory=dict)
    response_s: int | None = None
    rating: str | None = None
    #: it does not count (any more): the provider says that it is spam
    void: bool = False


class Period(NamedTuple):
    """First and last name of days (2026-11-20) or of whole months (m2026-11), both included."""

    first: str
    last: str


def month_of(day: date) -> str:
    # a letter before it: months and days never lie between one another
    return f"m{day.isoformat()[:7]}"


def periods(since: date, until: date, *, months: bool) -> list[Period]:
    """The days from `since` to `until`, both included; with `months` whole months in the place of their days."""
    if since > until:
        return []
    if not months:
        return [Period(since.isoformat(), until.isoformat())]
    first = since if since.day == 1 else _next_month(since)
    after = _next_month(until)
    end = after if after is not None and (after - until).days == 1 else until.replace(day=1)
    if first is None or first >= end:
        return [Period(since.isoformat(), until.isoformat())]
    found = [Period(month_of(first), month_of(date.fromordinal(end.toordinal() - 1)))]
    if since < first:
        found.append(Period(since.isoformat(), date.fromordinal(first.toordinal() - 1).isoformat()))
    if end <= until:
        found.append(Period(end.isoformat(), until.isoformat()))
    return found


def _next_month(day: date) -> date | None:
    """Its first day; None beyond the calendar's end."""
    year, month = divmod(day.year * 12 + day.month, 12)
    return date(year, month + 1, 1) if year <= date.max.year else None


# -- first responses ---------------------------------------------------------------------------------------------------


def bucket(seconds: int) -> int:
    """0 for none, then 1 from one second on, each bucket WIDER times as wide as the one before."""
    return 0 if seconds < 1 else 1 + math.floor(math.log(seconds) / math.log(WIDER) + 1e-9)


def middle(number: int) -> int:
    """Seconds that stand for a bucket: the one whole number in it, else by whose factor both its ends are equally far."""
    if number == 0:
        return 0
    lowest, highest = math.ceil(WIDER ** (number - 1) - 1e-9), math.ceil(WIDER**number - 1e-9) - 1
    return round(math.sqrt(lowest * max(lowest, highest)))


def quantile(buckets: Mapping[int, int], share: float) -> int | None:
    """Seconds within which so large a share was answered (nearest rank); None: nothing is known."""
    total = sum(buckets.values())
    if total <= 0:
        return None
    rank, passed = max(1, math.ceil(share * total)), 0
    for number in sorted(buckets):
        passed += buckets[number]
        if passed >= rank:
            return middle(number)
    return None  # unreachable while counts are positive


# -- how both stand in a line: "3:1 17:4" ------------------------------------------------------------------------------


def with_more(text: str, key: str, times: int) -> str:
    """The same with so many more of one key; less than 0: so many fewer, down to none. The rest is not taken apart."""
    there, at = f" {text}", -1
    while (at := there.find(f" {key}:", at + 1)) >= 0:
        begin = at + len(key) + 2
        end = there.find(" ", begin)
        number, rest = (there[begin:end], there[end:]) if end >= 0 else (there[begin:], "")
        if number.isdecimal():  # else it is a key that begins like this one
            left = int(number) + times
            return f"{there[:at]}{f' {key}:{left}' if left > 0 else ''}{rest}"[1:]
    return f"{there} {key}:{times}".lstrip() if times > 0 else text


def has(text: str, key: str) -> bool:
    """Whether there is any of that key."""
    return any(part.rpartition(":")[0] == key for part in text.split(" "))


def unpacked(text: str | None) -> Counter[str]:
    """Of one line, or of several one after another."""
    found: Counter[str] = Counter()
    # a report of a year reads hundreds of thousands of them, and most are like one another
    for part, times in Counter(text.split(" ")).items() if text else ():
        if part:
            key, _, number = part.rpartition(":")
            found[key] += times * int(number)
    return found
