"""Every expression of a mapping, with its place and what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.templates import Template

Path = tuple[str | int, ...]

CONDITIONS = frozenset({"when", "success", "ready", "not_found", "spam", "closed"})
"""Keys whose expression is only asked whether it is true."""


class Place(NamedTuple):
    """Where an expression stands: the path of keys as they are written, and where in the text it begins (templates)."""

    path: Path
    expression: Expression
    #: it is only asked whether it is true
    condition: bool
    in_template: bool


def expressions(mapping: BaseModel) -> Iterator[Place]:
    """In the order of the schema."""
    yield from _of(mapping, ())


def _of(value: Any, path: Path) -> Iterator[Place]:
    if isinstance(value, Expression):
        yield Place(path, value, bool(path) and path[-1] in CONDITIONS, in_template=False)
    elif isinstance(value, Template):
        for below, expression in value.expressions:
            yield Place((*path, *below), expression, condition=False, in_template=True)
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            if name in value.model_fields_set:
                yield from _of(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _of(member, (*path, key))
    elif isinstance(value, list | tuple):
        for number, member in enumerate(value):
            yield from _of(member, (*path, number))
