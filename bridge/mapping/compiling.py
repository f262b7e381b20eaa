"""JMESPath's syntax tree → closures that never raise on data.

The official library parses; evaluation is ours, because the official one raises on null and on mixed types, and because a
closure takes a fraction of its time. Where both give an answer it is the same answer (tests hold the two side by side).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from bridge.mapping.functions import FUNCTIONS, FunctionProblem
from bridge.mapping.scopes import Scope, is_object
from bridge.mapping.suggestions import nearest
from bridge.mapping.syntax import SyntaxProblem, Tree, field_names


class Reports(Protocol):
    """Takes what went wrong, in sentences for people."""

    def add(self, sentence: str) -> None: ...


class Run:
    """One evaluation: where its problems go, and the indexes of the payload it works on."""

    __slots__ = ("memo", "reports", "source")

    def __init__(self, source: str, reports: Reports | None, memo: dict[Any, Any]) -> None:
        self.source = source
        self.reports = reports
        self.memo = memo

    def report(self, problem: str) -> None:
        if self.reports is not None:
            self.reports.add(f"`{self.source}`: {problem}")


Step = Callable[[Any, Run], Any]


def is_empty(value: Any) -> bool:
    """Null, '', [] and {}. Zero and false are not empty."""
    return value is None or (not value and isinstance(value, str | list | Mapping | tuple))


def is_true(value: Any) -> bool:
    """JMESPath's truth: everything but null, false, '', [] and {}; so 0 is true."""
    return bool(value) or (type(value) in (int, float) and value == 0)


def compile_tree(tree: Tree) -> Step:
    """Raises SyntaxProblem for a function that does not exist or gets the wrong number of arguments."""
    return _COMPILERS[tree["type"]](tree)


# -- the kinds of node -------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    return value.own if type(value) is Scope else value


def _field(tree: Tree) -> Step:
    name = tree["value"]

    def step(value: Any, _run: Run) -> Any:
        return value.get(name) if type(value) is dict or is_object(value) else None

    return step


def _chain(tree: Tree) -> Step:
    names = field_names(tree)
    if names is not None:

        def path(value: Any, _run: Run) -> Any:
            for name in names:
                if type(value) is not dict and not is_object(value):
                    return None
                value = value.get(name)
            return value

        return path
    steps = [compile_tree(child) for child in tree["children"]]

    def chain(value: Any, run: Run) -> Any:
        for step in steps:
            value = step(value, run)
        return value

    return chain


def _here(_tree: Tree) -> Step:
    return lambda value, _run: _plain(value)


def _literal(tree: Tree) -> Step:
    literal = tree["value"]
    return lambda _value, _run: literal


def _index(tree: Tree) -> Step:
    index = tree["value"]

    def step(value: Any, _run: Run) -> Any:
        value = _plain(value)
        return value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None

    return step


def _slice(tree: Tree) -> Step:
    part = slice(*tree["children"])
    if part.step == 0:
        raise SyntaxProblem("a slice cannot have the step 0")

    def step(value: Any, _run: Run) -> Any:
        value = _plain(value)
        return value[part] if isinstance(value, list) else None

    return step


def _flatten(tree: Tree) -> Step:
    base = compile_tree(tree["children"][0])

    def step(value: Any, run: Run) -> Any:
        found = base(value, run)
        if not isinstance(found, list):
            return None
        return [part for element in found for part in (element if isinstance(element, list) else (element,))]

    return step


def _projection(tree: Tree) -> Step:
    base, right = (compile_tree(child) for child in tree["children"])

    def step(value: Any, run: Run) -> Any:
        found = base(value, run)
        return _each(found, right, run) if isinstance(found, list) else None

    return step


def _values(tree: Tree) -> Step:
    base, right = (compile_tree(child) for child in tree["children"])

    def step(value: Any, run: Run) -> Any:
        found = _plain(base(value, run))
        return _each(found.values(), right, run) if isinstance(found, Mapping) else None

    return step


