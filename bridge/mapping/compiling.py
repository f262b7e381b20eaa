"""JMESPath's syntax tree → one Python function that never raises on data.

The official library parses; evaluation is ours, because the official one raises on null and on mixed types, and because an
expression that is written out as Python takes a fraction of the time. Where both give an answer it is the same answer (tests
hold the two side by side).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.mapping.functions import FUNCTIONS
from bridge.mapping.functions.table import KINDS, Function
from bridge.mapping.python_code import Body, Code, Evaluate, Node
from bridge.mapping.suggestions import nearest
from bridge.mapping.syntax import SyntaxProblem, Tree, field_names

#: the type that most arguments of a kind have, and that need not be looked at further
_OWN: Mapping[str, str] = {"text": "str", "string": "str", "list": "list", "object": "dict", "number": "int"}
#: arguments that are looked at one by one, each in a block of its own
_MOST_ARGUMENTS = 4


def compile_tree(tree: Tree, source: str) -> Evaluate:
    """(scope, findings=None) → value. `source` stands in what is reported.

    Raises SyntaxProblem for a function that does not exist or gets the wrong number of arguments.
    """
    try:
        return Code(source, _NODES).entry(tree, safe=field_names(tree) is not None)
    except RecursionError:
        raise SyntaxProblem("the expression is nested too deeply") from None


def _field(body: Body, tree: Tree, value: str) -> str:
    return body.variable(f"{value}.get({tree['value']!r}) if type({value}) in Objects or is_object({value}) else None")


def _chain(body: Body, tree: Tree, value: str) -> str:
    for child in tree["children"]:
        value = body.write(child, value)
    return value


def _here(body: Body, _tree: Tree, value: str) -> str:
    return body.plain(value)


def _literal(body: Body, tree: Tree, _value: str) -> str:
    literal = tree["value"]
    return repr(literal) if literal is None or isinstance(literal, bool) else body.code.knows(literal)


def _index(body: Body, tree: Tree, value: str) -> str:
    return body.variable(f"at({body.plain(value)}, {tree['value']!r})")


def _slice(body: Body, tree: Tree, value: str) -> str:
    part = slice(*tree["children"])
    if part.step == 0:
        raise SyntaxProblem("a slice cannot have the step 0")
    return body.variable(f"part({body.plain(value)}, {body.code.knows(part)})")


def _flatten(body: Body, tree: Tree, value: str) -> str:
    return body.variable(f"flat({body.write(tree['children'][0], value)})")


def _projection(body: Body, tree: Tree, value: str) -> str:
    base, right = tree["children"]
    found = body.write(base, value)
    return _each(body, found, f"isinstance({found}, list)", right)


def _values(body: Body, tree: Tree, value: str) -> str:
    base, right = tree["children"]
    found = body.plain(body.write(base, value))
    return _each(body, f"{found}.values()", f"is_object({found})", right)


def _filter(body: Body, tree: Tree, value: str) -> str:
    base, right, condition = tree["children"]
    found = body.write(base, value)
    return _each(body, found, f"isinstance({found}, list)", right, condition)


def _each(body: Body, elements: str, possible: str, right: Tree, condition: Tree | None = None) -> str:
    every = body.variable("None")
    with body.block(f"if {possible}:"):
        body.line(f"{every} = []")
        element = body.name()
        with body.block(f"for {element} in {elements}:"):
            if condition is not None:
                chosen = body.write(condition, element)
                with body.block(f"if not ({_true(chosen)}):"):
                    body.line("continue")
            one = body.write(right, element)
            with body.block(f"if {one} is not None:"):
                body.line(f"{every}.append({one})")
    return every


def _object(body: Body, tree: Tree, value: str) -> str:
    found = body.variable("None")
    with body.block(f"if {value} is not None:"):
        members = [(child["value"], body.write(child["children"][0], value)) for child in tree["children"]]
        body.line(f"{found} = {{{', '.join([f'{name!r}: {member}' for name, member in members])}}}")
    return found


def _list(body: Body, tree: Tree, value: str) -> str:
    if all(child["type"] == "literal" for child in tree["children"]):
        constants = [child["value"] for child in tree["children"]]
        return body.variable(f"None if {value} is None else {body.code.knows(constants)}")
    found = body.variable("None")
    with body.block(f"if {value} is not None:"):
        elements = [body.write(child, value) for child in tree["children"]]
        body.line(f"{found} = [{', '.join(elements)}]")
    return found


def _true(value: str) -> str:
    return f"{value} or is_zero({value})"


def _or(body: Body, tree: Tree, value: str) -> str:
    left, right = tree["children"]
    found = body.variable(body.write(left, value))
    with body.block(f"if not ({_true(found)}):"):
        body.line(f"{found} = {body.write(right, value)}")
    return found


def _and(body: Body, tree: Tree, value: str) -> str:
    left, right = tree["children"]
    found = body.variable(body.write(left, value))
    with body.block(f"if {_true(found)}:"):
        body.line(f"{found} = {body.write(right, value)}")
    return found


def _not(body: Body, tree: Tree, value: str) -> str:
    return body.variable(f"not ({_true(body.write(tree['children'][0], value))})")


def _comparator(body: Body, tree: Tree, value: str) -> str:
    left, right = (body.write(child, value) for child in tree["children"])
    constant = tree["children"][1]
    if tree["value"] == "eq" and constant["type"] == "literal" and isinstance(constant["value"], str):
        return body.variable(f"{left} == {right}")  # a text is the same as nothing but a text
    return body.variable(f"{tree['value']}({left}, {right})")


def _reference(body: Body, tree: Tree, _value: str) -> str:
    return body.variable(f"lambda element: {body.code.function(tree['children'][0])}(element, findings, memo)")


def _call(body: Body, tree: Tree, value: str) -> str:
    children: Sequence[Tree] = tree["children"]
    function = _function(tree["value"], children)
    if function.lazy:
        return _one_of_two(body, value, *children)
    given = [body.write(child, value) for child in children]
    found = body.variable("None")
    with body.block("try:"):
        _call_checked(body, function, found, given, children)
    with body.block("except FunctionProblem as problem:"):
        body.line(f"told(findings, {body.code.source}, f'{function.name}(): {{problem}}')")
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


def _call_checked(body: Body, function: Function, found: str, given: Sequence[str], children: Sequence[Tree]) -> None:
    """`function.call`, written out: null in, null out, and the kinds, in the order of the arguments."""
    body.code.remembers |= function.remembers
    if len(given) > _MOST_ARGUMENTS:
        body.line(f"{found} = {body.code.knows(function.call_with(len(given)))}([{', '.join(given)}], memo)")
        return
    passed = ["memo"] if function.remembers else []
    depth = body.depth
    for place, (argument, child) in enumerate(zip(given, children, strict=True)):
        kind = function.kind(place)
        if kind not in ("nullable", "expression"):
            body.line(f"if {argument} is not None:")
            body.depth += 1
        passed.append(argument if KINDS[kind] is KINDS["any"] or _fits(child, kind) else _checked(body, argument, kind))
    body.line(f"{found} = {body.code.knows(function.run)}({', '.join(passed)})")
    body.depth = depth


def _fits(constant: Tree, kind: str) -> bool:
    return constant["type"] == "literal" and isinstance(constant["value"], str) and _OWN.get(kind) == "str"


def _checked(body: Body, argument: str, kind: str) -> str:
    check = f"{body.code.knows(KINDS[kind])}({argument})"
    return body.variable(f"{argument} if type({argument}) is {_OWN[kind]} else {check}" if kind in _OWN else check)


def _one_of_two(body: Body, value: str, condition: Tree, then: Tree, otherwise: Tree | None = None) -> str:
    """Only the one that counts is worked out: mappings choose by chains of choices, once for each message."""
    chosen = body.write(condition, value)
    found = body.variable("None")
    with body.block(f"if {_true(chosen)}:"):
        body.line(f"{found} = {body.write(then, value)}")
    if otherwise is not None:
        with body.block("else:"):
            body.line(f"{found} = {body.write(otherwise, value)}")
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
