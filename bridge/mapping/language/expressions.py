"""Expressions: JMESPath that is read once, at load, and never raises on data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from bridge.mapping.language.compiling import compile_tree
from bridge.mapping.language.steps import Evaluate
from bridge.mapping.language.syntax import SyntaxProblem, Tree, parse

#: expressions that are kept; mappings say the same again and again
KEPT = 4096


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
        self.tree, self.evaluate = _read(self.source)

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


@lru_cache(maxsize=KEPT)
def _read(source: str) -> tuple[Tree, Evaluate]:
    tree = parse(source)
    return tree, compile_tree(tree, source)
