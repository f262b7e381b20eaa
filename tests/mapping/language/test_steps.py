"""Expressions written out as Python: within Python's own limits, and with no word of a mapping in them."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest

from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.python_code import Code
from bridge.mapping.language.steps import MOST_BLOCKS, Steps
from bridge.mapping.language.syntax import parse


@pytest.mark.parametrize(
    ("source", "data", "given"),
    [
        ("||".join(["b"] * 300) + "||a", {"a": 1}, 1),
        ("choose(b, 'x', " * 90 + "'y'" + ")" * 90, {}, "y"),
        ("a" + "[*]" * 30, {"a": [[[]]]}, [[[]]]),
        ("merge(" * 100 + "@" + ")" * 100, {"a": 1}, {"a": 1}),
        ("[" * 40 + "a" + "]" * 40 + "[]" * 39, {"a": 1}, [1]),
        ("{x: " * 40 + "a" + "}" * 40 + ".x" * 40, {"a": 1}, 1),
        ("add(" + ", ".join(["a"] * 150) + ")", {"a": 2}, 300),
    ],
)  # fmt: skip
def test_what_is_nested_more_deeply_than_python_lets_blocks_be_works_all_the_same(source: str, data: Any, given: Any) -> None:
    assert Expression(source)(data) == given


def test_what_stands_too_deep_becomes_a_function_of_its_own() -> None:
    nodes = {"field": lambda steps, tree, value: steps.variable(f"{value}[{tree['value']!r}]")}
    steps = Steps(Code({}), nodes, "", depth=MOST_BLOCKS + 1)
    found = steps.write(parse("a"), "value")
    assert steps.lines == [f"{' ' * (MOST_BLOCKS + 1)}{found} = part0(value, findings, memo)"]


def test_no_word_of_a_mapping_becomes_code() -> None:
    hostile = "'); raise SystemExit #\\n\\'{x}\"\"\""
    quoted = hostile.replace("\\", "\\\\").replace("'", "\\'")
    assert Expression(f"a || '{quoted}'")({}) == jmespath.search(f"a || '{quoted}'", {})
    assert Expression('"a\'); raise SystemExit #"')({"a'); raise SystemExit #": 1}) == 1
    findings = Findings()
    assert Expression(f"lower(a) || '{quoted}'")({"a": []}, findings) is not None
    assert quoted in findings[0]
