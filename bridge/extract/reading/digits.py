"""Groups of digits in a text and how they hang together, before anybody asks whether they are a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice

_DIGITS = re.compile(r"\d+")
#: What may stand between two groups of one number.
_GAP = re.compile(r"[ \n.()\[\]/·_,~\\'+-]{1,8}")
#: Behind a full stop a prefix begins a number: «приём с 9. 8 343 …».
_BEGINS = re.compile(r"[78](?:[ (-]{1,2}\d{3}|\d{10})(?!\d)")
_PLUS_BEFORE = re.compile(r"\+[ (]{0,3}$")

#: Letters that people type for digits, where digits stand around them.
_LETTER = str.maketrans("OoОоQIlіІZЗзбB", "00000111133368")
_LETTERS_INSIDE = re.compile(r"(?<=\d)[OoОоQIlіІЗзб]{1,6}(?=\d)")
_LETTERS_LAST = re.compile(r"(?<=\d)[OoОоIl]{1,4}(?![^\W_])")
_LETTERS_FIRST = re.compile(r"(?<![^\W_])[OoОо]{1,2}(?=\d{2})")
_LETTERS_AHEAD = re.compile(r"(?<=\d[ .()-])[OoОоIlІ]{1,2}(?=\d)")
_LETTERS_ALONE = re.compile(r"(?<=[\d][ .()-])[OoОо]{2,4}(?=[ .()-]\d)")
#: What stands in every text in which one of these matches.
_LETTER_BESIDE = re.compile(r"\d[ .()-]?[OoОоQIlіІЗзб]|[OoОо]\d")
_LONGEST_GROUP = 15
#: So many groups of digits are looked at in one text: more is a table, not a contact.
_MOST_GROUPS = 400


class Link(IntEnum):
    """How a group hangs on the one before it, weakest last."""

    #: 12-34, 12.34: whoever cuts here cuts a number in two
    TIGHT = 1
    #: a space, brackets, a dash between spaces
    LOOSE = 2
    SLASH = 3
    COMMA = 4
    LINE = 5


@dataclass(frozen=True, slots=True)
class Group:
    start: int
    end: int
    digits: str
    #: how it hangs on the group before it in the chain (the first one's says nothing)
    link: Link
    #: there is a + before it
    plus: bool
    #: an opening bracket stands before it
    bracket: bool


def letters_as_digits(text: str) -> str:
    """The text with letters that stand for digits replaced, position by position: 89О3 → 8903, 89l6 → 8916."""
    if not _LETTER_BESIDE.search(text):
        return text
    for pattern in (_LETTERS_INSIDE, _LETTERS_LAST, _LETTERS_FIRST, _LETTERS_AHEAD, _LETTERS_ALONE):
        text = pattern.sub(lambda match: match.group().translate(_LETTER), text)
    return text


def chains(text: str) -> Iterator[list[Group]]:
    """Runs of groups with nothing but separators between them."""
    chain: list[Group] = []
    end = 0
    for match in islice(_DIGITS.finditer(text), _MOST_GROUPS):
        start = match.start()
        link = _link(text, end, start) if chain else None
        if link is None and chain:
            yield chain
            chain = []
        before = text[max(0, start - 4) : start]
        digits = match.group()
        if len(digits) > _LONGEST_GROUP:
            # No number is that long; and nothing beside it is torn from it.
            if chain:
                yield chain
            chain, end = [], match.end()
            continue
        near = before[-2:]
        bracket = "(" in near or "[" in near
        chain.append(Group(start, match.end(), digits, link or Link.LOOSE, bool(_PLUS_BEFORE.search(before)), bracket))
        end = match.end()
    if chain:
        yield chain


def _link(text: str, end: int, start: int) -> Link | None:
    gap = text[end:start]
    if not _GAP.fullmatch(gap) or "+" in gap or (gap == ". " and _BEGINS.match(text, start)):
        return None
    if "\n" in gap:
        return Link.LINE
    if "/" in gap or "\\" in gap:
        return Link.SLASH
    if "," in gap:
        return Link.COMMA
    loose = " " in gap or "(" in gap or ")" in gap or "[" in gap or "]" in gap
    return Link.LOOSE if loose else Link.TIGHT
