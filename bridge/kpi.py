"""The figures of one chat, as docs/kpi.md defines them. What a provider cannot tell is None ("not known"), never 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Protocol

from bridge.model import Chat, Claim, ContactPoint, EventKind, Frozen, Message, PointKind, Role

#: between two messages of one chat; beyond it a clock is wrong, and the span is not known
LONGEST_SPAN = timedelta(days=366)

#: a time outside them was never a chat's
FIRST_YEAR, LAST_YEAR = 1990, 2200

PEOPLE = (Role.VISITOR, Role.OPERATOR)


class Hours(Protocol):
    """The hours in which somebody answers, as the configuration has them."""

    def on(self, weekday: int, /) -> Sequence[tuple[time, time]]:
        """Spans of a day (0 = Monday) in order, none touching another; `time.max` as an end means midnight."""
        ...


class Kpi(Frozen):
    """Spans are whole seconds, counts are counts; None means not known."""

    #: the visitor wrote (or left a message offline) and no human operator did
    missed: bool | None = None
    #: of the people in the chat the visitor had the last word
    abandoned: bool | None = None
    #: from the visitor's first message to the next human operator's, within opening hours
    first_response_s: int | None = None
    #: the same for a bot, around the clock
    first_bot_response_s: int | None = None
    duration_s: int | None = None
    #: the longest silence between two messages of people
    longest_gap_s: int | None = None
    messages_visitor: int | None = None
    messages_operator: int | None = None
    #: how many operators wrote
    operators: int | None = None
    #: how often another operator took over
    handoffs: int | None = None
    #: as the provider gives it
    rating: str | None = None
    contact_given: bool | None = None


def kpi(chat: Chat, hours: Hours | None, tz: tzinfo, *, points: Sequence[ContactPoint] | None = None) -> Kpi:
    """The figures of a chat. `points` are what was found in it; without them only the form's fields speak of contacts."""
    messages = chat.messages
    roles = [message.role for message in messages]
    operators, handoffs = _operators(chat)
    return Kpi(
        missed=_missed(chat, roles),
        abandoned=_abandoned(roles),
        first_response_s=_first_response(messages, roles, Role.OPERATOR, hours, tz),
        first_bot_response_s=_first_response(messages, roles, Role.BOT, None, tz),
        duration_s=_duration(chat),
        longest_gap_s=_longest_gap(messages),
        messages_visitor=roles.count(Role.VISITOR) if roles else None,
        messages_operator=roles.count(Role.OPERATOR) if roles else None,
        operators=operators,
        handoffs=handoffs,
        rating=chat.rating,
        contact_given=_contact_given(chat, points),
    )


def open_seconds(start: datetime, end: datetime, hours: Hours, tz: tzinfo) -> float:
    """Seconds of opening hours between two aware moments."""
    total = 0.0
    for day in _days(start.astimezone(tz).date(), end.astimezone(tz).date()):
        for opens, closes in hours.on(day.weekday()):
            # Moments are subtracted: two local times of one zone would ignore a change to or from summer time.
            first, last = max(start, _moment(day, opens, tz)), min(end, _moment(day, closes, tz))
            total += max(0.0, (last - first).total_seconds())
    return total


def _missed(chat: Chat, roles: Sequence[Role]) -> bool | None:
    offline = chat.kind is EventKind.OFFLINE_MESSAGE
    if not roles and not offline:
        return None
    return Role.OPERATOR not in roles and (offline or Role.VISITOR in roles)


def _abandoned(roles: Sequence[Role]) -> bool | None:
    last = next((role for role in reversed(roles) if role in PEOPLE), None)
    return None if last is None else last is Role.VISITOR


def _first_response(
    messages: Sequence[Message], roles: Sequence[Role], role: Role, hours: Hours | None, tz: tzinfo
) -> int | None:
    if Role.VISITOR not in roles:
        return None
    asked = roles.index(Role.VISITOR)
    if role not in roles[asked:]:
        return None
    start, end = messages[asked].at, messages[roles.index(role, asked)].at
    elapsed = _elapsed(start, end)
    if elapsed is None or start is None or end is None or hours is None:
        return elapsed
    return int(open_seconds(_utc(start), _utc(end), hours, tz))


def _duration(chat: Chat) -> int | None:
    if chat.started_at and chat.ended_at:
        return _elapsed(chat.started_at, chat.ended_at)
    times = [at if at.tzinfo else _utc(at) for message in chat.messages if (at := message.at)]
    return _elapsed(min(times), max(times)) if len(times) > 1 else None


def _longest_gap(messages: Iterable[Message]) -> int | None:
    times = sorted([at if at.tzinfo else _utc(at) for message in messages if (at := message.at) and message.role in PEOPLE])
    if len(times) < 2 or _elapsed(times[0], times[0]) is None or _elapsed(times[-1], times[-1]) is None:  # noqa: PLR2004 - a gap has two ends
        return None
    gap = max([later - earlier for earlier, later in pairwise(times)])
    return int(gap.total_seconds()) if gap <= LONGEST_SPAN else None


def _operators(chat: Chat) -> tuple[int | None, int | None]:
    """How many wrote, and how often another took over."""
    authors = [message.author for message in chat.messages if message.role is Role.OPERATOR]
    if not authors:
        return (0, 0) if chat.messages else (None, None)
    if None not in authors:
        return len(set(authors)), sum(one != other for one, other in pairwise(authors))
    # Unsigned lines can only be one person's if the provider names but one.
    alone = len(chat.operators) == 1 and len({author for author in authors if author}) <= 1
    return (1, 0) if alone else (None, None)


def _contact_given(chat: Chat, points: Sequence[ContactPoint] | None) -> bool | None:
    if chat.visitor.phones or chat.visitor.emails:
        return True
    if points is None:
        return None
    return any(point.claim is not Claim.OTHER and point.kind is not PointKind.HANDLE for point in points)


def _elapsed(start: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds; None if an end is missing, or if the order or the size says that a clock was wrong."""
    if start is None or end is None:
        return None
    if not (FIRST_YEAR <= start.year <= LAST_YEAR and FIRST_YEAR <= end.year <= LAST_YEAR):
        return None
    span = _utc(end) - _utc(start)
    return int(span.total_seconds()) if timedelta(0) <= span <= LONGEST_SPAN else None


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _moment(day: date, clock: time, tz: tzinfo) -> datetime:
    if clock == time.max:
        day, clock = day + timedelta(days=1), time.min
    return datetime.combine(day, clock, tzinfo=tz).astimezone(UTC)
