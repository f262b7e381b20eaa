"""Paths to what must not be seen: `visitor.token`, `users[].password`, `*.secret`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

CONCEALED = "•••"


class DataPath:
    """A dotted path; `[]` after a name goes into each element of a list, `*` is any name."""

    __slots__ = ("source", "steps")

    source: str
    steps: tuple[str, ...]

    def __init__(self, source: str) -> None:
        self.source = source
        self.steps = tuple(source.replace("[]", ".[]").lstrip(".").split("."))
        if not all(self.steps):
            raise ValueError(source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataPath) and other.source == self.source

    def __hash__(self) -> int:
        return hash(("path", self.source))

    def __repr__(self) -> str:
        return f"DataPath({self.source!r})"

    def values(self, data: Any) -> list[Any]:
        """What stands there, wherever it does."""
        found = [data]
        for step in self.steps:
            found = [value for part in found for _, value in _children(part, step)]
        return found

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda p: p.source)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "description": "path in the payload: visitor.token, users[].password"}

    @classmethod
    def _validate(cls, value: Any) -> DataPath:
        if isinstance(value, DataPath):
            return value
        try:
            return cls(value)
        except (ValueError, AttributeError):
            raise PydanticCustomError(
                "path", "a path is names with dots between them, like visitor.token or users[].password"
            ) from None


def conceal(data: Any, paths: Iterable[DataPath], mark: Any = CONCEALED) -> Any:
    """A copy of `data` with `mark` in place of what stands at the paths (null stays null). Untouched parts are shared."""
    for path in paths:
        data = _replaced(data, path.steps, mark)
    return data


def _children(data: Any, step: str) -> list[tuple[Any, Any]]:
    if isinstance(data, dict):
        return list(data.items()) if step == "*" else [(step, data[step])] if step in data else []
    if isinstance(data, list) and step in ("[]", "*"):
        return list(enumerate(data))
    return []


def _replaced(data: Any, steps: tuple[str, ...], mark: Any) -> Any:
    if not steps:
        return data if data is None else mark
    copy, deeper = data, len(steps) > 1
    for key, value in _children(data, steps[0]):
        if deeper and not isinstance(value, (dict, list)):
            continue
        replaced = _replaced(value, steps[1:], mark)
        if replaced is not value:
            copy = data.copy() if copy is data else copy
            copy[key] = replaced
    return copy
