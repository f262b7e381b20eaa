"""The steps of one expression as lines of Python, and what those lines call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Protocol

from bridge.mapping.functions import FunctionProblem
from bridge.mapping.language.python_code import Body, Code
from bridge.mapping.language.scopes import Scope, is_object
from bridge.mapping.language.syntax import Tree, field_names
from bridge.mapping.language.truth import COMPARISONS, is_zero

#: blocks within one another in one function; Python takes twenty loops
MOST_BLOCKS = 12

Evaluate = Callable[..., Any]


class Steps(Body):
    """The lines of a function of `value`, `findings` and `memo`. `source` is the name of the expression's text in them."""

    def __init__(self, code: Code, nodes: Mapping[str, Node], source: str, depth: int = 1) -> None:
        super().__init__(code, depth)
        self.nodes = nodes
        self.source = source
        #: whether a function in it keeps an index over the payload
        self.remembers = False

    def write(self, tree: Tree, value: str) -> str:
        """The lines that work out `tree` over the variable `value`; gives the variable or constant that then holds it."""
        if self.depth > MOST_BLOCKS:
            return self.variable(f"{self.apart(tree)}({value}, findings, memo)")
        return self.nodes[tree["type"]](self, tree, value)

    def apart(self, tree: Tree) -> str:
        """The name of a function (value, findings, memo) for a part of the expression."""
        steps = Steps(self.code, self.nodes, self.source)
        steps.line(f"return {steps.write(tree, 'value')}")
        self.remembers |= steps.remembers
        return self.code.function("value, findings, memo", steps)

    def plain(self, value: str) -> str:
        """Of a scope, what it lies over."""
        return self.variable(f"{value}.own if type({value}) is Scope else {value}")


#: writes the lines for a node over a variable; gives the variable or constant that then holds what it is
Node = Callable[[Steps, Tree, str], str]


def evaluating(tree: Tree, source: str, nodes: Mapping[str, Node]) -> Evaluate:
    """(scope, findings=None) → value."""
    code = Code(_KNOWN)
    name = code.knows(source)
    steps, body = Steps(code, nodes, name, depth=2), Body(code)
    found = steps.write(tree, "value")
    if field_names(tree):  # a dotted path: nothing in it could fail
        steps.line(f"return {found}")
        body.lines += steps.lines
    else:
        # NaN and Infinity are no JSON: nothing may send them on
        steps.line(f"return None if type({found}) is float and not isfinite({found}) else {found}")
        body.line(f"memo = {'value.memo if type(value) is Scope else {}' if steps.remembers else None}")
        body.line("try:")
        body.lines += steps.lines
        # the promise of this module: one odd message must not stop a chat
        with body.block("except Exception as error:"):
            body.line(f"told(findings, {name}, f'it failed ({{type(error).__name__}})')")
    return code.made("evaluate", "value, findings=None", body)


# -- what the lines call -----------------------------------------------------------------------------------------------


class Reports(Protocol):
    """Takes what went wrong, in sentences for people."""

    def add(self, sentence: str) -> None: ...


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
