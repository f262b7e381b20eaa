"""JMESPath's own functions, made total: null in, null out; what cannot be compared or added up is a finding."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bridge.mapping.functions.table import FunctionProblem, function
from bridge.mapping.language.truth import is_number, same

Key = Callable[[Any], Any]
_LONGEST_NUMBER = 40


def _numbers(values: list[Any]) -> list[float]:
    if all(is_number(value) for value in values):
        return values
    raise FunctionProblem("the list holds something that is not a number")


def _comparable(keys: list[Any]) -> list[Any]:
    """The keys as they are compared. Numbers written as text count as numbers: '9' comes before '10'."""
    if all(is_number(key) for key in keys):
        return keys
    if not all(isinstance(key, str) for key in keys):
        raise FunctionProblem("what is compared is of different kinds; use to_number() or to_string()")
    return [int(key) for key in keys] if all(key.isdecimal() and len(key) <= _LONGEST_NUMBER for key in keys) else keys


def plain(value: Any) -> Any:
    """What json cannot write, in a form that it can."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=plain).encode


def json_text(value: Any) -> str:
    """Compact JSON, letters as they are."""
    return _compact(value)


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@function("number", name="abs")
def absolute(value: float) -> float:
    return abs(value)


@function("list")
def avg(values: list[Any]) -> float | None:
    return finite(sum(_numbers(values)) / len(values)) if values else None


@function("number")
def ceil(value: float) -> int | None:
    return math.ceil(value) if math.isfinite(value) else None


@function("number")
def floor(value: float) -> int | None:
    return math.floor(value) if math.isfinite(value) else None


@function("any", "any")
def contains(where: Any, what: Any) -> bool:
    if isinstance(where, str):
        return isinstance(what, str) and what in where
    if isinstance(where, list):
        return any(same(value, what) for value in where)
    raise FunctionProblem("it looks into text or a list")


@function("string", "string")
def ends_with(text: str, end: str) -> bool:
    return text.endswith(end)


@function("string", "string")
def starts_with(text: str, start: str) -> bool:
    return text.startswith(start)


@function("string", "list")
def join(glue: str, parts: list[Any]) -> str:
    """Nulls are passed over; other things that are not text are a finding."""
    try:
        return glue.join([part for part in parts if part is not None])
    except TypeError:
        raise FunctionProblem("the list holds something that is not text") from None


@function("object")
def keys(value: Mapping[str, Any]) -> list[str]:
    return list(value)


@function("object", name="values")
def values_of(value: Mapping[str, Any]) -> list[Any]:
    return list(value.values())


@function("any")
def length(value: Any) -> int:
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise FunctionProblem("only text, lists and objects have a length")


@function("expression", "list", name="map")
def map_(key: Key, values: list[Any]) -> list[Any]:
    return [key(value) for value in values]


def _best(values: list[Any], keys: list[Any], *, last: bool) -> Any:
    """The element with the largest (last) or smallest key; those without a key take no part."""
    known = [place for place, key in enumerate(keys) if key is not None]
    if not known:
        return None
    compared = dict(zip(known, _comparable([keys[place] for place in known]), strict=True))
    choose = max if last else min
    return values[choose(known, key=compared.__getitem__)]


@function("list", name="max")
def largest(values: list[Any]) -> Any:
    return _best(values, values, last=True)


@function("list", name="min")
def smallest(values: list[Any]) -> Any:
    return _best(values, values, last=False)


@function("list", "expression")
def max_by(values: list[Any], key: Key) -> Any:
    return _best(values, [key(value) for value in values], last=True)


@function("list", "expression")
def min_by(values: list[Any], key: Key) -> Any:
    return _best(values, [key(value) for value in values], last=False)


def _sorted(values: list[Any], keys: list[Any]) -> list[Any]:
    """In order of their keys, those without one at the end."""
    known = [place for place, key in enumerate(keys) if key is not None]
    compared = dict(zip(known, _comparable([keys[place] for place in known]), strict=True))
    known.sort(key=compared.__getitem__)
    return [values[place] for place in known] + [value for value, key in zip(values, keys, strict=True) if key is None]


@function("list", name="sort")
def sort_(values: list[Any]) -> list[Any]:
    return _sorted(values, values)


@function("list", "expression")
def sort_by(values: list[Any], key: Key) -> list[Any]:
    return _sorted(values, [key(value) for value in values])


@function("any")
def reverse(value: Any) -> Any:
    if isinstance(value, str | list):
        return value[::-1]
    raise FunctionProblem("only text and lists can be reversed")


@function("list", name="sum")
def sum_(values: list[Any]) -> float | None:
    return finite(sum(_numbers(values)))


@function("nullable*")
def not_null(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


@function("any")
def to_array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@function("any")
def to_number(value: Any) -> float | None:
    """The number a text spells; null for what is none (NaN and Infinity are none)."""
    if is_number(value):
        return finite(value)
    if not isinstance(value, str) or "_" in value:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return finite(float(value))
    except ValueError:
        return None


@function("any")
def to_string(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


_TYPES = ((bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array"), (Mapping, "object"))


@function("nullable", name="type")
def type_(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")
