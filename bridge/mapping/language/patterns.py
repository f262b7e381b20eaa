"""Patterns: short regular expressions that cannot run away, whatever text they meet."""

from __future__ import annotations

import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from bridge.mapping.language.pattern_cost import choices

LONGEST_PATTERN = 200
LONGEST_TEXT = 8192
#: about half a second on the worst of texts
MOST_CHOICES = 1e8


class PatternProblem(ValueError):
    """A pattern cannot be used; `at` is the position in it."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


class Pattern:
    """A guarded regular expression, as good as frozen: equal and hashable by its source.

    Raises PatternProblem if it is no regular expression, is too long, or could take too long on a hostile text.
    """

    __slots__ = ("_compiled", "groups", "source")

    source: str
    #: names of its groups
    groups: frozenset[str]

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST_PATTERN:
            raise PatternProblem(f"a pattern has at most {LONGEST_PATTERN} characters; this one has {len(source)}")
        self.source = source
        try:
            self._compiled = re.compile(source)
            cost = choices(source, LONGEST_TEXT)
        except (re.error, OverflowError, RecursionError) as problem:
            at = getattr(problem, "pos", None) or 0
            raise PatternProblem(f"this is no regular expression: {getattr(problem, 'msg', problem)}", at) from None
        if cost > MOST_CHOICES:
            raise PatternProblem(
                "on a hostile text this pattern could take for ever: a repetition stands in a repetition, or one follows "
                "another that matches the same signs. Begin with ^, write [^;]*; instead of .*; and bounds instead of * and +"
            )
        self.groups = frozenset(self._compiled.groupindex)

    def search(self, text: Any) -> dict[str, str | None] | None:
        """The named groups of the first hit in the first 8 kB of a text, or None without a hit (or without a text)."""
        if not isinstance(text, str):
            return None
        found = self._compiled.search(text[:LONGEST_TEXT])
        return found.groupdict() if found else None

    def fullmatch(self, text: Any) -> bool:
        """Whether the whole text fits; one longer than 8 kB never does."""
        return isinstance(text, str) and len(text) <= LONGEST_TEXT and self._compiled.fullmatch(text) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.source == self.source

    def __hash__(self) -> int:
        return hash(("pattern", self.source))

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda p: p.source)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "maxLength": LONGEST_PATTERN, "description": "pattern: a short regular expression"}

    @classmethod
    def _validate(cls, value: Any) -> Pattern:
        if isinstance(value, Pattern):
            return value
        if not isinstance(value, str):
            raise PydanticCustomError("pattern", "a pattern (regular expression) is text; put it in single quotes: '…'")
        try:
            return cls(value)
        except PatternProblem as problem:
            raise PydanticCustomError(
                "pattern", "{problem}", {"problem": str(problem), "offset": problem.at}
            ) from None
