"""Templates: YAML whose strings may hold {expression}. Compiled at load; payload text is never read as a template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from bridge.errors import EmptyExpression
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.python_code import Body, Code
from bridge.mapping.language.template_nodes import KNOWN, Node, Value, compile_node
from bridge.mapping.language.template_text import BRACES, CHEVRONS, Marks, TemplateProblem, pieces

#: what stands in an address as it is
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]+")

Scope = Mapping[str, Any]
Fill = Callable[[Scope, "Findings | None", bool], Any]


class Template:
    """A tree of constants and expressions, as good as frozen: equal and hashable by what was written.

    Raises TemplateProblem (a ValueError) if a brace or an expression in it cannot be read.
    """

    __slots__ = ("_fill", "_kept", "_node", "raw")

    marks: Marks = BRACES
    raw: Any

    def __init__(self, raw: Any, kept: Iterable[str] = ()) -> None:
        self.raw = raw
        self._kept = frozenset(kept)
        self._node: Node = compile_node(raw, self.marks, self._kept)
        self._fill: Fill = self._first_fill

    def fill(self, scope: Scope, findings: Findings | None = None) -> Any:
        """The tree with its values.

        Left out are: a member that an expression left empty; an object (not the outermost) whose expressions are all
        empty, also from a list; such a line of a text. Constants and scalars in lists stay.
        """
        return self._fill(scope, findings, False)

    def fill_strict(self, scope: Scope, findings: Findings | None = None) -> Any:
        """For searches: nothing is ever left out. Raises EmptyExpression if an expression is empty or holds a null."""
        return self._fill(scope, findings, True)

    def _first_fill(self, scope: Scope, findings: Findings | None, strict: bool) -> Any:
        """Of all mappings that are read only few are used: its Python is written when it is wanted."""
        self._fill = _written_out(self._node)
        return self._fill(scope, findings, strict)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same in every scope."""
        return not self._node.dynamic

    def keeping(self, paths: Iterable[str]) -> Template:
        """The same template, in which the members at these dotted paths stay even if they are empty.

        Raises TemplateProblem for a path that it has not got.
        """
        return type(self)(self.raw, paths)

    @property
    def expressions(self) -> tuple[tuple[tuple[str | int, ...], Expression], ...]:
        """Every expression in it, with the path to the string it stands in."""
        return tuple(self._node.walk(()))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and (other.raw, other._kept) == (self.raw, self._kept)

    def __hash__(self) -> int:
        return hash((type(self).__name__, repr(self.raw)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda t: t.raw)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"description": "template: strings may hold {expression}"}

    @classmethod
    def _validate(cls, value: Any) -> Template:
        if isinstance(value, cls):
            return value
        try:
            return cls(value)
        except TemplateProblem as problem:
            raise PydanticCustomError(
                "template", "{problem}", {"problem": str(problem), "path": problem.path, "offset": problem.at}
            ) from None


class TextTemplate(Template):
    """A template that is one text."""

    __slots__ = ()

    def __init__(self, raw: Any, kept: Iterable[str] = ()) -> None:
        if not isinstance(raw, str):
            raise TemplateProblem("a text is expected here; what begins with [ or { must be quoted: '…'")
        super().__init__(raw, kept)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "description": "text that may hold {expression}"}


class RawTemplate(TextTemplate):
    """A text body for query languages: expressions stand in <<…>>, braces are braces."""

    __slots__ = ()
    marks = CHEVRONS


class PathTemplate(TextTemplate):
    """The path of a request: what is fixed goes out as it stands, values are percent-encoded."""

    __slots__ = ("_pieces",)

    def __init__(self, raw: Any, kept: Iterable[str] = ()) -> None:
        super().__init__(raw, kept)
        self._pieces = pieces(raw.strip(), self.marks)

    def fill(self, scope: Scope, findings: Findings | None = None) -> str:
        """The path. Raises EmptyExpression if a value is empty, '.' or '..', or is neither text nor a number."""
        return "".join([piece if isinstance(piece, str) else _segment(piece, scope, findings) for piece in self._pieces])

    def fill_strict(self, scope: Scope, findings: Findings | None = None) -> str:
        return self.fill(scope, findings)

    @property
    def expressions(self) -> tuple[tuple[tuple[str | int, ...], Expression], ...]:
        """Those that `fill` evaluates, so that whoever watches them sees it."""
        return tuple(((), piece) for piece in self._pieces if not isinstance(piece, str))


def _segment(expression: Expression, scope: Scope, findings: Findings | None) -> str:
    value = expression(scope, findings)
    usable = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = Value.text_of(value).strip() if usable else ""
    if text in ("", ".", ".."):
        raise EmptyExpression(
            f"the path needs {{{expression.source}}}, which is {'empty' if text == '' else repr(text)} here: "
            "the request is not sent"
        )
    return text if _UNRESERVED.fullmatch(text) else quote(text.encode("utf-8", "replace"), safe="")


def _written_out(node: Node) -> Fill:
    code = Code(KNOWN)
    body = Body(code)
    value = node.write(body)
    body.line(f"return None if {value.gone} else {value.value}" if value.gone else f"return {value.value}")
    fill: Fill = code.made("fill", "scope, findings, strict", body)
    return fill
