"""From the text of an expression to its syntax tree, or to a sentence that says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.lexer import Lexer
from jmespath.parser import Parser

Tree = Mapping[str, Any]
LONGEST_EXPRESSION = 2000
#: what may stand in backticks
_LITERAL = re.compile(r"`\s*(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|\[\s*\]|\{\s*\})\s*`")


class SyntaxProblem(ValueError):
    """An expression cannot be read; `at` is the position in it."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


def parse(source: str) -> Tree:
    """The syntax tree. Raises SyntaxProblem, which says what to write instead."""
    if not source.strip():
        raise SyntaxProblem("the expression is empty")
    if len(source) > LONGEST_EXPRESSION:
        raise SyntaxProblem(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    _refuse_text_in_backticks(source)
    try:
        tree: Tree = Parser().parse(source).parsed
    except JMESPathError as error:
        at = getattr(error, "lex_position", 0)
        at = at if isinstance(at, int) and at >= 0 else len(source)
        raise SyntaxProblem(_explained(source, at), at) from error
    except RecursionError:
        raise SyntaxProblem("the expression is nested too deeply") from None
    return tree


def _explained(source: str, at: int) -> str:
    if at >= len(source):
        return "the expression ends too soon; is a bracket or a quote left open?"
    word = next(iter(source[at:].split(maxsplit=1)), "")
    hint = "; a number to compare with stands in backticks: `5`" if word[:1].isdigit() else ""
    return f"the expression cannot be read from {word!r} on{hint}"


def tokens(source: str) -> list[Mapping[str, Any]]:
    return list(Lexer().tokenize(source))


def _refuse_text_in_backticks(source: str) -> None:
    # The library takes `resolved` for text, with a warning nobody sees; and `0123` as well.
    quoted = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`")
    for found in quoted.finditer(source):
        if found[0][0] == "`" and not _LITERAL.fullmatch(found[0]):
            raise SyntaxProblem(
                f"in backticks stand only true, false, null, numbers, [] and {{}}; text is '{found[0].strip('`')}'",
                found.start(),
            )


def field_names(tree: Tree) -> tuple[str, ...] | None:
    """The names of a plain dotted path, or None if the expression is anything else."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "subexpression" and all(child["type"] == "field" for child in tree["children"]):
        return tuple(child["value"] for child in tree["children"])
    return None
