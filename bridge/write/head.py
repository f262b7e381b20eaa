"""The lines above the transcript. The first is for a reader in a hurry: who, how to reach them, what they wish, who answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from bridge.model import Chat, Claim, ContactPoint, EventKind, Match, PointKind, Role
from bridge.write.clean import clean_line, clean_name, mask
from bridge.write.markup import Line, Span, Style, line
from bridge.write.scope import card_points, span_of
from bridge.write.transcript import Numbered, clock, local
from bridge.write.words import CHANNELS, Speech
from bridge.write.work import Work

BETWEEN = " · "
LONGEST_NAME = 80
LONGEST_TITLE = 120
#: of words quoted in the head; they stand in full in the transcript
LONGEST_QUOTE = 200
#: a channel's code that short is written in capitals
_ABBREVIATION = 3
_SITE = "site"


@dataclass(frozen=True)
class Head:
    """Says who and what in one language; what several parts of a plan say is worked out once."""

    work: Work
    speech: Speech

    @cached_property
    def who(self) -> str:
        """The visitor's name, or the first contact point."""
        reach = self._reach
        return self._name or (reach[0].value if reach else "") or self.speech.word("visitor")

    @cached_property
    def title(self) -> str:
        """For CRMs whose notes have one; at most 120 characters."""
        return clean_name(self.speech.word("title", what=self._what, who=self.who), LONGEST_TITLE)

    @cached_property
    def headline(self) -> Line:
        spans = [Span(self._name or self.speech.word("unnamed"), Style.STRONG)]
        spans += [Span(self._point(point)) for point in self._reach] or [Span(self.speech.word("no_contact"))]
        if self.work.wishes.no_calls:
            spans.append(Span(self.speech.word("no_calls"), Style.STRONG))
        spans += self._status()
        return _joined(spans)

    def facts(self, messages: Sequence[Numbered], remarks: Sequence[str]) -> list[Line]:
        """One line a fact, none where there is nothing to say. A chat that goes on does not say again what the card has."""
        work, chat = self.work, self.work.chat
        told = [line(self._where_and_when())]
        if work.delivered:
            told.append(line(self.speech.word("continued"), Style.STRONG))
        else:
            told += map(line, self._circumstances(chat))
        told += map(line, self._people(chat))
        if work.wishes.no_calls:
            told.append(line(self.speech.word("wish", value=_quote(work.wishes.no_calls))))
        fresh = {numbered.place for numbered in messages}
        told += map(line, self._points([p for p in work.points if not work.delivered or p.message in fresh]))
        if not work.delivered:
            told += map(line, self._cards(work.match))
        told += map(line, remarks)
        if chat.url:
            told.append((Span(self.speech.word("link")), Span(clean_line(chat.url), Style.LINK)))
        return told

    def quote(self, numbered: Numbered) -> str:
        """A message on one line, shortened, without the numbers that nobody may read."""
        return _quote(mask(numbered.message.text, self.work.masked.get(numbered.place, ())))

    # -- the parts of the first line -----------------------------------------------------------------------------------

    @cached_property
    def _name(self) -> str:
        visitor = self.work.chat.visitor
        name = visitor.name or " ".join(filter(None, (visitor.first_name, visitor.last_name)))
        return clean_name(name, LONGEST_NAME)

    @cached_property
    def _reach(self) -> tuple[ContactPoint, ...]:
        """How to reach them: what may stand on a card, else by messenger."""
        points = card_points(self.work.points, self.work.options.match_limit)
        handles = (p for p in self.work.points if p.kind is PointKind.HANDLE and p.claim is not Claim.OTHER)
        return points or tuple(handles)[: self.work.options.match_limit]

    def _point(self, point: ContactPoint) -> str:
        value = clean_line(point.value)
        if point.extension:
            value = self.speech.word("extension", value=value, extension=clean_line(point.extension))
        return self.speech.word("uncertain", value=value) if point.claim is Claim.UNCLEAR else value

    def _status(self) -> Iterator[Span]:
        kpi = self.work.figures
        if kpi.missed:
            offline = self.work.chat.kind is EventKind.OFFLINE_MESSAGE
            yield Span(self.speech.word("missed_offline" if offline else "missed"), Style.STRONG)
        elif kpi.messages_operator and kpi.messages_visitor:
            seconds = kpi.first_response_s
            if seconds:
                yield Span(self.speech.word("answered_in", duration=self.speech.duration(seconds)))
            else:
                yield Span(self.speech.word("answered"))

    # -- the lines below it --------------------------------------------------------------------------------------------

    @cached_property
    def _what(self) -> str:
        chat = self.work.chat
        kind = "offline" if chat.kind is EventKind.OFFLINE_MESSAGE else "chat"
        if chat.channel == _SITE:
            return self.speech.word(f"{kind}_site", name=_host(chat.page.url) or clean_name(chat.source, LONGEST_NAME))
        channel = clean_name(chat.channel, LONGEST_NAME)
        plain = channel.upper() if len(channel) <= _ABBREVIATION else channel[:1].upper() + channel[1:]
        return self.speech.word(f"{kind}_channel", name=CHANNELS.get(channel.lower(), plain))

    def _where_and_when(self) -> str:
        tz = self.work.settings.tz
        start, end = (local(at, tz) for at in span_of(self.work.chat))
        told = [self._what]
        if start:
            until = ""
            if end and end > start and end.date() != start.date():
                until = f" – {self.speech.short_date(end.date())}, {clock(end)}"
            elif end and end > start and clock(end) != clock(start):
                until = f"–{clock(end)}"
            told.append(f"{self.speech.short_date(start.date())}, {clock(start)}{until}")
        written = sum(message.role is not Role.INTERNAL for message in self.work.chat.messages)
        if written:
            told.append(self.speech.count("message", written))
        return BETWEEN.join(told)

    def _circumstances(self, chat: Chat) -> Iterator[str]:
        title = clean_line(chat.page.title or "")
        page = ", ".join(filter(None, (
            self.speech.word("quoted", value=title) if title else "", clean_line(chat.page.url or ""),
        )))  # fmt: skip
        marks = ", ".join(f"{clean_line(name)} {clean_line(value)}" for name, value in self.work.scope["utm"].items() if value)
        place = ", ".join(filter(None, (clean_line(part) for part in (chat.visitor.city, chat.visitor.country) if part)))
        form = "; ".join(
            f"{clean_line(str(name)).rstrip(' :')}: {clean_line(self._answer(value))}"
            for name, value in chat.visitor.fields.items()
            if isinstance(value, str | int | float) and str(value).strip() and str(value).strip() not in _said(chat)
        )
        yield from self._told(
            ("page", page), ("referrer", chat.page.referrer), ("utm", marks), ("place", place),
            ("company", chat.visitor.company), ("form", form), ("department", chat.department), ("topic", chat.topic),
            ("tags", ", ".join(chat.tags)),
        )  # fmt: skip

    def _answer(self, value: str | float) -> str:
        return self.speech.word("yes" if value else "no") if isinstance(value, bool) else str(value)

    def _people(self, chat: Chat) -> Iterator[str]:
        """Operators on one line, figures on the next."""
        names = list(dict.fromkeys(filter(None, (
            clean_name(name, LONGEST_NAME)
            for name in dict.fromkeys((
                *(operator.name or "" for operator in chat.operators),
                *(m.author or "" for m in chat.messages if m.role is Role.OPERATOR),
            ))
        ))))  # fmt: skip
        if names:
            told = [self.speech.word("operators" if len(names) > 1 else "operator_one", value=", ".join(names))]
            if self.work.figures.handoffs:
                told.append(self.speech.word("handoffs", value=self.work.figures.handoffs))
            yield BETWEEN.join(told)
        response = "first_response_open" if self.work.settings.hours else "first_response"
        figures = self._told(
            (response, self._span(self.work.figures.first_response_s)),
            ("duration", self._span(self.work.figures.duration_s or None)),
            ("rating", self.speech.rating(chat.rating)),
            ("left_waiting", "!" if self.work.figures.abandoned and not self.work.figures.missed else None),
        )  # fmt: skip
        if shown := BETWEEN.join(figures):
            yield shown

    def _points(self, points: Sequence[ContactPoint]) -> Iterator[str]:
        """What else was found, and what is written oddly."""
        said = self._reach
        values = {(point.kind, point.value) for point in said}
        others = dict.fromkeys(
            self.speech.word(_claim(point), value=clean_line(point.value))
            for point in points
            if (point.kind, point.value) not in values
        )
        yield from self._told(("other_points", ", ".join(others)))
        for point in (point for point in said if point in points):
            for flag in point.flags:
                name, _, meant = flag.partition(":")
                if name == "typo" and meant:
                    yield self.speech.word("typo", value=clean_line(point.value), meant=clean_line(meant))

    def _cards(self, match: Match | None) -> Iterator[str]:
        if match is None:
            return
        names = []
        for other in match.others:
            url = self.work.card_url(other) if self.work.card_url else None
            name = clean_name(other.name or "", LONGEST_NAME) or self.speech.word("unnamed")
            names.append(self.speech.word("card", name=name, id=clean_line(other.id)) + (f" {clean_line(url)}" if url else ""))
        remark = match.client.remark if match.client else None
        yield from self._told(("several", "; ".join(names)), ("remark", remark))

    def _told(self, *facts: tuple[str, str | None]) -> Iterator[str]:
        for key, value in facts:
            if value and (shown := clean_line(value)):
                yield self.speech.word(key, value=shown)

    def _span(self, seconds: int | None) -> str | None:
        return None if seconds is None else self.speech.duration(seconds)


def _said(chat: Chat) -> set[str]:
    """What the card and the head show anyway: forms come with the name and the phone in them."""
    told = chat.visitor
    single = (told.id, told.external_id, told.name, told.first_name, told.last_name, told.company, told.city)
    return {value.strip() for value in (*single, *told.phones, *told.emails) if value}


def _joined(spans: Iterable[Span]) -> Line:
    line: list[Span] = []
    for span in spans:
        line += [Span(BETWEEN), span] if line else [span]
    return tuple(line)


def _claim(point: ContactPoint) -> str:
    if point.claim is Claim.OTHER:
        return "claim_other"
    return "claim_handle" if point.kind is PointKind.HANDLE else "claim_more"


def _host(url: str | None) -> str:
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return ""  # the visitor's browser names the page; it may be anything
    return clean_name(host.removeprefix("www."), LONGEST_NAME)


def _quote(text: str) -> str:
    quoted = clean_line(text)
    return quoted if len(quoted) <= LONGEST_QUOTE else quoted[: LONGEST_QUOTE - 1].rstrip() + "…"
