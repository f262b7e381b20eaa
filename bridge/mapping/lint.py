"""What is legal in a mapping and wrong: traps of the expression language, and rules that no sample ever reaches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from bridge.mapping.functions import FUNCTIONS, FunctionProblem
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.steps import Evaluate
from bridge.mapping.language.syntax import Tree, tokens
from bridge.mapping.language.truth import is_empty, is_true
from bridge.mapping.schema import CrmMapping, ProviderMapping
from bridge.mapping.strict import Document, Mark
from bridge.mapping.unsaid import unmarked
from bridge.mapping.walk import Place, expressions

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something to change in a mapping. An error makes `check` fail; a warning is for a person to judge."""

    mark: Mark
    level: Level
    #: the key it stands under, dotted
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.level}: {self.name}: {self.text}"


def lint(mapping: ProviderMapping | CrmMapping, document: Document) -> list[Remark]:
    """The traps in a mapping, in the order of its file."""
    found = [Remark(document.where(place.path), level, _dotted(place.path), text)
             for place in expressions(mapping) for level, text in traps(place.expression, condition=place.condition)]  # fmt: skip
    if isinstance(mapping, CrmMapping):
        found += [Remark(document.where(path), "error", _dotted(path), text) for path, text in unmarked(mapping)]
    return sorted(found, key=lambda remark: (remark.mark.file, remark.mark.line, remark.mark.column))


def traps(expression: Expression, *, condition: bool = False) -> list[tuple[Level, str]]:
    """What is wrong with one expression; `condition`: it is only asked whether it is true."""
    found: list[tuple[Level, str]] = [
        *_quoted_names(expression.source), *_loose_pipe(expression.source),
        *_of_tree(expression.tree, condition=condition, inner=False),
    ]
    return list(dict.fromkeys(found))


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)


# -- in the text -------------------------------------------------------------------------------------------------------

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMPARISONS = frozenset({"eq", "ne", "lt", "lte", "gt", "gte"})


def _quoted_names(source: str) -> Iterator[tuple[Level, str]]:
    listed = tokens(source)
    for place, token in enumerate(listed):
        if token["type"] != "quoted_identifier":
            continue
        before, after = listed[place - 1]["type"] if place else "", listed[place + 1]["type"]
        if {before, after} & _COMPARISONS and "dot" not in (before, after):
            yield "error", f'"{token["value"]}" is the name of a field; text is \'{token["value"]}\''
        elif _PLAIN_NAME.fullmatch(token["value"]):
            yield "error", f'a name that can be written plainly needs no quotes: {token["value"]}; text is \'{token["value"]}\''


_OPENING = frozenset({"lparen", "lbracket", "lbrace", "filter"})
_CLOSING = frozenset({"rparen", "rbracket", "rbrace"})


def _loose_pipe(source: str) -> Iterator[tuple[Level, str]]:
    """`a || b | [0]`: the pipe takes both sides of the `||`."""
    levels: list[set[str]] = [set()]
    for token in tokens(source):
        kind = token["type"]
        if kind in _OPENING:
            levels.append(set())
        elif kind in _CLOSING and len(levels) > 1:
            levels.pop()
        elif kind == "comma":
            levels[-1] = set()
        elif kind == "pipe" and levels[-1] & {"or", "and"}:
            yield "error", "the pipe takes everything before it: write (a || b) | … or a || (b | …)"
        levels[-1].add(kind)


# -- in the tree -------------------------------------------------------------------------------------------------------

_PROJECTIONS = frozenset({"projection", "filter_projection", "value_projection"})
_BEHIND = frozenset({"subexpression", "pipe", "index_expression"})
_AFTER_DOT = frozenset({"subexpression", "projection"})
_BARE_LITERALS = frozenset({"true", "false", "null"})
_LATER_FUNCTIONS: Mapping[str, tuple[Level, str]] = {
    "not_null": ("warning", "not_null() takes '' for a value; write a || b"),
}


