"""How many ways a regular expression could try before it gives up: an upper bound from its parts.

A repetition whose end is certain (what follows it is a sign that it cannot match itself) has one way; any other has as
many as it has lengths. Ways multiply along the pattern, and a repetition within a repetition raises them to a power.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from math import inf
from typing import Any

# The parser behind `re`: not public, the same in Python 3.11 to 3.14, and the only one that reads what `re` reads.
_parser: Any = import_module("re._parser")
_names: Any = import_module("re._constants")

Op = tuple[Any, Any]
_PROBES = [chr(code) for code in (*range(9, 14), *range(32, 127), 0xA0, 0xE9, *range(0x410, 0x450), 0x4E2D)]
_CATEGORIES = {"CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
               "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W"}  # fmt: skip


def choices(source: str, longest: int) -> float:
    """The bound for texts up to `longest` characters; `inf` if there is none to speak of."""
    parsed = _parser.parse(source)
    ops: list[Op] = list(parsed)
    ignore_case = bool(parsed.state.flags & re.IGNORECASE)
    anchored = bool(ops) and ops[0][0] is _names.AT and ops[0][1] in (_names.AT_BEGINNING, _names.AT_BEGINNING_STRING)
    if parsed.state.flags & re.MULTILINE:
        anchored = False
    return _Cost(longest, ignore_case=ignore_case).of_sequence(ops, None) * (1 if anchored else longest)


class _Cost:
    def __init__(self, longest: int, *, ignore_case: bool) -> None:
        self.longest = longest
        self.ignore_case = ignore_case

    def of_sequence(self, ops: Sequence[Op], after: Op | None) -> float:
        total = 1.0
        for place, op in enumerate(ops):
            total *= self.of(op, ops[place + 1] if place + 1 < len(ops) else after)
        return total

    def of(self, op: Op, after: Op | None) -> float:
        kind, value = op
        if kind in (_names.MAX_REPEAT, _names.MIN_REPEAT, _names.POSSESSIVE_REPEAT):
            return self.of_repeat(op, after)
        if kind is _names.BRANCH:
            costs = [self.of_sequence(list(branch), after) for branch in value[1]]
            return max(costs) if self.distinct(value[1]) else sum(costs)
        if kind is _names.GROUPREF_EXISTS:
            return inf
        return max([1.0, *(self.of_sequence(list(inner), after) for inner in _inside(op))])

    def of_repeat(self, op: Op, after: Op | None) -> float:
        kind, (least, most, body) = op
        most = min(most, self.longest)
        inner = self.of_sequence(list(body), body[0] if most > 1 and len(body) else after)
        certain = kind is _names.POSSESSIVE_REPEAT or least == most or self.certain(list(body), after)
        own = 1.0 if certain else float(most - least + 1)
        try:
            return float(own * inner ** float(most))
        except OverflowError:
            return inf

    def certain(self, body: list[Op], after: Op | None) -> bool:
        """One sign a turn, and what follows cannot be such a sign; or nothing follows at all."""
        if after is None:
            return len(body) == 1
        follow = _first(after)
        if len(body) != 1 or follow is None:
            return False
        return not any(self.matches(body[0], sign) and self.matches(follow, sign) for sign in _PROBES)

    def distinct(self, branches: Sequence[Any]) -> bool:
        """No sign begins two of the branches."""
        firsts = [_first(branch[0]) if len(branch) else None for branch in branches]
        if any(first is None for first in firsts):
            return False
        return all(sum(self.matches(first, sign) for first in firsts if first) <= 1 for sign in _PROBES)

    def matches(self, op: Op, sign: str) -> bool:
        """Whether a part can match a sign; unsure counts as yes."""
        signs = {sign, sign.lower(), sign.upper()} if self.ignore_case else {sign}
        return any(self.matches_exactly(op, one) for one in signs)

    def matches_exactly(self, op: Op, sign: str) -> bool:
        kind, value = op
        if kind is _names.SUBPATTERN and len(value[-1]) == 1:
            return self.matches_exactly(value[-1][0], sign)
        if kind is _names.IN:
            negated = value[0][0] is _names.NEGATE
            return negated != any(self.matches_exactly(item, sign) for item in value if item[0] is not _names.NEGATE)
        rule = _SIGNS.get(kind)
        return rule is None or rule(value, sign)


def _of_category(value: Any, sign: str) -> bool:
    pattern = _CATEGORIES.get(str(value))
    return pattern is None or re.fullmatch(pattern, sign) is not None


_SIGNS: Mapping[Any, Callable[[Any, str], bool]] = {
    _names.LITERAL: lambda value, sign: chr(value) == sign,
    _names.NOT_LITERAL: lambda value, sign: chr(value) != sign,
    _names.RANGE: lambda value, sign: len(sign) == 1 and value[0] <= ord(sign) <= value[1],
    _names.CATEGORY: _of_category,
    _names.ANY: lambda _value, sign: sign != "\n",
}


def _inside(op: Op) -> Iterator[Any]:
    """The sequences within a group or an assertion."""
    kind, value = op
    if kind is _names.SUBPATTERN:
        yield value[-1]
    elif kind is _names.ATOMIC_GROUP:
        yield value
    elif kind in (_names.ASSERT, _names.ASSERT_NOT):
        yield value[1]


def _first(op: Op) -> Op | None:
    """The part that has to match the next sign; None if that is not one certain part."""
    kind, value = op
    if kind in (_names.LITERAL, _names.NOT_LITERAL, _names.IN, _names.ANY):
        return op
    if kind is _names.SUBPATTERN and len(value[-1]):
        return _first(value[-1][0])
    if kind in (_names.MAX_REPEAT, _names.MIN_REPEAT) and value[0] > 0 and len(value[2]):
        return _first(value[2][0])
    return None
