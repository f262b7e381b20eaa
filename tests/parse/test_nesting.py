"""Form names with brackets → a tree."""

from typing import Any

import pytest

from bridge.errors import NotUnderstood
from bridge.parse.nesting import nested


@pytest.mark.parametrize(("pairs", "tree"), [
    ([("a", "1")], {"a": "1"}),
    ([("a[b]", "1"), ("a[c]", "2")], {"a": {"b": "1", "c": "2"}}),
    ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
    ([("a[0][x]", "1"), ("a[0][y]", "2"), ("a[1][x]", "3")], {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
    ([("a[][x]", "1"), ("a[][x]", "2")], {"a": [{"x": "1"}, {"x": "2"}]}),
    ([("a[1]", "1"), ("a[5]", "2")], {"a": {"1": "1", "5": "2"}}),
    ([("a[1]", "x"), ("a[]", "y")], {"a": {"1": "x", "2": "y"}}),
    ([("data[DIALOG][0][chat_id]", "5")], {"data": {"DIALOG": [{"chat_id": "5"}]}}),
    ([("a", "1"), ("a[b]", "2")], {"a": {"b": "2"}}),
    ([("a[b]c", "1"), ("d[e[f]]", "2"), ("g[h]][i]", "3")], {"a": {"b": "1"}, "d": {"e[f": "2"}, "g": {"h": {"i": "3"}}}),
    ([("[b]", "1"), ("a[", "2"), ("a]b", "3")], {"[b]": "1", "a[": "2", "a]b": "3"}),
    ([], {}),
])
def test_names_with_brackets_become_the_tree_they_stand_for(pairs: list[tuple[str, str]], tree: dict[str, Any]) -> None:
    assert nested(pairs, deepest=10) == tree


def test_a_name_deeper_than_the_limit_is_refused() -> None:
    assert nested([("a[b][c]", "1")], deepest=3)
    with pytest.raises(NotUnderstood, match="more than 3 levels"):
        nested([("a[b][c][d]", "1")], deepest=3)


def test_ten_thousand_elements_are_taken_in_one_go() -> None:
    assert len(nested([("a[]", str(n)) for n in range(10_000)], deepest=5)["a"]) == 10_000
