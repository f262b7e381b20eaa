"""Counts the steps that a backtracking matcher takes, so that an expression's growth can be told without a clock.

It interprets the tree that `re` itself makes of an expression, in the order in which `re` tries things. It knows what the
extractor's expressions use and refuses the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Then = Callable[[int], int | None]
Tree = list[tuple[Any, Any]]
_SINGLE = {sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN}
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT}
_ASSERTS = {sre.ASSERT, sre.ASSERT_NOT}


class Counter:
    """One expression; `steps` grows with every text it is tried on."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.steps = 0
        self._text = ""
        self._ignorecase = bool(pattern.flags & re.IGNORECASE)
        self._dotall = bool(pattern.flags & re.DOTALL)
        self._tree = _as_lists(_parser.parse(pattern.pattern, pattern.flags))
        self._known: dict[tuple[int, str], bool] = {}
        self._begun: dict[tuple[int, str], list[tuple[int, Tree | None]]] = {}

    def finditer(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans that `re.finditer` gives."""
        self._text = text
        start = 0
        while start <= len(text):
            end = self._sequence(self._tree, 0, start, lambda position: position)
            if end is None:
                start += 1
                continue
            yield start, end
            start = end if end > start else end + 1

    def _sequence(self, items: Tree, index: int, position: int, then: Then) -> int | None:
        text = self._text
        while index < len(items):
            operation, argument = items[index]
            index += 1
            if operation not in _SINGLE:
                if index == len(items):
                    return self._complex(operation, argument, position, then)
                return self._complex(operation, argument, position, partial(self._sequence, items, index, then=then))
            self.steps += 1
            if position >= len(text) or not self._single(operation, argument, text[position]):
                return None
            position += 1
        return then(position)

    def _complex(self, operation: Any, argument: Any, position: int, then: Then) -> int | None:
        self.steps += 1
        if operation is sre.SUBPATTERN:
            return self._sequence(argument, 0, position, then)
        if operation is sre.BRANCH:
            for failed, branch in self._branches(argument, position):
                self.steps += failed
                end = self._sequence(branch, 0, position, then) if branch is not None else None
                if end is not None:
                    return end
            return None
        if operation is sre.AT:
            return then(position) if self._at(argument, position) else None
        if operation in _REPEATS:
            return self._repeat(operation, argument, position, then)
        return self._assert(operation, argument, position, then)

    def _branches(self, argument: Any, position: int) -> list[tuple[int, Tree | None]]:
        """Those that may go on with the sign at this position, each with how many before it fail at their first step; after the
        last of them None. Tables of words are most of what there is to count.
        """
        sign = self._text[position : position + 1]
        found = self._begun.get((id(argument), sign))
        if found is None:
            found, failed = [], 0
            for branch in argument:
                if branch and branch[0][0] in _SINGLE and not (sign and self._single(*branch[0], sign)):
                    failed += 1
                else:
                    found.append((failed, branch))
                    failed = 0
            found.append((failed, None))
            self._begun[id(argument), sign] = found
        return found

    def _assert(self, operation: Any, argument: Any, position: int, then: Then) -> int | None:
        back, tree = argument
        start = position - back
        held = start >= 0 and self._sequence(tree, 0, start, lambda at: at) is not None
        return then(position) if held is (operation is sre.ASSERT) else None

    def _repeat(self, operation: Any, argument: Any, position: int, then: Then) -> int | None:
        low, high, items = argument
        if len(items) == 1 and items[0][0] in _SINGLE:
            return self._repeat_single(operation, argument, position, then)

        def again(count: int, at: int, before: int) -> int | None:
            self.steps += 1
            if count < low:
                return self._sequence(items, 0, at, lambda now: again(count + 1, now, at))
            if at == before:
                return then(at)  # nothing was gained: once is enough
            if operation is sre.MIN_REPEAT:
                end = then(at)
                if end is not None or count >= high:
                    return end
                return self._sequence(items, 0, at, lambda now: again(count + 1, now, at))
            if count < high:
                end = self._sequence(items, 0, at, lambda now: again(count + 1, now, at))
                if end is not None:
                    return end
            return then(at)

        return again(0, position, -1)

    def _repeat_single(self, operation: Any, argument: Any, position: int, then: Then) -> int | None:
        low, high, [(single, what)] = argument
        text = self._text
        most = 0
        while most < high and position + most < len(text) and self._single(single, what, text[position + most]):
            most += 1
        self.steps += most
        counts = range(most, low - 1, -1) if operation is sre.MAX_REPEAT else range(low, most + 1)
        for count in counts:
            self.steps += 1
            end = then(position + count)
            if end is not None:
                return end
        return None

    def _at(self, where: Any, position: int) -> bool:
        text = self._text
        if where in {sre.AT_BEGINNING, sre.AT_BEGINNING_STRING}:
            return position == 0
        if where is sre.AT_END:
            return position == len(text) or (position == len(text) - 1 and text[position] == "\n")
        before = position > 0 and _is_word(text[position - 1])
        after = position < len(text) and _is_word(text[position])
        return (before != after) is (where is sre.AT_BOUNDARY)

    def _single(self, operation: Any, argument: Any, sign: str) -> bool:
        if operation is sre.LITERAL and not self._ignorecase:
            return ord(sign) == int(argument)
        key = (id(argument) if operation is sre.IN else hash((operation, argument)), sign)
        known = self._known.get(key)
        if known is None:
            cases = {sign, sign.lower(), sign.upper()} if self._ignorecase else {sign}
            known = any(self._plain(operation, argument, case) for case in cases)
            self._known[key] = known
        return known

    def _plain(self, operation: Any, argument: Any, sign: str) -> bool:
        if operation is sre.ANY:
            return self._dotall or sign != "\n"
        if operation is not sre.IN:
            return (sign == chr(argument)) is (operation is sre.LITERAL)
        negated = argument[0][0] is sre.NEGATE
        return any(_in_class(*one, sign) for one in argument[negated:]) is not negated


def _as_lists(tree: Any) -> Tree:
    """The parser's tree without what the counter does not need."""
    items: Tree = []
    for operation, argument in tree:
        if operation is sre.SUBPATTERN:
            items.append((operation, _as_lists(argument[3])))
        elif operation is sre.BRANCH:
            items.append((operation, [_as_lists(branch) for branch in argument[1]]))
        elif operation in _REPEATS:
            items.append((operation, (argument[0], argument[1], _as_lists(argument[2]))))
        elif operation in _ASSERTS:
            back = argument[1].getwidth()[0] if argument[0] < 0 else 0
            items.append((operation, (back, _as_lists(argument[1]))))
        elif operation is sre.GROUPREF:
            # A group's second time is taken for one sign that never comes: what follows it is not counted.
            items.append((sre.LITERAL, -1))
        elif operation in _SINGLE or operation is sre.AT:
            items.append((operation, argument))
        else:
            message = f"the step counter does not know {operation}"
            raise NotImplementedError(message)
    return items


def _in_class(operation: Any, argument: Any, sign: str) -> bool:
    if operation is sre.LITERAL:
        return ord(sign) == int(argument)
    if operation is sre.RANGE:
        return bool(argument[0] <= ord(sign) <= argument[1])
    kinds: dict[Any, bool] = {
        sre.CATEGORY_DIGIT: sign.isdecimal(), sre.CATEGORY_NOT_DIGIT: not sign.isdecimal(),
        sre.CATEGORY_SPACE: sign.isspace(), sre.CATEGORY_NOT_SPACE: not sign.isspace(),
        sre.CATEGORY_WORD: _is_word(sign), sre.CATEGORY_NOT_WORD: not _is_word(sign),
    }  # fmt: skip
    return kinds[argument]


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"
