"""What one chat adds to the figures of its day: counted from its KPI, without anything that could lead to its visitor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import unquote, urlsplit

from bridge.kpi import FIRST_YEAR, Hours, Kpi, open_seconds
from bridge.model import Chat, Role
from bridge.store.tallies import Tally

#: a chat that says it began later than this after it came in has a wrong clock
AHEAD = timedelta(days=1)
#: characters of a page, an operator's name, a campaign; of a rating
LONGEST, LONGEST_RATING = 120, 12
#: operators of one chat that are told apart
MOST_OPERATORS = 8
#: an operator wrote whom the provider does not name
UNNAMED = "?"
#: in the place of what may be somebody's
HIDDEN = "…"

_SOON, _SOON_ENOUGH = 30, 60
#: more digits than a number of a product usually has, with what stands between those of a phone
_NUMBER = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){8,}")
_MAIL = re.compile(r"[^\s/@,;]+(?:@|%40)[^\s/@,;]+", re.IGNORECASE)
#: identifiers of sessions and visitors
_LONG_TOKEN = re.compile(r"[A-Za-z0-9_=-]*\d[A-Za-z0-9_=-]*")
_TOKEN_LENGTH = 24


def tally(chat: Chat, figures: Kpi, hours: Hours | None, tz: tzinfo, *, received: datetime) -> Tally:
    """`received`: when it came in; stands in where the chat does not say when it began, or says what cannot be."""
    began = _began(chat, received)
    at = (began or received).astimezone(tz)
    return Tally(
        source=chat.source, day=at.date(), open=_within(began, hours, tz),
        values={
            "channel": (plain(chat.channel),), "page": (page_of(chat.page.url),),
            "operator": tuple(_operators(chat)), "utm": (campaign_of(chat),),
        },
        counts=dict(_counts(chat, figures)), response_s=figures.first_response_s, rating=_rating(figures.rating), void=chat.spam,
    )  # fmt: skip


def _counts(chat: Chat, figures: Kpi) -> Iterator[tuple[str, int]]:
    yield "chats", 1
    for name, value in (
        ("missed", figures.missed), ("abandoned", figures.abandoned), ("contact", figures.contact_given),
        ("handoffs", figures.handoffs),
    ):  # fmt: skip
        if value is not None:
            yield name, int(value)
            yield f"{name}_n", 1
    for name, span in (("duration", figures.duration_s), ("gap", figures.longest_gap_s)):
        if span is not None:
            yield f"{name}_s", span
            yield f"{name}_n", 1
    response = figures.first_response_s
    # one that nobody answered was not answered in time; but where times are not told, the answered ones would be missing
    if response is not None or (figures.missed and (any(one.at for one in chat.messages) or chat.started_at)):
        yield "answer_n", 1
        yield "in_30", int(response is not None and response <= _SOON)
        yield "in_60", int(response is not None and response <= _SOON_ENOUGH)


def _began(chat: Chat, received: datetime) -> datetime | None:
    said = [one.at for one in chat.messages if one.at]
    began = chat.started_at or (min(map(_utc, said)) if said else None) or chat.ended_at
    if began is None:
        return None
    began = _utc(began)
    return began if began.year >= FIRST_YEAR and began <= received + AHEAD else None


def _within(began: datetime | None, hours: Hours | None, tz: tzinfo) -> bool | None:
    """By the moment at which it began."""
    if began is None or hours is None:
        return None
    return open_seconds(began, began + timedelta(seconds=1), hours, tz) > 0


def _operators(chat: Chat) -> Iterator[str]:
    """Who wrote, each once. Nobody: '', so that missed chats stand in a line, too."""
    authors = dict.fromkeys(message.author for message in chat.messages if message.role is Role.OPERATOR)
    if not authors:
        yield ""
        return
    alone = chat.operators[0].name if len(chat.operators) == 1 else None
    # where an e-mail stands for the name, its first half does
    named = (plain((author or alone or "").partition("@")[0]) or UNNAMED for author in authors)
    yield from list(dict.fromkeys(named))[:MOST_OPERATORS]


def page_of(url: str | None) -> str:
    """Site and path: what stands behind `?` and `#` is left out, and so is what could be a person's in the path."""
    try:
        parts = urlsplit(url or "")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # half an address of IPv6
        return ""
    path = "/".join(_without_tokens(unquote(one)) for one in parts.path.split("/")).rstrip("/")
    return plain(f"{host}{path}")


def campaign_of(chat: Chat) -> str:
    """`source / medium / campaign`; what is not told is a dash, and where nothing is told, ''."""
    told = [plain(chat.utm.get(name, "")) for name in ("source", "medium", "campaign")]
    return " / ".join(one or "–" for one in told)[:LONGEST] if any(told) else ""


def plain(text: str) -> str:
    """One line, not too long, without what looks like an e-mail or a phone."""
    line = " ".join((text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)).split())
    return _NUMBER.sub(HIDDEN, _MAIL.sub(HIDDEN, line))[:LONGEST]


def _without_tokens(part: str) -> str:
    return HIDDEN if len(part) >= _TOKEN_LENGTH and _LONG_TOKEN.fullmatch(part) else part.replace("/", HIDDEN)


def _rating(text: str | None) -> str | None:
    """A word or a number; a longer text is somebody's remark."""
    line = plain(text or "")
    return (line if len(line) <= LONGEST_RATING else HIDDEN) if line else None


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