def _filter(tree: Tree) -> Step:
    base, right, condition = (compile_tree(child) for child in tree["children"])

    def step(value: Any, run: Run) -> Any:
        found = base(value, run)
        if not isinstance(found, list):
            return None
        return _each((element for element in found if is_true(condition(element, run))), right, run)

    return step


def _each(elements: Iterable[Any], right: Step, run: Run) -> list[Any]:
    return [part for element in elements if (part := right(element, run)) is not None]


def _object(tree: Tree) -> Step:
    members = [(child["value"], compile_tree(child["children"][0])) for child in tree["children"]]
    return lambda value, run: None if value is None else {name: step(value, run) for name, step in members}


def _list(tree: Tree) -> Step:
    if all(child["type"] == "literal" for child in tree["children"]):
        constants = [child["value"] for child in tree["children"]]
        return lambda value, _run: None if value is None else constants
    steps = [compile_tree(child) for child in tree["children"]]
    return lambda value, run: None if value is None else [step(value, run) for step in steps]


def _or(tree: Tree) -> Step:
    left, right = (compile_tree(child) for child in tree["children"])

    def step(value: Any, run: Run) -> Any:
        found = left(value, run)
        return found if is_true(found) else right(value, run)

    return step


def _and(tree: Tree) -> Step:
    left, right = (compile_tree(child) for child in tree["children"])

    def step(value: Any, run: Run) -> Any:
        found = left(value, run)
        return right(value, run) if is_true(found) else found

    return step


def _not(tree: Tree) -> Step:
    inner = compile_tree(tree["children"][0])
    return lambda value, run: not is_true(inner(value, run))


def _same(left: Any, right: Any) -> bool:
    # Python takes True for 1; a comparison of different types is false
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": _same,
    "ne": lambda left, right: not _same(left, right),
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparator(tree: Tree) -> Step:
    left, right = (compile_tree(child) for child in tree["children"])
    order = _ORDERS[tree["value"]]
    if tree["value"] in ("eq", "ne"):
        return lambda value, run: order(left(value, run), right(value, run))

    def step(value: Any, run: Run) -> bool:
        one, other = left(value, run), right(value, run)
        comparable = (_is_number(one) and _is_number(other)) or (isinstance(one, str) and isinstance(other, str))
        return comparable and order(one, other)

    return step


def _reference(tree: Tree) -> Step:
    inner = compile_tree(tree["children"][0])
    return lambda _value, run: lambda element: inner(element, run)


def _call(tree: Tree) -> Step:
    name = tree["value"]
    function = FUNCTIONS.get(name)
    if function is None:
        known = ", ".join(sorted(FUNCTIONS))
        raise SyntaxProblem(f"there is no function {name}(){nearest(name, FUNCTIONS)}; the functions are: {known}")
    problem = function.count_problem([child["type"] == "expref" for child in tree["children"]])
    if problem:
        raise SyntaxProblem(problem)
    arguments = [compile_tree(child) for child in tree["children"]]
    if function.lazy:
        return _one_of_two(*arguments)
    call = function.call_with(len(arguments))

    def step(value: Any, run: Run) -> Any:
        try:
            return call([argument(value, run) for argument in arguments], run.memo)
        except FunctionProblem as problem:
            run.report(f"{name}(): {problem}")
            return None

    return step


def _one_of_two(condition: Step, then: Step, otherwise: Step | None = None) -> Step:
    """Only the one that counts is worked out: mappings choose by chains of choices, once for each message."""

    def step(value: Any, run: Run) -> Any:
        if is_true(condition(value, run)):
            return then(value, run)
        return otherwise(value, run) if otherwise is not None else None

    return step


_COMPILERS: Mapping[str, Callable[[Tree], Step]] = {
    "field": _field,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "current": _here,
    "identity": _here,
    "literal": _literal,
    "index": _index,
    "slice": _slice,
    "flatten": _flatten,
    "projection": _projection,
    "value_projection": _values,
    "filter_projection": _filter,
    "multi_select_dict": _object,
    "multi_select_list": _list,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
    "comparator": _comparator,
    "expref": _reference,
    "function_expression": _call,
}
