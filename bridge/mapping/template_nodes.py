"""What a template is made of, once it is compiled: constants, values, texts, objects and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from bridge.errors import EmptyExpression
from bridge.mapping.expressions import Expression, Findings
from bridge.mapping.functions.standard import json_text
from bridge.mapping.functions.table import number_text
from bridge.mapping.scopes import Scope
from bridge.mapping.template_text import Marks, Path, TemplateProblem, by_line, pieces
from bridge.mapping.truth import is_empty

DEEPEST = 64


class Gone:
    """What is left out."""

    def __repr__(self) -> str:
        return "GONE"


GONE = Gone()


@dataclass(slots=True)
class Filling:
    """One filling: the scope, where findings go, and whether an empty expression stops the request."""

    scope: Mapping[str, Any]
    findings: Findings | None
    strict: bool

    def value(self, expression: Expression) -> Any:
        value = expression(self.scope, self.findings)
        if type(value) is Scope:
            value = value.own
        if self.strict and _has_hole(value):
            raise EmptyExpression(
                f"{{{expression.source}}} is empty here; a search without it would find strangers, so the request is not sent"
            )
        return value


def _has_hole(value: Any, depth: int = 0) -> bool:
    """Empty, blank, or with a null or an empty text anywhere in it (a search for null finds those without a value)."""
    if isinstance(value, str):
        return not value.strip()
    if value is None or depth > DEEPEST:
        return True
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else None
    if parts is None:
        return False
    return (depth == 0 and not parts) or any(_has_hole(part, depth + 1) for part in parts)


class Node(Protocol):
    """`fill` gives the value and whether any expression in it was not empty; `dynamic` says if there is one at all."""

    dynamic: bool

    def fill(self, filling: Filling) -> tuple[Any, bool]: ...

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        """The expressions in it, with the path to the string each stands in."""


class Constant:
    dynamic = False

    def __init__(self, value: Any) -> None:
        self.value = value

    def fill(self, _filling: Filling) -> tuple[Any, bool]:
        return self.value, False

    def walk(self, _path: Path) -> Iterator[tuple[Path, Expression]]:
        return iter(())


class Value:
    """A string that is exactly one expression: the value keeps its type."""

    dynamic = True
    _WORDS: ClassVar[Mapping[bool, str]] = {True: "true", False: "false"}

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def fill(self, filling: Filling) -> tuple[Any, bool]:
        value = filling.value(self.expression)
        return value, not is_empty(value)

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        yield path, self.expression

    @classmethod
    def text_of(cls, value: Any) -> str:
        """How a value stands in a text."""
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, bool):
            return cls._WORDS[value]
        if isinstance(value, int | float):
            return number_text(value)
        if isinstance(value, datetime):
            return value.isoformat()
        return json_text(value)


class Text:
    """Fixed text with expressions in it, line by line."""

    dynamic = True

    def __init__(self, text: str, marks: Marks) -> None:
        self.lines = by_line(pieces(text, marks))

    def fill(self, filling: Filling) -> tuple[Any, bool]:
        written: list[str] = []
        any_full = False
        for line in self.lines:
            texts: list[str] = []
            fixed, full = True, False
            for piece in line:
                if isinstance(piece, str):
                    texts.append(piece)
                    continue
                fixed = False
                value = filling.value(piece)
                full = full or not is_empty(value)
                texts.append(Value.text_of(value))
            any_full = any_full or full
            if fixed or full:
                written.append("".join(texts))
        return "\n".join(written), any_full

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        for line in self.lines:
            yield from ((path, piece) for piece in line if isinstance(piece, Expression))


class Object:
    """`outermost`: the whole template, which stays even if all of it is empty."""

    def __init__(self, members: list[tuple[str, Node, Node]], kept: frozenset[str], *, outermost: bool) -> None:
        self.members = members  # as written, name, value
        self.kept = kept
        self.stays = outermost or bool(kept)
        self.dynamic = any(name.dynamic or value.dynamic for _, name, value in members)
        # most names are fixed, and what is fixed is found out here, once
        self._filled = [
            (Value.text_of(name.value) if isinstance(name, Constant) else "", name, value, not value.dynamic or raw in kept)
            for raw, name, value in members
        ]

    def fill(self, filling: Filling) -> tuple[Any, bool]:
        filled: dict[str, Any] = {}
        any_full = False
        for fixed, name_node, node, stays in self._filled:
            value, full = node.fill(filling)
            any_full = any_full or full
            name = fixed or Value.text_of(name_node.fill(filling)[0])
            if name and (stays or not (value is GONE or is_empty(value))):
                filled[name] = None if value is GONE else value
        if self.dynamic and not any_full and not self.stays:
            return GONE, False
        return filled, any_full

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        for raw, name, value in self.members:
            yield from name.walk((*path, raw))
            yield from value.walk((*path, raw))


class List:
    def __init__(self, elements: list[Node]) -> None:
        self.elements = elements
        self.dynamic = any(element.dynamic for element in elements)
        self._constants = [element.value for element in elements if isinstance(element, Constant)]

    def fill(self, filling: Filling) -> tuple[Any, bool]:
        if len(self._constants) == len(self.elements):
            return self._constants.copy(), False
        filled = [element.fill(filling) for element in self.elements]
        return [value for value, _ in filled if value is not GONE], any(full for _, full in filled)

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        for place, element in enumerate(self.elements):
            yield from element.walk((*path, place))


# -- compiling ---------------------------------------------------------------------------------------------------------


def compile_node(raw: Any, marks: Marks, kept: frozenset[str] = frozenset(), path: Path = ()) -> Node:
    """Raises TemplateProblem; also if a path of `kept` leads nowhere."""
    if len(path) > DEEPEST:
        raise TemplateProblem("the template is nested too deeply", path)
    if isinstance(raw, str):
        return _compile_text(raw, marks, path)
    if isinstance(raw, Mapping):
        return _compile_object(raw, marks, kept, path)
    if isinstance(raw, list | tuple):
        return List([compile_node(part, marks, kept, (*path, place)) for place, part in enumerate(raw)])
    return Constant(raw)


def _compile_object(raw: Mapping[Any, Any], marks: Marks, kept: frozenset[str], path: Path) -> Object:
    here = frozenset(name.partition(".")[0] for name in kept)
    for name in here:
        if name not in raw:
            raise TemplateProblem(f"`keep` names {name!r}, but there is no such member", path)
    members = []
    for name, value in raw.items():
        below = frozenset(rest for whole in kept if (rest := whole.partition(".")[2]) and whole.partition(".")[0] == name)
        members.append((str(name), _compile_text(str(name), marks, (*path, name)),
                        compile_node(value, marks, below, (*path, name))))
    return Object(members, here, outermost=not path)


def _compile_text(text: str, marks: Marks, path: Path) -> Node:
    try:
        found = pieces(text, marks)
    except TemplateProblem as problem:
        raise TemplateProblem(str(problem), path, problem.at) from None
    if not any(isinstance(piece, Expression) for piece in found):
        return Constant("".join(piece for piece in found if isinstance(piece, str)))
    if len(found) == 1 and isinstance(found[0], Expression):
        return Value(found[0])
    return Text(text, marks)