def _of_tree(tree: Tree, *, condition: bool, inner: bool) -> Iterator[tuple[Level, str]]:
    """`inner`: what is around is no longer the whole scope, but an element or a member of it."""
    for rule in _RULES.get(tree["type"], ()):
        yield from rule(tree, condition, inner)
    for child, child_condition, child_inner in _children(tree, condition=condition, inner=inner):
        yield from _of_tree(child, condition=child_condition, inner=child_inner)


def _children(tree: Tree, *, condition: bool, inner: bool) -> Iterator[tuple[Tree, bool, bool]]:
    kind, children = tree["type"], [child for child in tree["children"] if isinstance(child, Mapping)]
    for place, child in enumerate(children):
        if place and kind in _AFTER_DOT and _is_member(child):
            continue
        if kind in _PROJECTIONS:
            yield child, kind == "filter_projection" and place == 2, inner or place > 0  # noqa: PLR2004 - the condition
        elif kind in _BEHIND:
            yield child, condition and place == len(children) - 1, inner or place > 0
        elif kind == "function_expression":
            yield child, tree["value"] == "choose" and place == 0, inner
        elif kind == "expref":
            yield child, False, True
        elif kind == "not_expression":
            yield child, True, inner
        elif kind in ("or_expression", "and_expression"):
            yield child, condition, inner
        else:
            yield child, False, inner


def _is_member(tree: Tree) -> bool:
    """`.name` behind something: a member of it, whatever the name is."""
    return tree["type"] == "field" or (tree["type"] == "subexpression" and _is_member(tree["children"][0]))


def _names_nothing(tree: Tree, _condition: bool, inner: bool) -> Iterator[tuple[Level, str]]:
    if inner and tree["value"] == "root":
        yield "error", "`root` ends where a list begins ([?…], [], [*], |, .{…}); use lookup(), or `each`/`split`"


