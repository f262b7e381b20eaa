"""JMESPath's own functions are held to the official ones in test_compiling; here is what differs on purpose."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.scopes import item_scope


def run(source: str, **scope: Any) -> Any:
    return Expression(source)(scope)


def test_contains_tells_true_from_one() -> None:
    assert run("contains(a, `1`)", a=[True]) is False
    assert run("contains(a, `true`)", a=[True]) is True
    assert run("contains(a, b)", a="text", b=5) is False


def test_join_passes_over_nulls() -> None:
    assert run("join(', ', [a, b, c])", a="x", c="z") == "x, z"


def test_the_best_of_nothing_is_null() -> None:
    assert [run(source, a=[]) for source in ("max(a)", "min(a)", "avg(a)", "max_by(a, &b)")] == [None] * 4
    assert run("sum(a)", a=[]) == 0
    assert run("max_by(a, &b)", a=[{"c": 1}]) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("1.50", 1.5),
        ("-3", -3),
        ("nan", None),
        ("inf", None),
        ("1_000", None),
        ("", None),
        ("12 шт", None),
        (True, None),
        ([], None),
        (7, 7),
        ("٣", 3),
    ],
)
def test_to_number_gives_null_for_what_is_none(text: Any, number: Any) -> None:
    assert run("to_number(a)", a=text) == number


def test_to_string_leaves_letters_as_they_are() -> None:
    assert run("to_string(a)", a={"имя": ["Ёж", None, True]}) == '{"имя":["Ёж",null,true]}'


def test_things_of_different_kinds_cannot_be_put_in_order() -> None:
    findings = Findings()
    assert Expression("sort_by(a, &b)")({"a": [{"b": 1}, {"b": "x"}]}, findings) is None
    assert "different kinds" in findings[0]


def test_equal_keys_keep_their_order() -> None:
    assert run("sort_by(a, &b)[].c", a=[{"b": "1", "c": 1}, {"b": "01", "c": 2}, {"b": "1", "c": 3}]) == [1, 2, 3]


def test_what_json_cannot_write_is_written_all_the_same() -> None:
    scope = item_scope({"a": 1}, {})
    assert run("to_string(a)", a={"at": datetime(2026, 11, 21, tzinfo=UTC), "scope": scope, "path": Path("x")}) == (
        '{"at":"2026-11-21T00:00:00+00:00","scope":{"item":{"a":1},"parent":{},"root":null,"a":1},"path":"x"}'
    )
