"""How a function enters the list, and how it is called: nulls, kinds and counts of arguments are seen to in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.mapping.language.truth import is_number

Kind = Callable[[Any], Any]
_TIMES = frozenset({int, str, float, datetime})


class FunctionProblem(Exception):
    """The arguments do not fit; the message says why without showing the data."""


def _named(value: Any) -> str:
    names = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list, "a list"), (Mapping, "an object"))
    return next((name for kind, name in names if isinstance(value, kind)), type(value).__name__)


def _wants(what: str, value: Any) -> FunctionProblem:
    return FunctionProblem(f"it wants {what}, not {_named(value)}")


def number_text(value: float) -> str:
    """A number as people and ids have it: 5, not 5.0."""
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def _text(value: Any) -> str:
    """Text; a number is taken as its digits, because ids and phones come either way."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return number_text(value)
    raise _wants("text", value)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _wants("text", value)


def _number(value: Any) -> float:
    if is_number(value):
        return value
    raise _wants("a number", value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _wants("a list", value)


def _object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise _wants("an object", value)


def _time(value: Any) -> str | float | datetime:
    if type(value) in _TIMES or isinstance(value, datetime):
        return value  # type: ignore[no-any-return]  # mypy does not see through the set
    raise _wants("a time", value)


def _any(value: Any) -> Any:
    return value


KINDS: Mapping[str, Kind] = {
    "text": _text,  # a number will do
    "string": _string,  # as JMESPath has it: text and nothing else
    "number": _number,
    "list": _list,
    "object": _object,
    "time": _time,
    "any": _any,
    "nullable": _any,
    "expression": _any,
}


@dataclass(frozen=True, slots=True)
class Function:
    """A name that expressions can call, with arguments of these kinds; null in, null out, but for the kind `nullable`.

    `run` raises FunctionProblem and nothing else that is meant.
    """

    name: str
    kinds: tuple[str, ...]
    #: arguments after these may be left out
    required: int
    #: the last argument may be repeated
    open_ended: bool
    run: Callable[..., Any]
    #: it keeps an index over the payload between calls
    remembers: bool = False
    #: (condition, then[, else]): only the one that counts is worked out
    lazy: bool = False

    def count_problem(self, references: list[bool]) -> str | None:
        """What is wrong with a call's arguments, as far as can be seen without data."""
        given, most = len(references), len(self.kinds)
        if given < self.required or (given > most and not self.open_ended):
            wants = str(self.required) if self.required == most else f"{self.required} to {most}"
            if self.open_ended:
                wants = f"at least {self.required}"
            return f"{self.name}() takes {wants} arguments, not {given}"
        for place, is_reference in enumerate(references):
            if is_reference != (self.kind(place) == "expression"):
                how = "written with & before it" if not is_reference else "a value, not an &expression"
                return f"argument {place + 1} of {self.name}() must be {how}"
        return None

    def kind(self, place: int) -> str:
        return self.kinds[min(place, len(self.kinds) - 1)]


FUNCTIONS: dict[str, Function] = {}


Plain = Callable[..., Any]


def function(*kinds: str, name: str | None = None, remembers: bool = False, lazy: bool = False) -> Callable[[Plain], Plain]:
    """Enter a function into the list. A kind with `?` may be left out, with `*` repeated (one or more, the last one)."""

    def enter(run: Plain) -> Plain:
        plain = tuple(kind.rstrip("?*") for kind in kinds)
        unknown = set(plain) - set(KINDS)
        if unknown:
            raise AssertionError(f"no such kind: {unknown}")
        known = name or run.__name__.rstrip("_")
        FUNCTIONS[known] = Function(
            known, plain, sum(not kind.endswith("?") for kind in kinds), kinds[-1].endswith("*"), run, remembers, lazy
        )
        return run

    return enter
