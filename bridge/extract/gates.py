"""Which letters must stand in a text before an expression can match in it: looking for them costs a tenth of the expression.

Worked out from the expression itself, so that nobody has to keep two of them alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .patterns import has_any

_parser: Any = import_module("re._parser")
_codes: Any = import_module("re._constants")


@dataclass(frozen=True, slots=True)
class Gated:
    """An expression that is tried only on texts in which it may match."""

    pattern: re.Pattern[str]
    gate: tuple[str, ...]

    def search(self, text: str) -> re.Match[str] | None:
        return self.pattern.search(text) if has_any(text, self.gate) else None


def gated(source: str) -> Gated:
    """For text in lower case."""
    pattern = re.compile(source)
    return Gated(pattern, gate(pattern))


def gate(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Pieces of text of which one at least stands in whatever the pattern matches. ("",) where nothing can be said."""
    if pattern.flags & re.IGNORECASE:
        return ("",)
    pieces = _needed(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    return ("",) if pieces is None else tuple(sorted(_shortest(pieces), key=len))


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
    if code is _codes.SUBPATTERN:
        return None if given[1] & re.IGNORECASE else _needed(given[-1])
    if code in (_codes.MAX_REPEAT, _codes.MIN_REPEAT, _codes.POSSESSIVE_REPEAT):
        least, _, repeated = given
        return _needed(repeated) if least else None
    if code is _codes.ATOMIC_GROUP:
        return _needed(given)
    if code is _codes.BRANCH:
        each = [_needed(branch) for branch in given[1]]
        return None if None in each else set().union(*(pieces for pieces in each if pieces))
    return None  # classes, anchors, what is looked ahead for: nothing that could be sought as it stands


def _shortest(pieces: set[str]) -> set[str]:
    """Without those in which another one stands."""
    return {piece for piece in pieces if not any(other != piece and other in piece for other in pieces)}
