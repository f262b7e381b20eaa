"""A number put right: «ой, 67 в конце, не 76», "not 34 but 43", a second number with a slip less."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.extract.reading.finds import Budget
from bridge.extract.reading.plans import read

_MOST_DIGITS = 6
_CUE = re.compile(r"(?:\bой\b|ошиб|описал|опечат|вернее|точнее|не так|неверно|неправильн|правильн|поправ|исправ|вместо|перепута"
    r"|\bне \d|а не |\*|oops|sorry|typo|mistake|mistyped|instead|not \d|correct|i mean|wrong|помил|замість|perd[oó]n|desculp)")
_LAST = re.compile(r"(?:в конце|на конце|конец|оканчива\w{3,5}(?: на)?|заканчива\w{3,5}(?: на)?|послед\w{3,4}(?: две| три"
    r"| четыре)?(?: цифр\w)?|в кінці|останн\w{1,2}|ends? (?:with|in)|ending|at the end|last (?:\w{1,20} )?digits?(?: are| is)?"
    r"|the end)")
_FIRST = re.compile(r"(?:в начале|начина\w{3,5}(?: с)?|код(?: города)?|перв\w{2,3}(?: три| цифр\w)?|на початку|starts? with"
    r"|begins? with|area code(?: is)?|first (?:\w{1,20} )?digits?)")
_PAIRS = (
    re.compile(r"(?P<new>\d{1,6})[^\d]{0,20}?(?:,|-|\s)\s?(?:а )?(?:не|not|and not|вместо|instead of"
        r"|замість)\s(?P<old>\d{1,6})(?!\d)"),
    re.compile(r"(?:не|not)\s(?P<old>\d{1,6})[\s,]{0,3}(?:а|but|it'?s)\s(?P<new>\d{1,6})(?!\d)"),
    re.compile(r"(?P<old>\d{1,6})\s(?:на|with|->|→)\s(?P<new>\d{1,6})(?!\d)"),
)
_ONE = re.compile(r"(?<!\d)\d{1,6}(?!\d)")
_TOOK_BACK = re.compile(r"(?:ошиб|описал|опечат|вернее|точнее|неверн|неправильн|правильн|поправ|исправ|перепута|\bой\b|\*|oops"
    r"|sorry|typo|mistake|mistyped|correct(?:ion)?\b|i mean|i meant|wrong|помил|вибач|упс|tippfehler|vertippt|verschrieben|falsch"
    r"|perd[oó]n|me equivoqu|desculp|errei|errado)")
_CLOSE = 3
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Correction:
    """`value` None: something was corrected, and it cannot be told what."""

    value: str | None
    start: int
    end: int


def correction(
    low: str, before: str, regions: tuple[str, ...], budget: Budget, *, expected: bool = False
) -> Correction | None:
    """What the line makes of the number `before` (E.164); None if it corrects nothing. `expected`: no word need say so."""
    if len(low) > 160 or not _DIGIT.search(low) or not (expected or _CUE.search(low)):  # noqa: PLR2004 - a short line
        return None
    for pattern in _PAIRS:
        match = pattern.search(low)
        if match:
            return _replaced(low, before, match["old"], match["new"], match.span("new"), regions, budget)
    numbers = list(_ONE.finditer(low))
    if len(numbers) != 1:
        return None
    number = numbers[0]
    new = number.group()
    if _LAST.search(low):
        return _checked(before[: -len(new)] + new, number.span(), regions, budget)
    if "*" in low[max(0, number.start() - 2) : number.start()]:
        return _swapped_back(before, new, number.span(), regions, budget)
    return Correction(None, *number.span()) if _FIRST.search(low) else None


def _swapped_back(before: str, new: str, span: tuple[int, int], regions: tuple[str, ...], budget: Budget) -> Correction:
    """*31: digits that were swapped tell by themselves where they belong, if they stand together in one place only."""
    size = len(new)
    same = sorted(new)
    places = [place for place in range(1, len(before) - size + 1) if sorted(before[place : place + size]) == same]
    if len(places) != 1 or new in before:
        return Correction(None, *span)
    return _checked(before[: places[0]] + new + before[places[0] + size :], span, regions, budget)


def _replaced(
    low: str, before: str, old: str, new: str, span: tuple[int, int], regions: tuple[str, ...], budget: Budget
) -> Correction | None:
    if old not in before:
        return None
    at_end = before.endswith(old)
    places = [place for place in range(1, len(before)) if before.startswith(old, place)]
    if _LAST.search(low) or (at_end and len(old) > 1 and len(places) > 1):
        places = [len(before) - len(old)] if at_end else []
    if len(places) != 1 or len(old) != len(new):
        return Correction(None, *span)
    return _checked(before[: places[0]] + new + before[places[0] + len(old) :], span, regions, budget)


def _checked(value: str, span: tuple[int, int], regions: tuple[str, ...], budget: Budget) -> Correction:
    reading = read(value.lstrip("+"), plus=True, regions=regions) if budget.take() else None
    return Correction(reading.e164 if reading else None, *span)


def drops_earlier(low: str, before: str, given: str) -> bool:
    """Whether a second number is the first one with a slip less: said so, and nearly the same."""
    if not _TOOK_BACK.search(low):
        return False
    return _distance(before, given) <= _CLOSE


def _distance(one: str, other: str) -> int:
    """Edit distance, as far as it matters."""
    row = list(range(len(other) + 1))
    for place, sign in enumerate(one, 1):
        last, row[0] = row[0], place
        for column, letter in enumerate(other, 1):
            last, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, last + (sign != letter))
    return row[-1]
