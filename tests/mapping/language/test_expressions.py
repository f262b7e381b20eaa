"""Expressions give null where they cannot give anything, say so, and stop nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.scopes import provider_scope
from bridge.mapping.language.syntax import SyntaxProblem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)

#: everything that makes the official library raise on the wrong data, and the rest of the language
SOURCES = [
    "a",
    "a.b.c",
    "a[0].b",
    "a[*].b",
    "a[?b].c",
    "a[].b",
    "a[]",
    "a.*",
    "a[1:]",
    "a[::-1]",
    "@",
    "[0]",
    "{x: a, y: b.c}",
    "[a, b]",
    "a || b",
    "a && b",
    "!a",
    "a == b",
    "a != b",
    "a > b",
    "a <= `1`",
    "a | [0]",
    "sort_by(a, &b)",
    "max_by(a, &b)",
    "map(&b, a)",
    "contains(a, b)",
    "starts_with(a, b)",
    "ends_with(a, b)",
    "length(a)",
    "join(a, b)",
    "reverse(a)",
    "sum(a)",
    "avg(a)",
    "sort(a)",
    "max(a)",
    "min(a)",
    "keys(a)",
    "values(a)",
    "to_number(a)",
    "to_string(a)",
    "type(a)",
    "not_null(a, b)",
    "abs(a)",
    "ceil(a)",
    "floor(a)",
    "merge(a, b)",
    "to_array(a)",
    "min_by(a, &b)",
    "get(a, b)",
    "lookup(a, b, c)",
    "choose(a, b, c)",
    "concat(a, b)",
    "replace(a, b, c)",
    "split(a, b, c)",
    "lines(a)",
    "lower(a)",
    "upper(a)",
    "trim(a)",
    "add(a, b)",
    "entries(a)",
    "from_entries(a)",
    "number_keys(a, b)",
    "parse_json(a)",
    "json(a)",
    "base64(a)",
    "sha256(a)",
    "url_params(a)",
    "digits(a)",
    "e164(a, b)",
    "national(a, b)",
    "last_digits(a, b)",
    "variants(a, b, c)",
    "strip_html(a)",
    "unbbcode(a)",
    "escape(a, b)",
    "first_name(a)",
    "last_name(a)",
    "from_unix(a)",
    "from_unix_ms(a)",
    "from_iso(a, b)",
    "from_text(a, b, c)",
    "iso(a, b)",
    "utc(a, b, c)",
    "unix(a)",
    "unix_ms(a)",
]
COMPILED = [Expression(source) for source in SOURCES]


@given(a=JSON, b=JSON, c=JSON)
def test_nothing_in_an_expression_raises_whatever_the_data(a: Any, b: Any, c: Any) -> None:
    scope = {"a": a, "b": b, "c": c}
    for expression in COMPILED:
        expression(scope, Findings())
        expression(provider_scope(scope))


@given(data=JSON)
def test_a_whole_answer_can_be_anything(data: Any) -> None:
    for source in ("a", "a.b", "[0].a", "@", "length(@)"):
        Expression(source)(data)


def test_what_is_missing_is_null_without_a_finding() -> None:
    findings = Findings()
    for source in (
        "a.b.c",
        "contains(page.url, 'x')",
        "length(m)",
        "join(', ', m)",
        "sort_by(m, &at)",
        "lower(a) == 'x'",
        "m[?a]",
    ):
        assert not Expression(source)({"a": "text"} if source == "a.b.c" else {}, findings)
    assert findings == []


def test_a_value_of_the_wrong_kind_is_null_and_a_finding_once() -> None:
    findings = Findings()
    expression = Expression("lower(a) || 'else'")
    assert [expression({"a": ["x"]}, findings) for _ in range(3)] == ["else"] * 3
    assert findings == ["`lower(a) || 'else'`: lower(): it wants text, not a list"]


def test_a_finding_does_not_show_the_data() -> None:
    findings = Findings()
    Expression("parse_json(a)")({"a": "+79161234567 {"}, findings)
    Expression("from_iso(a)")({"a": "+79161234567"}, findings)
    Expression("sum(a)")({"a": ["+79161234567"]}, findings)
    assert len(findings) == 3
    assert "916" not in "".join(findings)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("a == b", False),
        ("a == c", False),
        ("a == `1`", True),
        ("t == `true`", True),
        ("t == `1`", False),
        ("a > s", False),
        ("s > a", False),
        ("a < `2`", True),
        ("s < 'b'", True),
        ("n == `null`", True),
        ("n < `1`", False),
        ("a != s", True),
    ],
)
def test_comparing_different_kinds_is_false(source: str, value: bool) -> None:
    assert Expression(source)({"a": 1, "b": "1", "c": True, "t": True, "s": "a", "n": None}) is value


def test_zero_is_true_and_not_zero_is_false() -> None:
    assert Expression("a || b")({"a": 0, "b": 1}) == 0
    assert Expression("!a")({"a": 0}) is False
    assert Expression("!a")({"a": []}) is True


def test_nan_and_infinity_never_come_out() -> None:
    for scope in ({"a": "nan"}, {"a": "Infinity"}, {"a": "1e999"}):
        assert Expression("to_number(a)")(scope) is None
    assert Expression("a")({"a": 1.5}) == 1.5
    assert Expression("sum(a)")({"a": [1e308, 1e308]}) is None
    assert Expression("parse_json(a).b")({"a": '{"b": NaN}'}) is None


def test_what_fails_inside_is_a_finding_and_null() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    findings = Findings()
    assert Expression("json(a)")({"a": deep}, findings) is None
    assert findings == ["`json(a)`: it failed (RecursionError)"]


def test_a_date_in_the_scope_is_as_good_as_its_text() -> None:
    assert Expression("unix(at)")({"at": datetime(2026, 11, 21, 19, 26, 14, tzinfo=UTC)}) == 1795289174


def test_expressions_are_equal_and_hashable_by_their_text() -> None:
    assert Expression(" a.b ") == Expression("a.b")
    assert len({Expression("a.b"), Expression("a.b"), Expression("a")}) == 2
    assert repr(Expression("a.b")) == "Expression('a.b')"


class Model(BaseModel):
    value: Expression


def test_pydantic_reads_and_writes_them_as_text() -> None:
    model = Model.model_validate({"value": "a || b"})
    assert model.value({"b": 1}) == 1
    assert model.model_dump() == {"value": "a || b"}
    assert Model(value=model.value) == model


@pytest.mark.parametrize("value", [{"client.name": None}, ["phoneNumber"], 5])
def test_what_is_no_text_is_told_to_be_quoted(value: Any) -> None:
    with pytest.raises(ValidationError, match="must be quoted"):
        Model.model_validate({"value": value})


def test_an_expression_that_cannot_be_read_says_where_and_what() -> None:
    with pytest.raises(SyntaxProblem, match="cannot be read") as caught:
        Expression("a.b..c")
    assert caught.value.at == 4
