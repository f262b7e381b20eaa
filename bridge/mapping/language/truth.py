"""What counts as empty, as true, as the same and as less: JMESPath's rules, for any data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

_NUMBERS = frozenset({int, float})
#: what is empty where Python takes it for false
EMPTIES = (str, list, tuple, Mapping)


def is_empty(value: Any) -> bool:
    """Null, '', [] and {}. Zero and false are not empty."""
    return value is None or (not value and isinstance(value, EMPTIES))


def is_true(value: Any) -> bool:
    """JMESPath's truth: everything but null, false, '', [] and {}; so 0 is true."""
    return bool(value) or is_zero(value)


def is_zero(value: Any) -> bool:
    """The one thing that is true here and false in Python."""
    return type(value) in _NUMBERS and value == 0


def same(left: Any, right: Any) -> bool:
    # Python takes True for 1; a comparison of different types is false
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def other(left: Any, right: Any) -> bool:
    return not same(left, right)


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _between(order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """False for what has no order: only numbers and texts have one, each among themselves."""

    def compared(left: Any, right: Any) -> bool:
        comparable = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        return comparable and order(left, right)

    return compared


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": same,
    "ne": other,
    "lt": _between(lambda left, right: left < right),
    "lte": _between(lambda left, right: left <= right),
    "gt": _between(lambda left, right: left > right),
    "gte": _between(lambda left, right: left >= right),
}
