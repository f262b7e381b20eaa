"""The figures of many chats, out of lines added up: shares, medians, averages. docs/kpi.md defines them. No I/O.

What is not known of any chat is None, never 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from bridge.store.reports import Sums
from bridge.store.tallies import quantile

Key = TypeVar("Key")
#: how a figure is written: a count, a share from 0 to 1, seconds, ratings with their counts
Kind = Literal["count", "share", "span", "ratings"]


class Figures(BaseModel):
    """Spans are seconds, shares lie between 0 and 1. `…_of`: the chats of which that is known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    chats: int
    missed: int | None
    missed_share: float | None
    missed_of: int
    abandoned: int | None
    abandoned_share: float | None
    abandoned_of: int
    answered_30_share: float | None
    answered_60_share: float | None
    answered_of: int
    first_response_median_s: int | None
    first_response_p90_s: int | None
    first_response_of: int
    duration_s: int | None
    duration_of: int
    longest_gap_s: int | None
    longest_gap_of: int
    handoffs: int | None
    handoffs_of: int
    #: as the chat service gives them → how often
    ratings: dict[str, int]
    contact_given: int | None
    contact_share: float | None
    contact_of: int
    new_clients: int | None
    known_clients: int | None
    deals: int | None
    clients_of: int


class Shown(NamedTuple):
    """One figure as tables and charts show it."""

    name: str
    kind: Kind
    read: Callable[[Figures], float | Mapping[str, int] | None]


#: in the order of every table
SHOWN: tuple[Shown, ...] = (
    Shown("chats", "count", lambda one: one.chats),
    Shown("missed", "count", lambda one: one.missed),
    Shown("missed_share", "share", lambda one: one.missed_share),
    Shown("abandoned", "count", lambda one: one.abandoned),
    Shown("abandoned_share", "share", lambda one: one.abandoned_share),
    Shown("answered_30_share", "share", lambda one: one.answered_30_share),
    Shown("answered_60_share", "share", lambda one: one.answered_60_share),
    Shown("first_response_median_s", "span", lambda one: one.first_response_median_s),
    Shown("first_response_p90_s", "span", lambda one: one.first_response_p90_s),
    Shown("contact_given", "count", lambda one: one.contact_given),
    Shown("contact_share", "share", lambda one: one.contact_share),
    Shown("new_clients", "count", lambda one: one.new_clients),
    Shown("known_clients", "count", lambda one: one.known_clients),
    Shown("deals", "count", lambda one: one.deals),
    Shown("duration_s", "span", lambda one: one.duration_s),
    Shown("longest_gap_s", "span", lambda one: one.longest_gap_s),
    Shown("handoffs", "count", lambda one: one.handoffs),
    Shown("ratings", "ratings", lambda one: one.ratings or None),
)


class Line(BaseModel):
    """All chats of a key; of these apart, those that began within opening hours, outside them, and where that is not known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    #: a day, a source, a channel …; '' where there is none (no page, nobody answered)
    key: str
    all: Figures
    within: Figures | None = None
    outside: Figures | None = None
    unknown: Figures | None = None

    def of(self, hours: str) -> Figures | None:
        """`hours`: all, within, outside, unknown."""
        found: Figures | None = getattr(self, hours)
        return found


def _together(found: Sequence[Mapping[Key, int]]) -> Mapping[Key, int]:
    if len(found) == 1:  # most lines of a long report
        return defaultdict(int, found[0])
    total: defaultdict[Key, int] = defaultdict(int)
    for one in found:
        for key, number in one.items():
            total[key] += number
    return total


def figures(sums: Iterable[Sums]) -> Figures:
    listed = list(sums)
    counts = _together([one.counts for one in listed])
    responses, ratings = _together([one.responses for one in listed]), _together([one.ratings for one in listed])

    def known(name: str, of: str) -> int | None:
        return counts[name] if counts[of] else None

    def share(name: str, of: str) -> float | None:
        return round(counts[name] / counts[of], 4) if counts[of] else None

    def average(name: str, of: str) -> int | None:
        return round(counts[name] / counts[of]) if counts[of] else None

    # what is made here needs no checking, and a report may have thousands of lines
    return Figures.model_construct(
        chats=counts["chats"],
        missed=known("missed", "missed_n"), missed_share=share("missed", "missed_n"), missed_of=counts["missed_n"],
        abandoned=known("abandoned", "abandoned_n"), abandoned_share=share("abandoned", "abandoned_n"),
        abandoned_of=counts["abandoned_n"],
        answered_30_share=share("in_30", "answer_n"), answered_60_share=share("in_60", "answer_n"),
        answered_of=counts["answer_n"],
        first_response_median_s=quantile(responses, 0.5), first_response_p90_s=quantile(responses, 0.9),
        first_response_of=sum(responses.values()),
        duration_s=average("duration_s", "duration_n"), duration_of=counts["duration_n"],
        longest_gap_s=average("gap_s", "gap_n"), longest_gap_of=counts["gap_n"],
        handoffs=known("handoffs", "handoffs_n"), handoffs_of=counts["handoffs_n"],
        ratings=dict(sorted(ratings.items(), key=lambda one: (-one[1], one[0]))),
        contact_given=known("contact", "contact_n"), contact_share=share("contact", "contact_n"), contact_of=counts["contact_n"],
        new_clients=known("new_clients", "clients_n"), known_clients=known("known_clients", "clients_n"),
        deals=known("deals", "clients_n"), clients_of=counts["clients_n"],
    )  # fmt: skip


def line(key: str, sums: Iterable[Sums]) -> Line:
    listed = list(sums)

    by_hours: dict[str, list[Sums]] = {}
    for one in listed:
        by_hours.setdefault(one.hours, []).append(one)
    apart = {hours: figures(of_them) for hours, of_them in by_hours.items()}
    everything = next(iter(apart.values())) if len(apart) == 1 else figures(listed)
    return Line.model_construct(
        key=key, all=everything, within=apart.get("within"), outside=apart.get("outside"), unknown=apart.get("unknown")
    )


def lines(sums: Iterable[Sums]) -> list[Line]:
    """One for each key."""
    by_key: dict[str, list[Sums]] = {}
    for one in sums:
        by_key.setdefault(one.key, []).append(one)
    return [line(key, of_key) for key, of_key in by_key.items()]
