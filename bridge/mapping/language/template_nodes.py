"""What a template is made of: constants, values, texts, objects and lists, each of which writes the Python that fills it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol

from bridge.errors import EmptyExpression
from bridge.mapping.functions.standard import json_text
from bridge.mapping.functions.table import number_text
from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.python_code import Body
from bridge.mapping.language.scopes import Scope
from bridge.mapping.language.template_text import Marks, Path, Piece, TemplateProblem, by_line, pieces
from bridge.mapping.language.truth import EMPTIES

DEEPEST = 64


class Written(NamedTuple):
    """What holds a node's value once its lines have run, and conditions over it, in Python."""

    value: str
    #: an expression in it was not empty; '': there is none in it
    full: str = ""
    #: it is neither left out nor empty
    there: str = ""
    #: it is left out; '': never
    gone: str = ""


class Node(Protocol):
    """`dynamic` says whether there is an expression in it."""

    dynamic: bool

    def write(self, body: Body) -> Written:
        """The lines of a function of `scope`, `findings` and `strict` that work it out."""

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        """The expressions in it, with the path to the string each stands in."""


class Constant:
    dynamic = False

    def __init__(self, value: Any) -> None:
        self.value = value

    def write(self, body: Body) -> Written:
        return Written(body.code.knows(self.value))

    def walk(self, _path: Path) -> Iterator[tuple[Path, Expression]]:
        return iter(())


class Value:
    """A string that is exactly one expression: the value keeps its type."""

    dynamic = True
    _WORDS: ClassVar[Mapping[bool, str]] = {True: "true", False: "false"}

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def write(self, body: Body) -> Written:
        return _evaluated(body, self.expression)

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

    def __init__(self, found: tuple[Piece, ...]) -> None:
        self.lines = by_line(found)

    def write(self, body: Body) -> Written:
        if len(self.lines) == 1:
            return self._one_line(body)
        written = body.variable("[]")
        full = body.variable("False")
        for line in self.lines:
            text, filled = _line(body, line)
            if filled:
                body.line(f"if {filled}: {full} = True; {written}.append({text})")
            else:
                body.line(f"{written}.append({text})")
        text = body.variable(f"'\\n'.join({written})")
        return Written(text, full=full, there=text)

    def _one_line(self, body: Body) -> Written:
        text, filled = _line(body, self.lines[0])
        full = body.variable(filled)
        value = body.variable(f"{text} if {full} else ''")
        return Written(value, full=full, there=value)

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        for line in self.lines:
            yield from ((path, piece) for piece in line if isinstance(piece, Expression))


#: what is written for it stands nowhere
_NO_NAME = "''"


class Object:
    """`outermost`: the whole template, which stays even if all of it is empty."""

    def __init__(self, members: list[tuple[str, Node, Node]], kept: frozenset[str], *, outermost: bool) -> None:
        self.members = members  # as written, name, value
        self.kept = kept
        self.stays = outermost or bool(kept)
        self.dynamic = any(name.dynamic or value.dynamic for _, name, value in members)

    def write(self, body: Body) -> Written:
        if not self.dynamic:
            members = [(self._name(body, name), value.write(body).value) for _, name, value in self.members]
            return Written(f"{{{', '.join([f'{name}: {value}' for name, value in members if name != _NO_NAME])}}}")
        filled, full = body.variable("{}"), body.variable("False")
        for raw, name_node, node in self.members:
            value = node.write(body)
            name = self._name(body, name_node)
            wanted = [name] if name_node.dynamic else []
            if node.dynamic and raw not in self.kept:
                wanted.append(value.there)
            if name != _NO_NAME:
                kept = f"None if {value.gone} else {value.value}" if value.gone else value.value
                body.line(f"{f'if {_all(wanted)}: ' if wanted else ''}{filled}[{name}] = {kept}")
            if value.full:
                body.line(f"if {value.full}: {full} = True")
        gone = "" if self.stays else f"not {full}"
        return Written(filled, full, there=f"{full} and {filled}" if gone else filled, gone=gone)

    def _name(self, body: Body, node: Node) -> str:
        if isinstance(node, Constant):
            return repr(Value.text_of(node.value))
        return body.variable(_text(node.write(body).value))

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        for raw, name, value in self.members:
            yield from name.walk((*path, raw))
            yield from value.walk((*path, raw))


class List:
    def __init__(self, elements: list[Node]) -> None:
        self.elements = elements
        self.dynamic = any(element.dynamic for element in elements)

    def write(self, body: Body) -> Written:
        if not self.dynamic:
            return Written(f"[{', '.join([element.write(body).value for element in self.elements])}]")
        filled, full = body.variable("[]"), body.variable("False")
        for element in self.elements:
            value = element.write(body)
            body.line(f"{f'if not ({value.gone}): ' if value.gone else ''}{filled}.append({value.value})")
            if value.full:
                body.line(f"if {value.full}: {full} = True")
        return Written(filled, full, there=filled)

    def walk(self, path: Path) -> Iterator[tuple[Path, Expression]]:
        for place, element in enumerate(self.elements):
            yield from element.walk((*path, place))


# -- pieces of Python --------------------------------------------------------------------------------------------------


def _evaluated(body: Body, expression: Expression) -> Written:
    known = body.code.knows(expression)
    value = body.variable(f"{known}.evaluate(scope, findings)")
    body.line(f"if type({value}) is Scope: {value} = {value}.own")
    body.line(f"if strict and has_hole({value}): raise stopped({known})")
    full = f"({value} is not None and ({value} or not isinstance({value}, Empty)))"
    return Written(value, full=full, there=full)


def _line(body: Body, line: list[Piece]) -> tuple[str, str]:
    """Its text, and a condition: an expression in it is not empty; '' if there is none in it."""
    texts, full = [], []
    for piece in line:
        if isinstance(piece, str):
            texts.append(repr(piece))
        else:
            found = _evaluated(body, piece)
            texts.append(_text(found.value))
            full.append(found.full)
    return " + ".join(texts), " or ".join(full)


def _text(value: str) -> str:
    return f"({value} if type({value}) is str else text_of({value}))"


def _all(conditions: list[str]) -> str:
    return " and ".join(f"({condition})" for condition in conditions)


# -- what it calls -----------------------------------------------------------------------------------------------------


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


def _stopped(expression: Expression) -> EmptyExpression:
    return EmptyExpression(
        f"{{{expression.source}}} is empty here; a search without it would find strangers, so the request is not sent"
    )


KNOWN: Mapping[str, Any] = {
    "Empty": EMPTIES, "Scope": Scope, "has_hole": _has_hole, "stopped": _stopped, "text_of": Value.text_of,
}  # fmt: skip


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
    return Text(found)
