"""What pydantic found wrong, in sentences that name the place in the file and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bridge.mapping.strict import Document, Mark, Path

#: of a key with nothing behind it
NO_VALUE = "there is no value; write one or remove the key"

#: by pydantic's own names of mistakes; bridge.config says them of the configuration too
_SENTENCES: Mapping[str, str] = {
    "missing": "`{key}` is missing",
    "string_type": "text is expected here, not {given}; if it begins with [ or {{, quote it: '…'",
    "dict_type": "an object (names with values) is expected here, not {given}",
    "model_type": "an object (names with values) is expected here, not {given}",
    "model_attributes_type": "an object (names with values) is expected here, not {given}",
    "list_type": "a list is expected here, not {given}",
    "tuple_type": "a list is expected here, not {given}",
    "int_parsing": "a whole number is expected here, not {given}",
    "int_type": "a whole number is expected here, not {given}",
    "float_parsing": "a number is expected here, not {given}",
    "float_type": "a number is expected here, not {given}",
    "bool_parsing": "true or false is expected here, not {given}",
    "bool_type": "true or false is expected here, not {given}",
    "literal_error": "{given} is not one of {expected}",
    "enum": "{given} is not one of {expected}",
    "too_short": "at least {min_length} is needed here",
    "string_too_short": "the text is empty; write it or remove the key",
    "too_long": "at most {max_length} are taken here",
    "greater_than": "it must be more than {gt:.12g}",
    "greater_than_equal": "it must be {ge:.12g} or more",
    "less_than_equal": "it must be {le:.12g} or less",
    "string_pattern_mismatch": "{given} is not written right; it has to look like {pattern}",
}


def sentences(problem: ValidationError, document: Document) -> list[str]:
    """`file:line:column: a.b: what is wrong and what to do`, one a problem, in the order of the file."""
    found = [_sentence(detail, document) for detail in problem.errors(include_url=False)]
    return [text for _, text in sorted({text: (mark, text) for mark, text in found}.values(), key=_place)]


def _place(found: tuple[Mark, str]) -> tuple[str, int, int]:
    return found[0].file, found[0].line, found[0].column


def _sentence(detail: ErrorDetails, document: Document) -> tuple[Mark, str]:
    context: dict[str, Any] = detail.get("ctx", {})
    known = _known(document, detail["loc"])
    inner = _known(document, (*known, *context.get("path", ())))
    missing = detail["type"] == "missing"
    key = context.get("key")
    if "offset" in context:
        mark = document.inside(inner, context["offset"])
    else:
        mark = document.where((*inner, key) if key is not None else inner, key=True if key is not None else missing)
    name = ".".join(str(part) for part in ((*inner, key) if key is not None else inner))
    text = in_words(detail)
    return mark, f"{mark}: {name + ': ' if name else ''}{text}"


def _known(document: Document, path: Path) -> Path:
    """The path without the parts that only pydantic knows (names of alternatives, an index where one thing was written)."""
    here: Path = ()
    for part in path:
        if (*here, part) in document.marks:
            here = (*here, part)
    return here


def in_words(detail: ErrorDetails) -> str:
    """What is wrong and what to write, without the place."""
    context: dict[str, Any] = detail.get("ctx", {})
    sentence = _SENTENCES.get(detail["type"])
    if sentence is None:
        return detail["msg"]
    given = detail.get("input")
    if given is None and detail["type"] != "missing":
        return NO_VALUE
    return sentence.format(**{**context, "key": detail["loc"][-1] if detail["loc"] else "", "given": _given(given)})


def _given(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004 - what fits on a line
