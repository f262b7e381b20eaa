from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.mapping.language.python_code import Body, Code
from bridge.mapping.language.scopes import item_scope
from bridge.mapping.language.template_nodes import KNOWN, compile_node
from bridge.mapping.language.template_text import BRACES, TemplateProblem
from bridge.mapping.language.templates import Template


def filled(raw: Any, **scope: Any) -> tuple[Any, bool]:
    """The value, and whether an expression in it was not empty."""
    body = Body(Code(KNOWN))
    value = compile_node(raw, BRACES).write(body)
    body.line(f"return {value.value}, bool({value.full or False})")
    found: tuple[Any, bool] = body.code.made("fill", "scope, findings, strict", body)(scope, None, False)
    return found


def test_a_node_says_whether_anything_in_it_was_filled() -> None:
    assert filled("{a}", a=1) == (1, True)
    assert filled("{a}") == (None, False)
    assert filled({"x": [{"y": "{a}"}]}, a=1) == ({"x": [{"y": 1}]}, True)
    assert filled("constant") == ("constant", False)


def test_a_list_loses_its_empty_objects_only() -> None:
    assert filled([{"a": "{x}"}, "b", {"c": "d"}]) == (["b", {"c": "d"}], False)


def test_a_scope_within_a_value_is_written_as_what_it_stands_for() -> None:
    scope = item_scope("x", item_scope({"a": 1}, {}))
    assert Template("{parent}").fill(scope) == {"a": 1}
    assert Template("{@}").fill(scope) == "x"


def test_a_date_within_a_text_is_written_as_iso() -> None:
    assert filled("at {a}", a=datetime(2026, 11, 21, tzinfo=UTC)) == ("at 2026-11-21T00:00:00+00:00", True)


def test_a_template_that_is_nested_without_end_is_refused() -> None:
    raw: Any = "x"
    for _ in range(70):
        raw = [raw]
    with pytest.raises(TemplateProblem, match="too deeply"):
        compile_node(raw, BRACES)
