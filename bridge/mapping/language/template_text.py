"""Where expressions stand in a text: {…}, or <<…>> in query languages that have their own use for braces."""

from __future__ import annotations

from typing import NamedTuple

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.syntax import SyntaxProblem

Path = tuple[str | int, ...]


class TemplateProblem(ValueError):
    """A template cannot be read; `path` leads to the string, `at` is the position in it."""

    def __init__(self, message: str, path: Path = (), at: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.at = at


class Marks(NamedTuple):
    """What an expression stands between, and whether doubling the mark makes it literal."""

    opening: str
    closing: str
    doubled: bool


BRACES = Marks("{", "}", doubled=True)
CHEVRONS = Marks("<<", ">>", doubled=False)


Piece = str | Expression


def pieces(text: str, marks: Marks) -> tuple[Piece, ...]:
    """Fixed text and expressions in turn. Raises TemplateProblem."""
    found: list[Piece] = []
    fixed = ""
    place = 0
    while place < len(text):
        if marks.doubled and text[place : place + 2] in (marks.opening * 2, marks.closing * 2):
            fixed += text[place]
            place += 2
        elif text.startswith(marks.opening, place):
            start = place + len(marks.opening)
            end = _end(text, start, marks)
            found += [fixed] if fixed else []
            found.append(_expression(text, start, end))
            fixed, place = "", end + len(marks.closing)
        elif marks.doubled and text[place] == marks.closing:
            raise TemplateProblem(f"a lone {marks.closing}; write {marks.closing * 2} for the sign itself", at=place)
        else:
            fixed += text[place]
            place += 1
    return tuple([*found, fixed] if fixed or not found else found)


def _expression(text: str, start: int, end: int) -> Expression:
    source = text[start:end]
    try:
        return Expression(source)
    except SyntaxProblem as problem:
        lead = len(source) - len(source.lstrip())
        raise TemplateProblem(f"{problem}, in: {source.strip()}", at=start + lead + problem.at) from None


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def _end(text: str, start: int, marks: Marks) -> int:
    """Where the expression that begins at `start` ends; brackets pair up, what stands in quotes does not count."""
    waiting: list[str] = []
    place = start
    while place < len(text):
        sign = text[place]
        if not waiting and text.startswith(marks.closing, place):
            return place
        if sign in "'\"`":
            place = _after_quote(text, place)
            continue
        if sign in _PAIRS:
            waiting.append(_PAIRS[sign])
        elif waiting and sign == waiting[-1]:
            waiting.pop()
        place += 1
    raise TemplateProblem(
        f"{marks.opening} is not closed" + ("; write {{ for the sign itself" if marks.doubled else ""), at=start - 1
    )


def _after_quote(text: str, place: int) -> int:
    quote = text[place]
    place += 1
    while place < len(text) and text[place] != quote:
        place += 2 if text[place] == "\\" else 1
    return place + 1


def by_line(found: tuple[Piece, ...]) -> list[list[Piece]]:
    lines: list[list[Piece]] = [[]]
    for piece in found:
        if isinstance(piece, Expression):
            lines[-1].append(piece)
            continue
        first, *rest = piece.split("\n")
        lines[-1].append(first)
        lines.extend([part] for part in rest)
    return lines
