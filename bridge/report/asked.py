"""What a request asks for: filters and numbers out of the address. What is not one is left out, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode

from aiohttp import web

from bridge.errors import Refused
from bridge.model import JobState
from bridge.store.finding import Place, Wanted

#: the greatest row number of any store
_GREATEST = 2**63 - 1
_DIGITS = 19
#: characters of a search
LONGEST_TEXT = 200
DELIVERY_STATES = ("received", "fetching", "held", "sorted", "skipped", "not_understood")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    state: str | None = None
    source: str | None = None
    target: str | None = None
    reason: str | None = None
    channel: str | None = None
    #: days, the last one included
    since: date | None = None
    until: date | None = None
    #: a phone, an e-mail, a name, a chat's id, words
    text: str = ""
    after: Place | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> JobFilter:
        """`after`: where the page before ended; `before`: the number of a job, where nothing is looked for by text."""
        before = number(query.get("before"))
        return cls(
            state=_one_of(query.get("state"), [state.value for state in JobState]), source=query.get("source") or None,
            target=query.get("target") or None, reason=query.get("reason") or None, channel=query.get("channel") or None,
            since=_day(query.get("from")), until=_day(query.get("to")), text=query.get("q", "").strip()[:LONGEST_TEXT],
            after=_place(query.get("after")) or ((0, before) if before else None),
        )  # fmt: skip

    def wanted(self, zone: tzinfo) -> Wanted:
        """As the store is asked; days are those of the zone."""
        return Wanted(
            states=self.states, source=self.source, target=self.target, reason=self.reason, channel=self.channel, text=self.text,
            since=_midnight(self.since, zone) if self.since else None,
            until=_midnight(self.until + timedelta(days=1), zone) if self.until and self.until < date.max else None,
        )  # fmt: skip

    @property
    def states(self) -> tuple[str, ...]:
        return (self.state,) if self.state else ()

    @property
    def is_any(self) -> bool:
        given = (self.state, self.source, self.target, self.reason, self.channel, self.since, self.until, self.text)
        return not any(given)

    def query(self, *, after: Place | None = None) -> str:
        given = {
            "q": self.text or None, "state": self.state, "source": self.source, "target": self.target, "reason": self.reason,
            "channel": self.channel, "from": self.since, "to": self.until,
            "after": f"{after[0]}.{after[1]}" if after else None,
        }  # fmt: skip
        return urlencode({key: value for key, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    state: str | None = None
    source: str | None = None
    before: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> DeliveryFilter:
        return cls(
            state=_one_of(query.get("state"), DELIVERY_STATES), source=query.get("source") or None,
            before=number(query.get("before")),
        )  # fmt: skip

    def query(self, *, before: int | None = None) -> str:
        given = {"state": self.state, "source": self.source, "before": before}
        return urlencode({key: value for key, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Jobs that stand still for one cause."""

    state: JobState
    target: str
    reason: str
    code: str
    #: of bridge.report.troubles.causes; '': all of that reason
    cause: str = ""

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Group:
        """Raises Refused: a group that is not named whole would be a larger one."""
        values = {key: given.get(key) for key in ("state", "target", "reason", "code", "cause")}
        if values["state"] not in {JobState.HELD, JobState.DEAD} or not values["target"]:
            raise Refused("Name the group: state (held or dead), target, reason and code.")
        texts = {key: value if isinstance(value, str) else "" for key, value in values.items()}
        return cls(state=JobState(texts["state"]), target=texts["target"], reason=texts["reason"], code=texts["code"],
                   cause=texts["cause"])  # fmt: skip


def number(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        return None
    value = int(text)
    return value if 0 < value <= _GREATEST else None


def row_number(request: web.Request) -> int:
    """The number in the path. Raises 404."""
    found = number(request.match_info["id"])
    if found is None:
        raise web.HTTPNotFound
    return found


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _midnight(day: date, zone: tzinfo) -> float:
    """Raises nothing: the first days of the calendar have no seconds in some zones, and nothing was written then."""
    try:
        return datetime.combine(day, time(), zone).timestamp()
    except (OverflowError, ValueError):
        return 0.0


def _place(text: str | None) -> Place | None:
    chat, dot, job = (text or "").partition(".")
    numbers = [int(one) for one in (chat, job) if one.isascii() and one.isdigit() and len(one) <= _DIGITS]
    return (numbers[0], numbers[1]) if dot and len(numbers) == 2 and max(numbers) <= _GREATEST else None  # noqa: PLR2004 - a pair


def _one_of(text: str | None, known: list[str] | tuple[str, ...]) -> str | None:
    return text if text in known else None
