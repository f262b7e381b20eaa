"""Python that is being written: the functions of one expression, line by line, and what they know by a name.

Of what a mapping's author wrote nothing but names gets into the lines, as `repr` writes them; all else is a value that the
functions know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any, Protocol

from bridge.mapping.functions import FunctionProblem
from bridge.mapping.scopes import Scope, is_object
from bridge.mapping.syntax import Tree
from bridge.mapping.truth import COMPARISONS, is_zero

#: blocks within one another in one function; Python takes twenty loops
MOST_BLOCKS = 12


class Reports(Protocol):
    """Takes what went wrong, in sentences for people."""

    def add(self, sentence: str) -> None: ...


Evaluate = Callable[..., Any]


# -- what the functions call -------------------------------------------------------------------------------------------


def _told(reports: Reports | None, source: str, problem: str) -> None:
    if reports is not None:
        reports.add(f"`{source}`: {problem}")


def _flat(found: Any) -> list[Any] | None:
    if not isinstance(found, list):
        return None
    return [part for element in found for part in (element if isinstance(element, list) else (element,))]


def _at(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None


def _part(value: Any, part: slice) -> Any:
    return value[part] if isinstance(value, list) else None


_KNOWN: Mapping[str, Any] = {
    "FunctionProblem": FunctionProblem, "Objects": frozenset({dict, Scope}), "Scope": Scope, "at": _at, "flat": _flat,
    "is_object": is_object, "is_zero": is_zero, "isfinite": isfinite, "part": _part, "told": _told, **COMPARISONS,
}  # fmt: skip


# -- the functions -----------------------------------------------------------------------------------------------------


class Code:
    """The functions of one expression, and the values that they know by a name."""

    def __init__(self, source: str, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.known = dict(_KNOWN)
        self.source = self.knows(source)
        #: whether a function in it keeps an index over the payload
        self.remembers = False
        self._functions: list[str] = []

    def knows(self, value: Any) -> str:
        """The name by which the functions know it."""
        name = f"k{len(self.known)}"
        self.known[name] = value
        return name

    def entry(self, tree: Tree, *, safe: bool) -> Evaluate:
        """(scope, findings=None) → value. `safe`: nothing in it can fail."""
        body, inner = Body(self), Body(self, depth=2)
        found = inner.write(tree, "value")
        if safe:
            inner.line(f"return {found}")
            body.lines += inner.lines
        else:
            body.line(f"memo = {'value.memo if type(value) is Scope else {}' if self.remembers else None}")
            body.line("try:")
            # NaN and Infinity are no JSON: nothing may send them on
            inner.line(f"return None if type({found}) is float and not isfinite({found}) else {found}")
            body.lines += inner.lines
            # the promise of this module: one odd message must not stop a chat
            with body.block("except Exception as error:"):
                body.line(f"told(findings, {self.source}, f'it failed ({{type(error).__name__}})')")
        self._define("evaluate", "value, findings=None", body)
        exec(compile("\n".join(self._functions), "<expression>", "exec"), self.known)  # noqa: S102 - written above, line by line
        evaluate: Evaluate = self.known["evaluate"]
        return evaluate

    def function(self, tree: Tree) -> str:
        """The name of a function (value, findings, memo) for a part of the expression."""
        body = Body(self)
        body.line(f"return {body.write(tree, 'value')}")
        name = f"part{len(self._functions)}"
        self._define(name, "value, findings, memo", body)
        return name

    def _define(self, name: str, parameters: str, body: Body) -> None:
        self._functions.append("\n".join([f"def {name}({parameters}):", *body.lines]))


class Body:
    """The lines of one function."""

    def __init__(self, code: Code, depth: int = 1) -> None:
        self.code = code
        self.lines: list[str] = []
        self.depth = depth
        self._variables = 0

    def line(self, text: str) -> None:
        self.lines.append(" " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    def name(self) -> str:
        """Of a new variable."""
        self._variables += 1
        return f"v{self._variables}"

    def variable(self, value: str) -> str:
        """A new variable with that value."""
        name = self.name()
        self.line(f"{name} = {value}")
        return name

    def write(self, tree: Tree, value: str) -> str:
        """The lines that work out `tree` over the variable `value`; gives the variable or constant that then holds it."""
        if self.depth > MOST_BLOCKS:
            return self.variable(f"{self.code.function(tree)}({value}, findings, memo)")
        return self.code.nodes[tree["type"]](self, tree, value)

    def plain(self, value: str) -> str:
        """Of a scope, what it lies over."""
        return self.variable(f"{value}.own if type({value}) is Scope else {value}")


#: writes the lines for a node over a variable; gives the variable or constant that then holds what it is
Node = Callable[[Body, Tree, str], str]
