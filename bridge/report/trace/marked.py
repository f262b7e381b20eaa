"""A chat as a conversation: its messages cut into pieces, so that the contacts found in them can be marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from bridge.connections.sources import Source
from bridge.extract import Extraction, Own, as_corrected, contact_points
from bridge.model import Chat, ContactPoint, Correction, File

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    kind: Literal["text", "point", "hidden"] = "text"
    point: ContactPoint | None = None


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    role: str
    author: str
    at: datetime | None
    pieces: tuple[Piece, ...]
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    lines: tuple[Line, ...]
    points: tuple[ContactPoint, ...]
    #: what was found could not be computed
    failed: bool = False


def conversation(chat: Chat, source: Source | None, corrected: Correction | None = None) -> Conversation:
    """The chat with what is found in it by the rules of today, and what a person has put right. `source` None: it is not in the
    config any more.
    """
    try:
        found = as_corrected(
            contact_points(chat, region=source.settings.region if source else None, own=source.own if source else Own()),
            corrected,
        )
    except Exception:  # this page is where people look for why a chat stands still, so it is shown all the same
        log.exception("contacts.broke")
        return Conversation(tuple(_lines(chat, Extraction())), (), failed=True)
    return Conversation(tuple(_lines(chat, found)), found.points)


def _lines(chat: Chat, found: Extraction) -> Iterator[Line]:
    for number, message in enumerate(chat.messages):
        points = [point for point in found.points if point.message == number and point.span is not None]
        yield Line(
            number=number + 1, role=message.role.value, author=message.author or "", at=message.at,
            pieces=tuple(pieces(message.text, points, found.masked.get(number, ()))), files=message.files,
        )  # fmt: skip


def pieces(text: str, points: Sequence[ContactPoint], hidden: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """The text in order; of what overlaps, what is hidden goes first, then what begins first."""
    marks: list[tuple[int, int, ContactPoint | None]] = [(begin, end, None) for begin, end in hidden]
    marks += [(point.span[0], point.span[1], point) for point in points if point.span is not None]
    at = 0
    free = [mark for mark in marks if mark[2] is None or not any(_overlap(mark, other) for other in hidden)]
    for begin, end, point in sorted(free, key=lambda mark: (mark[0], mark[1])):
        if begin < at or end <= begin or end > len(text):
            continue
        if begin > at:
            yield Piece(text[at:begin])
        yield Piece(text[begin:end], "point", point) if point else Piece("•" * (end - begin), "hidden")
        at = end
    if at < len(text):
        yield Piece(text[at:])


def _overlap(mark: tuple[int, int, ContactPoint | None], other: tuple[int, int]) -> bool:
    return mark[0] < other[1] and other[0] < mark[1]
