"""Form fields named `a[b][]` → the tree they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from bridge.errors import NotUnderstood

_STEP = re.compile(r"\[([^\]]*)\]")


def nested(pairs: Iterable[tuple[str, str]], *, deepest: int) -> dict[str, Any]:
    """`data[0][name]=x` → `{"data": [{"name": "x"}]}`; an object whose keys are 0, 1, 2 … becomes a list.

    Raises NotUnderstood if a name is nested deeper than `deepest`. Of two fields that cannot both be (a=1, a[b]=2) the
    later holds.
    """
    tree: dict[str, Any] = {}
    for name, value in pairs:
        steps = _steps(name)
        if len(steps) > deepest:
            raise NotUnderstood(f"a form field's name is nested more than {deepest} levels deep")
        place = tree
        for step in steps[:-1]:
            inner = place.get(_key(place, step))
            if not isinstance(inner, dict):
                inner = place[_key(place, step)] = {}
            place = inner
        place[_key(place, steps[-1])] = value
    return {name: _with_lists(value) for name, value in tree.items()}


def _steps(name: str) -> list[str]:
    head, bracket, _ = name.partition("[")
    inner = _STEP.findall(name[len(head):]) if bracket and head else []
    return [head, *inner] if inner else [name]


def _key(place: dict[str, Any], step: str) -> str:
    """An empty step (`[]`) is the next free number."""
    number = len(place)
    while not step and str(number) in place:
        number += 1
    return step or str(number)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and list(value) == [str(index) for index in range(len(value))]:
        return [_with_lists(child) for child in value.values()]
    return {name: _with_lists(child) for name, child in value.items()}
