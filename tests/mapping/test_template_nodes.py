from __future__ import annotations

from typing import Any

import pytest

from bridge.mapping.scopes import item_scope
from bridge.mapping.template_nodes import GONE, Filling, compile_node
from bridge.mapping.template_text import BRACES, TemplateProblem


def filled(raw: Any, **scope: Any) -> tuple[Any, bool]:
    return compile_node(raw, BRACES).fill(Filling(scope, None, strict=False))


def test_a_node_says_whether_anything_in_it_was_filled() -> None:
    assert filled("{a}", a=1) == (1, True)
    assert filled("{a}") == (None, False)
    assert filled({"x": [{"y": "{a}"}]}, a=1) == ({"x": [{"y": 1}]}, True)
    assert filled("constant") == ("constant", False)


def test_a_list_loses_its_empty_objects_only() -> None:
    assert filled([{"a": "{x}"}, "b", {"c": "d"}]) == (["b", {"c": "d"}], False)
    assert repr(GONE) == "GONE"


def test_a_scope_within_a_value_is_written_as_what_it_stands_for() -> None:
    node = compile_node("{@}", BRACES)
    assert node.fill(Filling(item_scope({"a": 1}, {}), None, strict=False))[0] == {"a": 1}


def test_a_template_that_is_nested_without_end_is_refused() -> None:
    raw: Any = "x"
    for _ in range(70):
        raw = [raw]
    with pytest.raises(TemplateProblem, match="too deeply"):
        compile_node(raw, BRACES)
