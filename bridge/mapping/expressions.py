"""Expressions: JMESPath that is read once, at load, and never raises on data."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from bridge.mapping.compiling import Run, Step, compile_tree
from bridge.mapping.scopes import Scope, is_object
from bridge.mapping.syntax import SyntaxProblem, Tree, field_names, parse

Evaluate = Callable[[Any, "Findings | None"], Any]


class Findings(list[str]):
    """What went wrong in expressions, in sentences for people, each once."""

    def add(self, sentence: str) -> None:
        if sentence not in self:
            self.append(sentence)


class Expression:
    """A compiled expression, as good as frozen: equal and hashable by its source.

    Raises SyntaxProblem (a ValueError) if the text is no expression.
    """

    __slots__ = ("evaluate", "source", "tree")

    source: str
    #: JMESPath's syntax tree, for those who check mappings
    tree: Tree
    #: what a call does; whoever watches a mapping at work may put something around it
    evaluate: Evaluate

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        self.tree = parse(self.source)
        names = field_names(self.tree)
        self.evaluate = _path(names) if names else _guarded(self.source, compile_tree(self.tree))

    def __call__(self, scope: Any, findings: Findings | None = None) -> Any:
        """The value in that scope: an object, or whatever a CRM answered.

        Never raises: what is missing is None; what fails is None and a finding.
        """
        return self.evaluate(scope, findings)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.source == self.source

    def __hash__(self) -> int:
        return hash(("expression", self.source))

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda e: e.source)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "description": "expression (JMESPath): visitor.name || requester.name"}

    @classmethod
    def _validate(cls, value: Any) -> Expression:
        if isinstance(value, Expression):
            return value
        if not isinstance(value, str):
            raise PydanticCustomError("expression", "an expression is text; what begins with [ or { must be quoted: '…'")
        try:
            return cls(value)
        except SyntaxProblem as problem:
            raise PydanticCustomError(
                "expression", "{problem}, in: {source}",
                {"problem": str(problem), "source": value.strip(), "offset": problem.at},
            ) from None


def _path(names: tuple[str, ...]) -> Evaluate:
    """A plain dotted path: no context, no guard, nothing that could fail."""
    if len(names) == 1:
        only = names[0]

        def name(scope: Any, _findings: Findings | None = None) -> Any:
            return scope.get(only) if type(scope) is Scope or is_object(scope) else None

        return name

    def path(scope: Any, _findings: Findings | None = None) -> Any:
        value: Any = scope
        for name in names:
            if type(value) is not dict and not is_object(value):
                return None
            value = value.get(name)
        return value

    return path


def _guarded(source: str, step: Step) -> Evaluate:
    def evaluate(scope: Any, findings: Findings | None = None) -> Any:
        memo = scope.memo if type(scope) is Scope else {}
        try:
            value = step(scope, Run(source, findings, memo))
        except Exception as error:  # noqa: BLE001 - the promise of this module: one odd message must not stop a chat
            Run(source, findings, memo).report(f"it failed ({type(error).__name__})")
            return None
        # NaN and Infinity are no JSON: nothing may send them on
        return None if type(value) is float and not isfinite(value) else value

    return evaluate
