"""Which letters must stand in a text before an expression can match in it: looking for them costs a tenth of the expression.

Worked out from the expression itself, so that nobody has to keep two of them alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bridge.extract.reading.patterns import has_any

_parser: Any = import_module("re._parser")
_codes: Any = import_module("re._constants")
_REPEATS = (_codes.MAX_REPEAT, _codes.MIN_REPEAT, _codes.POSSESSIVE_REPEAT)
_BEYOND_ASCII = 128


@dataclass(frozen=True, slots=True)
class Gated:
    """An expression that is tried only on texts in which it may match."""

    pattern: re.Pattern[str]
    gate: tuple[str, ...]
    #: those that can stand in a text of ASCII alone
    ascii_gate: tuple[str, ...]

    def search(self, text: str) -> re.Match[str] | None:
        return self.pattern.search(text) if self._may(text) else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.pattern.finditer(text) if self._may(text) else iter(())

    def _may(self, text: str) -> bool:
        return has_any(text, self.ascii_gate if text.isascii() else self.gate)


def gated(source: str) -> Gated:
    """For text in lower case."""
    pattern = re.compile(source)
    pieces = gate(pattern)
    return Gated(pattern, pieces, tuple(filter(str.isascii, pieces)))


def gate(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Pieces of text of which one at least stands in whatever the pattern matches. ("",) where nothing can be said."""
    if pattern.flags & re.IGNORECASE:
        return ("",)
    pieces = _needed(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    return ("",) if pieces is None else tuple(sorted(_shortest(pieces), key=len))


def matches_ascii(source: str) -> bool:
    """Whether the expression may match in a text of ASCII alone; what no such text can hold need not be tried on it."""
    return source.isascii() or _all_ascii(_parser.parse(source))


def _all_ascii(tree: Iterable[Any]) -> bool:
    return all(_is_ascii(code, given) for code, given in tree)


def _is_ascii(code: Any, given: Any) -> bool:
    if code is _codes.LITERAL:
        return bool(given < _BEYOND_ASCII)
    if code is _codes.IN:
        return any(
            kind not in (_codes.LITERAL, _codes.RANGE) or (of if kind is _codes.LITERAL else of[0]) < _BEYOND_ASCII
            for kind, of in given
        )
    if code is _codes.BRANCH:
        return any(map(_all_ascii, given[1]))
    within = _inside(code, given)
    return within is None or _all_ascii(within)


def _inside(code: Any, given: Any) -> Iterable[Any] | None:
    """What has to match for this to match; None if nothing has to, or nothing can be said."""
    within: Iterable[Any] | None = None
    if code is _codes.SUBPATTERN:
        within = None if given[1] & re.IGNORECASE else given[-1]
    elif code in _REPEATS:
        within = given[2] if given[0] else None
    elif code is _codes.ASSERT:
        within = given[1]
    elif code is _codes.ATOMIC_GROUP:
        within = given
    return within


def _needed(tree: Iterable[Any]) -> set[str] | None:
    """Of everything that has to be there one after the other, what stands in the fewest texts: a letter more makes a piece
    about three times as rare.
    """
    found = [pieces for pieces in _parts(tree) if all(map(_tells, pieces))]
    return min(found, key=lambda pieces: sum(3.0 ** -len(piece) for piece in pieces)) if found else None


def _tells(piece: str) -> bool:
    # a single letter stands in nearly every text, a question mark does not
    return len(piece) > 1 or not (piece.isalnum() or piece.isspace())


def _parts(tree: Iterable[Any]) -> Iterator[set[str]]:
    run = ""
    for code, given in tree:
        if code is _codes.LITERAL:
            run += chr(given)
            continue
        if run:
            yield {run}
            run = ""
        pieces = _within(code, given)
        if pieces:
            yield pieces
    if run:
        yield {run}


def _within(code: Any, given: Any) -> set[str] | None:
    if code is _codes.BRANCH:
        each = [_needed(branch) for branch in given[1]]
        return None if None in each else set().union(*(pieces for pieces in each if pieces))
    if code is _codes.ASSERT:
        return None  # what is looked ahead for stands in the same place as what comes then
    inside = _inside(code, given)
    return None if inside is None else _needed(inside)


def _shortest(pieces: set[str]) -> set[str]:
    """Without those in which another one stands."""
    return {piece for piece in pieces if not any(other != piece and other in piece for other in pieces)}
