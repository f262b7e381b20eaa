"""Where card and passport numbers stand in a chat: in one message, or cut over several that follow one another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bridge.extract.reading.normal import Normal, normal
from bridge.extract.reading.sensitive import card_in_pieces, passport_announced, spans
from bridge.extract.transcript import Line
from bridge.model import Chat

_DIGIT = re.compile(r"\d")
#: Digits at a message's end, and a message that holds nothing else.
_LAST = re.compile(r"(?<![\d+])\d(?:[ -]{0,2}\d){2,18}(?=[\s.,…-]{0,4}$)")
_ONLY = re.compile(r"[\s.,…-]{0,4}(\d(?:[ -]{0,2}\d){0,15})[\s.,…-]{0,4}")
#: Among so many at a message's end stands the last digit of what goes on in the next; the last may be a line break.
_LAST_SIGNS = 6
#: A card is read off in four pieces, and nobody needs more than six.
_MOST_PIECES = 6
_LONGEST_PIECE = 200
_PASSPORT_NUMBER = 6
_NOT_DIGITS = re.compile(r"\D+")


def hidden(chat: Chat, lines: list[Line]) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """Spans in what was written, by message, in all roles."""
    read = {line.index: line.text for line in lines}
    texts = {
        index: read.get(index) or normal(message.text)
        for index, message in enumerate(chat.messages)
        if _DIGIT.search(message.text)
    }
    places: dict[int, set[tuple[int, int]]] = {}
    for index, text in texts.items():
        for start, end, _ in spans(text.text, text.low):
            places.setdefault(index, set()).add(text.written(start, end))
        for piece, start, end in _in_pieces(chat, texts, index):
            places.setdefault(piece, set()).add(texts[piece].written(start, end))
    return {index: tuple(sorted(found)) for index, found in sorted(places.items())}


def _in_pieces(chat: Chat, texts: Mapping[int, Normal], first: int) -> Iterator[tuple[int, int, int]]:
    """(message, start, end) of each piece of a number that begins at the end of this message and goes on in the next ones."""
    text = texts[first]
    may = first + 1 in texts and _DIGIT.search(text.low, max(0, len(text.low) - _LAST_SIGNS))
    begun = _LAST.search(text.low[-_LONGEST_PIECE:]) if may else None
    if begun is None:
        return
    shift = max(0, len(text.low) - _LONGEST_PIECE)
    pieces = [(first, begun.start() + shift, begun.end() + shift)]
    digits = _NOT_DIGITS.sub("", begun.group())
    for index in range(first + 1, first + _MOST_PIECES):
        following = texts.get(index)
        goes_on = _ONLY.fullmatch(following.low) if following and len(following.low) <= _LONGEST_PIECE else None
        if goes_on is None or chat.messages[index].role is not chat.messages[first].role:
            return
        piece = _NOT_DIGITS.sub("", goes_on[1])
        pieces.append((index, *goes_on.span(1)))
        digits += piece
        passport = index == first + 1 and len(piece) == _PASSPORT_NUMBER and passport_announced(text.low[: pieces[0][1]], digits)
        if passport or card_in_pieces(digits):
            yield from pieces
            return
