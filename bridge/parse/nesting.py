"""Form fields named `a[b][]` → the tree they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.errors import NotUnderstood
from bridge.parse.limits import LIMITS, Room


def nested(pairs: Iterable[tuple[str, str]], *, deepest: int, room: Room | None = None) -> dict[str, Any]:
    """`data[0][name]=x` → `{"data": [{"name": "x"}]}`; an object whose keys are 0, 1, 2 … becomes a list.

    Raises NotUnderstood if a name is nested deeper than `deepest`, or the steps of all names are more than `room` has. Of two
    fields that cannot both be (a=1, a[b]=2) the later holds.
    """
    tree: dict[str, Any] = {}
    room = room or Room(LIMITS)
    for name, value in pairs:
        steps = _steps(name, deepest)
        if len(steps) > deepest:
            raise NotUnderstood(f"a form field's name is nested more than {deepest} levels deep (`receive.max_depth`)")
        room.take_values(len(steps))
        place = tree
        last = steps.pop()
        for step in steps:
            key = step or _next_number(place)
            inner = place.get(key)
            if type(inner) is not dict:
                inner = place[key] = {}
            place = inner
        place[last or _next_number(place)] = value
    return {name: _with_lists(value) for name, value in tree.items()}


def _steps(name: str, most: int) -> list[str]:
    """What stands before the first bracket and between brackets; one more than `most` at the most."""
    opening = name.find("[")
    if opening > 0 and name.endswith("]"):
        inside = name[opening + 1 : -1].split("][", most)
        plain = "".join(inside)
        if "[" not in plain and "]" not in plain:
            return [name[:opening], *inside]
    steps = [name[: max(opening, 0)]]
    # each bracket is looked for from where the last one was found: a name of a million of them is read once
    while opening > 0 and len(steps) <= most and (closing := name.find("]", opening)) > 0:
        steps.append(name[opening + 1 : closing])
        opening = name.find("[", closing)
    return steps if len(steps) > 1 else [name]


def _next_number(place: dict[str, Any]) -> str:
    """What an empty step (`[]`) means."""
    number = len(place)
    while str(number) in place:
        number += 1
    return str(number)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and list(value) == [str(index) for index in range(len(value))]:
        return [_with_lists(child) for child in value.values()]
    return {name: _with_lists(child) for name, child in value.items()}
