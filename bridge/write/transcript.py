"""The chat as people read it: local time, who wrote what at a glance, days apart.

● is the visitor, ○ an operator, ◇ a bot, · the system. Every further line of a message begins with │, so that no message
can look like another person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from typing import NamedTuple

from bridge.mapping.functions.times import CLOCK
from bridge.model import Chat, File, Message, Role
from bridge.write.clean import clean, clean_line, clean_name, mask
from bridge.write.markup import Line, Span, Style, line
from bridge.write.split import Block
from bridge.write.words import Speech, zone_name

SIGNS: Mapping[Role, str] = {Role.VISITOR: "● ", Role.OPERATOR: "○ ", Role.BOT: "◇ ", Role.SYSTEM: "· "}
NEXT_LINE = "│ "
#: of a name at the head of a line; it stands in full in the note's first lines
LONGEST_NAME = 40


class Numbered(NamedTuple):
    """A message with its place in the chat and its key."""

    place: int
    message: Message
    key: str


def to_be_written(chat: Chat, keys: Sequence[str], delivered: frozenset[str]) -> list[Numbered]:
    """The messages that the CRM has not got. Internal ones never leave, and the system's alone are no news."""
    fresh = [
        Numbered(place, message, key)
        for place, (message, key) in enumerate(zip(chat.messages, keys, strict=True))
        if message.role is not Role.INTERNAL and key not in delivered
    ]
    news = any(numbered.message.role is not Role.SYSTEM for numbered in fresh)
    return fresh if news or not delivered else []


def transcript(
    chat: Chat, messages: Sequence[Numbered], masked: Mapping[int, Sequence[tuple[int, int]]], speech: Speech, tz: tzinfo
) -> list[Block]:
    """One block a message; the first one begins with the heading, and each day's first with the date."""
    if not messages:
        return []
    writer = _Writer(chat, speech, tz)
    timed = next((numbered.message.at for numbered in messages if numbered.message.at), None)
    before: list[Line] = [(), line(writer.heading(timed), Style.STRONG)]
    blocks, day = [], None
    day_line: Line | None = None
    for numbered in messages:
        place, message, key = numbered
        at = local(message.at, tz)
        if at and at.date() != day:
            day = at.date()
            day_line = writer.day(day)
            before.append(day_line)
        lines = (*before, *writer.lines(message, at, masked.get(place, ())))
        blocks.append(Block(lines, (key,), day_line, partial(writer.head, message, at, resumed=True)))
        before = []
    return blocks


def local(at: datetime | None, tz: tzinfo) -> datetime | None:
    """The time on the wall; a time at the very edge of the calendar stays as it is."""
    if at is None:
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return aware.astimezone(tz)
    except (OverflowError, ValueError):
        return aware


def clock(at: datetime) -> str:
    return CLOCK[60 * at.hour + at.minute]


@dataclass(frozen=True, slots=True)
class _Writer:
    chat: Chat
    speech: Speech
    tz: tzinfo
    #: role and author → the spans of the name
    names: dict[tuple[Role, str | None], Line] = field(default_factory=dict)

    def heading(self, at: datetime | None) -> str:
        if at is None:
            return self.speech.word("transcript_untimed")
        moment = local(at, self.tz)
        return self.speech.word("transcript", zone=zone_name(moment.utcoffset() if moment else None))

    def day(self, day: date) -> Line:
        return line(f"— {self.speech.long_date(day)} —")

    def lines(self, message: Message, at: datetime | None, masked: Sequence[tuple[int, int]]) -> list[Line]:
        text = clean(mask(message.text, masked) if masked else message.text)
        if text and "\n" not in text and not message.files:
            return [(*self.head(message, at), Span(text))]
        texts = [*text.split("\n"), *map(self._file, message.files)]
        first, *rest = [text for text in texts if text] or [self.speech.word("no_text")]
        return [(*self.head(message, at), Span(first)), *(line(NEXT_LINE + text) for text in rest)]

    def head(self, message: Message, at: datetime | None, *, resumed: bool = False) -> Line:
        """What stands before a message: time, sign and name."""
        begin = Span((f"{clock(at)} " if at else "") + SIGNS.get(message.role, ""))
        key = message.role, message.author
        named = self.names.get(key)
        if named is None:
            named = self.names[key] = self._named(message)
        if not resumed:
            return begin, *named
        again = self.speech.word("resumed")
        return (begin, named[0], Span(f"{again}: ")) if named else (begin, Span(again.strip() + " "))

    def _named(self, message: Message) -> Line:
        name = self._name(message)
        return (Span(name, Style.STRONG if message.role is Role.VISITOR else Style.NORMAL), Span(": ")) if name else ()

    def _name(self, message: Message) -> str:
        if message.role is Role.SYSTEM:
            return ""
        if message.role is Role.VISITOR:
            return clean_name(self.chat.visitor.name or "", LONGEST_NAME) or self.speech.word("visitor")
        author = clean_name(message.author or "", LONGEST_NAME)
        if message.role is Role.BOT and author:
            return self.speech.word("bot_named", name=author)
        return author or self.speech.word(message.role.value)

    def _file(self, file: File) -> str:
        name, url = clean_line(file.name), clean_line(file.url)
        return self.speech.word("file" if name else "file_unnamed", name=name, url=url)
