"""JMESPath's syntax tree → one Python function that never raises on data.

The official library parses; evaluation is ours, because the official one raises on null and on mixed types, and because an
expression that is written out as Python takes a fraction of the time. Where both give an answer it is the same answer (tests
hold the two side by side).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.mapping.functions import FUNCTIONS
from bridge.mapping.functions.table import KINDS, Function
from bridge.mapping.language.steps import Evaluate, Node, Steps, evaluating
from bridge.mapping.language.syntax import SyntaxProblem, Tree
from bridge.mapping.suggestions import nearest

#: the type that most arguments of a kind have, and that need not be looked at further
_OWN: Mapping[str, str] = {"text": "str", "string": "str", "list": "list", "object": "dict", "number": "int"}


def compile_tree(tree: Tree, source: str) -> Evaluate:
    """(scope, findings=None) → value. `source` stands in what is reported.

    Raises SyntaxProblem for a function that does not exist or gets the wrong number of arguments.
    """
    try:
        return evaluating(tree, source, _NODES)
    except RecursionError:
        raise SyntaxProblem("the expression is nested too deeply") from None


def _field(steps: Steps, tree: Tree, value: str) -> str:
    return steps.variable(f"{value}.get({tree['value']!r}) if type({value}) in Objects or is_object({value}) else None")


def _chain(steps: Steps, tree: Tree, value: str) -> str:
    for child in tree["children"]:
        value = steps.write(child, value)
    return value


def _here(steps: Steps, _tree: Tree, value: str) -> str:
    return steps.plain(value)


def _literal(steps: Steps, tree: Tree, _value: str) -> str:
    return steps.code.knows(tree["value"])


def _index(steps: Steps, tree: Tree, value: str) -> str:
    return steps.variable(f"at({steps.plain(value)}, {tree['value']!r})")


def _slice(steps: Steps, tree: Tree, value: str) -> str:
    part = slice(*tree["children"])
    if part.step == 0:
        raise SyntaxProblem("a slice cannot have the step 0")
    return steps.variable(f"part({steps.plain(value)}, {steps.code.knows(part)})")


def _flatten(steps: Steps, tree: Tree, value: str) -> str:
    return steps.variable(f"flat({steps.write(tree['children'][0], value)})")


def _projection(steps: Steps, tree: Tree, value: str) -> str:
    """Of a list, each element; where a condition stands behind, each of which that is true."""
    base, *rest = tree["children"]
    found = steps.write(base, value)
    return _each(steps, found, f"isinstance({found}, list)", *rest)


def _values(steps: Steps, tree: Tree, value: str) -> str:
    base, right = tree["children"]
    found = steps.plain(steps.write(base, value))
    return _each(steps, f"{found}.values()", f"is_object({found})", right)


def _each(steps: Steps, elements: str, possible: str, right: Tree, condition: Tree | None = None) -> str:
    every = steps.variable("None")
    with steps.block(f"if {possible}:"):
        steps.line(f"{every} = []")
        element = steps.name()
        with steps.block(f"for {element} in {elements}:"):
            if condition is not None:
                chosen = steps.write(condition, element)
                with steps.block(f"if not ({_true(chosen)}):"):
                    steps.line("continue")
            one = steps.write(right, element)
            with steps.block(f"if {one} is not None:"):
                steps.line(f"{every}.append({one})")
    return every


def _object(steps: Steps, tree: Tree, value: str) -> str:
    found = steps.variable("None")
    with steps.block(f"if {value} is not None:"):
        members = [(child["value"], steps.write(child["children"][0], value)) for child in tree["children"]]
        steps.line(f"{found} = {{{', '.join([f'{name!r}: {member}' for name, member in members])}}}")
    return found


def _list(steps: Steps, tree: Tree, value: str) -> str:
    if all(child["type"] == "literal" for child in tree["children"]):
        constants = [child["value"] for child in tree["children"]]
        return steps.variable(f"None if {value} is None else {steps.code.knows(constants)}")
    found = steps.variable("None")
    with steps.block(f"if {value} is not None:"):
        elements = [steps.write(child, value) for child in tree["children"]]
        steps.line(f"{found} = [{', '.join(elements)}]")
    return found


def _true(value: str) -> str:
    return f"{value} or is_zero({value})"


def _or(steps: Steps, tree: Tree, value: str) -> str:
    return _right_if("not ({})", steps, tree, value)


def _and(steps: Steps, tree: Tree, value: str) -> str:
    return _right_if("{}", steps, tree, value)


def _right_if(test: str, steps: Steps, tree: Tree, value: str) -> str:
    """The left side, or the right one where the left passes the test."""
    left, right = tree["children"]
    found = steps.variable(steps.write(left, value))
    with steps.block(f"if {test.format(_true(found))}:"):
        steps.line(f"{found} = {steps.write(right, value)}")
    return found


def _not(steps: Steps, tree: Tree, value: str) -> str:
    return steps.variable(f"not ({_true(steps.write(tree['children'][0], value))})")


def _comparator(steps: Steps, tree: Tree, value: str) -> str:
    left, right = (steps.write(child, value) for child in tree["children"])
    constant = tree["children"][1]
    if tree["value"] == "eq" and constant["type"] == "literal" and isinstance(constant["value"], str):
        return steps.variable(f"{left} == {right}")  # a text is the same as nothing but a text
    return steps.variable(f"{tree['value']}({left}, {right})")


def _reference(steps: Steps, tree: Tree, _value: str) -> str:
    return steps.variable(f"lambda element: {steps.apart(tree['children'][0])}(element, findings, memo)")


def _call(steps: Steps, tree: Tree, value: str) -> str:
    children: Sequence[Tree] = tree["children"]
    function = _function(tree["value"], children)
    if function.lazy:
        return _one_of_two(steps, value, *children)
    given = [steps.write(child, value) for child in children]
    steps.remembers |= function.remembers
    found = steps.variable("None")
    # a loop that runs once, so that any of the arguments can end it
    with steps.block("try:"), steps.block("while True:"):
        passed = [_passed(steps, function.kind(place), *one) for place, one in enumerate(zip(given, children, strict=True))]
        passed = ["memo", *passed] if function.remembers else passed
        steps.line(f"{found} = {steps.code.knows(function.run)}({', '.join(passed)})")
        steps.line("break")
    with steps.block("except FunctionProblem as problem:"):
        steps.line(f"told(findings, {steps.source}, f'{function.name}(): {{problem}}')")
    return found


def _function(name: str, arguments: Sequence[Tree]) -> Function:
    function = FUNCTIONS.get(name)
    if function is None:
        known = ", ".join(sorted(FUNCTIONS))
        raise SyntaxProblem(f"there is no function {name}(){nearest(name, FUNCTIONS)}; the functions are: {known}")
    problem = function.count_problem([argument["type"] == "expref" for argument in arguments])
    if problem:
        raise SyntaxProblem(problem)
    return function


def _passed(steps: Steps, kind: str, argument: str, written: Tree) -> str:
    """The argument as the function gets it: null in, null out, but for what may be null; then it is of its kind, or a problem."""
    if kind not in ("nullable", "expression"):
        steps.line(f"if {argument} is None: break")
    fits = written["type"] == "literal" and isinstance(written["value"], str) and _OWN.get(kind) == "str"
    if KINDS[kind] is KINDS["any"] or fits:
        return argument
    check = f"{steps.code.knows(KINDS[kind])}({argument})"
    return steps.variable(f"{argument} if type({argument}) is {_OWN[kind]} else {check}" if kind in _OWN else check)


def _one_of_two(steps: Steps, value: str, condition: Tree, then: Tree, otherwise: Tree | None = None) -> str:
    """Only the one that counts is worked out: mappings choose by chains of choices, once for each message."""
    chosen = steps.write(condition, value)
    found = steps.variable("None")
    with steps.block(f"if {_true(chosen)}:"):
        steps.line(f"{found} = {steps.write(then, value)}")
    if otherwise is not None:
        with steps.block("else:"):
            steps.line(f"{found} = {steps.write(otherwise, value)}")
    return found


_NODES: Mapping[str, Node] = {
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
    "filter_projection": _projection,
    "multi_select_dict": _object,
    "multi_select_list": _list,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
    "comparator": _comparator,
    "expref": _reference,
    "function_expression": _call,
}
