"""Functions over objects and lists: reaching, joining, choosing, building."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from typing import Any

from bridge.mapping.functions.standard import json_text
from bridge.mapping.functions.table import FunctionProblem, function, number_text
from bridge.mapping.language.truth import is_number, is_true

_MOST_INDEXES = 64


@function("any", "text*")
def get(value: Any, *names: str) -> Any:
    """A member by a name that is computed, or that cannot be written plainly ($email, hub.challenge); a path of names."""
    for name in names:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.lstrip("-").isdecimal() and -len(value) <= int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _word(value: Any) -> str | None:
    """How ids are compared: 1 and '1' are the same."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return number_text(value)
    return None


@function("list", "text", "text", remembers=True)
def lookup(memo: dict[Any, Any], values: list[Any], key: str, wanted: str) -> Any:
    """The first element whose `key` is `wanted` (compared as text): a join."""
    # The list itself is kept beside its index, so that its id cannot come to mean another list meanwhile.
    place = (id(values), key)
    known = memo.get(place)
    if known is None or known[0] is not values:
        if len(memo) >= _MOST_INDEXES:  # lists made anew by every call would pile up
            memo.clear()
        index: dict[str, Any] = {}
        for element in values:
            if isinstance(element, Mapping) and (word := _word(element.get(key))) is not None:
                index.setdefault(word, element)
        known = memo[place] = (values, index)
    return known[1].get(wanted)


@function("nullable", "nullable", "nullable?", lazy=True)
def choose(condition: Any, then: Any, otherwise: Any = None) -> Any:
    """`then` if the condition is true in JMESPath's sense, else `otherwise` (or null)."""
    return then if is_true(condition) else otherwise


@function("number*")
def add(*numbers: float) -> float:
    return sum(numbers)


@function("nullable*")
def merge(*values: Any) -> dict[str, Any] | None:
    """Objects laid over one another, the later one wins; also one list of objects. Nulls are passed over."""
    if len(values) == 1 and isinstance(values[0], list):
        values = tuple(values[0])
    objects = [value for value in values if value is not None]
    if not all(isinstance(value, Mapping) for value in objects):
        raise FunctionProblem("it wants objects, or one list of objects")
    merged: dict[str, Any] = {}
    for value in objects:
        merged.update(value)
    return merged if objects else None


@function("object")
def entries(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """[{key: …, value: …}, …]"""
    return [{"key": key, "value": member} for key, member in value.items()]


_PAIRS = (("key", "value"), ("name", "value"), ("label", "value"))


@function("list", "text?", "text?")
def from_entries(values: list[Any], key: str | None = None, value: str | None = None) -> dict[str, Any]:
    """An object out of a list of {key, value} (or {name, value}, {label, value}, or members named here), or {one: thing}."""
    pairs = ((key, value or "value"),) if key is not None else _PAIRS
    found: dict[str, Any] = {}
    for element in values:
        if not isinstance(element, Mapping):
            continue
        pair = next((pair for pair in pairs if pair[0] in element and pair[1] in element), None)
        if pair is not None:
            word = _word(element[pair[0]])
            if word is not None:
                found.setdefault(word, element[pair[1]])
        elif len(element) == 1 and key is None:
            found.update(element)
    return found


#: one for all: json.loads with an option makes one for every call
_JSON = jsonlib.JSONDecoder(parse_constant=lambda _name: None)


@function("any")
def parse_json(text: Any) -> Any:
    """The value that a JSON text stands for; what is no text is given back as it is."""
    if not isinstance(text, str):
        return text
    try:
        return _JSON.decode(text)
    except (ValueError, RecursionError):
        raise FunctionProblem("the text is no JSON") from None


@function("any")
def json(value: Any) -> str:
    """The value as JSON text."""
    return json_text(value)


@function("list", "text")
def number_keys(values: list[Any], prefix: str) -> dict[str, Any]:
    """{n0: …, n1: …}: a list as an object with numbered names."""
    return {f"{prefix}{number}": value for number, value in enumerate(values)}