def _compares_with_name(tree: Tree, _condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    for child in tree["children"]:
        if child["type"] == "field" and child["value"] in _BARE_LITERALS:
            yield "error", f"`{child['value']}` stands in backticks; without them it is the name of a field"


def _negates_list(tree: Tree, _condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    if tree["children"][0]["type"] == "not_expression":
        yield "error", "! takes only the name behind it; write !(…) around the whole"


def _takes_from_each(tree: Tree, _condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    right = tree["children"][1]
    while right["type"] in _BEHIND and right["children"]:
        first, *rest = right["children"]
        if first["type"] == "identity" and rest and rest[0]["type"] == "index":
            yield "error", "[0] behind a filter takes from each hit, not from the hits; write (list[?…])[0] or list[?…] | [0]"
            return
        right = first


def _and_as_value(_tree: Tree, condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    if not condition:
        yield "error", "&& gives false where its left side is false, and that is sent; write choose(condition, value)"


def _or_with_truth(tree: Tree, condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    if not condition and any(child["type"] == "literal" and isinstance(child["value"], bool) for child in tree["children"]):
        yield "error", "|| passes over false as it does over nothing; write not_null(a, `false`) or choose(…)"


def _any_order(_tree: Tree, _condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    yield "warning", "members come in the order in which they were sent; put them in order with sort_by()"


def _doubtful_function(tree: Tree, _condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    literal = any(child["type"] == "literal" for child in tree["children"])
    if tree["value"] in _LATER_FUNCTIONS and not literal:
        yield _LATER_FUNCTIONS[tree["value"]]


#: by its kind something that any function takes, so that only what is written out can be wrong
_EXAMPLES: Mapping[str, Any] = {
    "text": "+12025550143", "string": "+12025550143", "number": 1, "list": [], "object": {}, "time": "2026-11-21T19:26:14Z",
    "any": None,
}  # fmt: skip


def _refused_constant(tree: Tree, _condition: bool, _inner: bool) -> Iterator[tuple[Level, str]]:
    """`variants(phone, ['trunkk'])`: what is written out is the same with every chat, so it can be tried here."""
    called = FUNCTIONS.get(tree["value"])
    written = [_constant(child) for child in tree["children"]]
    if called is None or called.lazy or not any(isinstance(one, str | list) and one for one in written):
        return
    given = [_EXAMPLES.get(called.kind(place)) if one is None else one for place, one in enumerate(written)]
    try:
        called.run(*given)
    except FunctionProblem as problem:
        words = [word for one in written if one for word in (one if isinstance(one, list) else [one])]
        if any(repr(word) in str(problem) for word in words):
            yield "error", str(problem)
    except Exception:  # noqa: BLE001, S110 - of the example, and so of no chat
        pass


def _constant(tree: Tree) -> Any:
    """A text, or a list of nothing but texts; None for whatever is worked out."""
    if tree["type"] == "literal":
        return tree["value"]
    if tree["type"] == "multi_select_list" and all(child["type"] == "literal" for child in tree["children"]):
        return [child["value"] for child in tree["children"]]
    return None


Rule = Callable[[Tree, bool, bool], Iterator[tuple[Level, str]]]
_RULES: Mapping[str, tuple[Rule, ...]] = {
    "field": (_names_nothing,),
    "comparator": (_compares_with_name,),
    "filter_projection": (_negates_list, _takes_from_each),
    "projection": (_negates_list,),
    "value_projection": (_negates_list, _any_order),
    "index_expression": (_negates_list,),
    "subexpression": (_negates_list,),
    "and_expression": (_and_as_value,),
    "or_expression": (_or_with_truth,),
    "function_expression": (_doubtful_function, _refused_constant),
}


# -- over the samples --------------------------------------------------------------------------------------------------


class Watch:
    """Looks on while somebody runs a mapping over its samples: `with Watch(mapping) as watch: …; watch.remarks(document)`.

    Every expression's results are noted as they are evaluated; nothing is evaluated a second time.
    """

    def __init__(self, mapping: ProviderMapping | CrmMapping) -> None:
        # one expression may stand in several places (the parts of an entity are laid over the common ones)
        self.places: dict[int, Place] = {}
        for place in expressions(mapping):
            self.places.setdefault(id(place.expression), place)
        self.results: dict[int, set[bool]] = {key: set() for key in self.places}
        self.full: set[int] = set()
        self._before: dict[int, Evaluate] = {}

    def __enter__(self) -> Self:
        for key, place in self.places.items():
            self._before[key] = place.expression.evaluate
            place.expression.evaluate = self._noting(key, place.expression.evaluate)
        return self

    def __exit__(self, *_error: object) -> None:
        for key, place in self.places.items():
            place.expression.evaluate = self._before[key]

    def _noting(self, key: int, evaluate: Evaluate) -> Evaluate:
        results, full = self.results[key], self.full

        def noting(scope: Mapping[str, Any], findings: Findings | None = None) -> Any:
            value = evaluate(scope, findings)
            results.add(is_true(value))
            if not is_empty(value):
                full.add(key)
            return value

        return noting

    def remarks(self, document: Document) -> list[Remark]:
        """What the samples do not show: warnings, because the samples may be few."""
        found = [
            Remark(document.where(place.path), "warning", _dotted(place.path), text)
            for key, place in self.places.items() if (text := self._text(key, place))
        ]
        return sorted(found, key=lambda remark: (remark.mark.file, remark.mark.line, remark.mark.column))

    def _text(self, key: int, place: Place) -> str | None:
        seen = self.results[key]
        source = place.expression.source
        if not seen:
            return f"no sample gets as far as this: {source}"
        if place.condition and len(seen) == 1:
            return f"{source} is {'always' if True in seen else 'never'} true in the samples"
        if not place.condition and key not in self.full:
            return f"{source} is empty in every sample; is the path right?"
        return None
