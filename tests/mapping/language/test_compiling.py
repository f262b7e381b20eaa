"""Our evaluation beside the official one: the same answer wherever that one gives an answer."""

from __future__ import annotations

import warnings
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.syntax import SyntaxProblem

NAMES = st.sampled_from(["a", "b", "c"])
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
EXPRESSIONS = st.recursive(
    NAMES | st.sampled_from(["@", "'x'", "`1`", "`true`", "`null`"]),
    lambda inner: st.one_of(
        st.builds("({}).{}".format, inner, NAMES),
        st.builds("({})[{}]".format, inner, st.integers(-2, 2)),
        st.builds("({})[*].{}".format, inner, NAMES),
        st.builds("({})[]".format, inner),
        st.builds("({})[?{}]".format, inner, inner),
        st.builds("({})[::2]".format, inner),
        st.builds("({}).*".format, inner),
        st.builds("({}) || ({})".format, inner, inner),
        st.builds("({}) && ({})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({}) == ({})".format, inner, inner),
        st.builds("({}) != ({})".format, inner, inner),
        st.builds("({}) | ({})".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{x: {}, y: {}}}".format, inner, inner),
        st.builds("type({})".format, inner),
        st.builds("not_null({}, {})".format, inner, inner),
    ),
    max_leaves=6,
)


@given(source=EXPRESSIONS, data=DATA)
def test_the_official_library_gives_the_same(source: str, data: Any) -> None:
    official = jmespath.compile(source).search(data)
    assert _typed(Expression(source)(data)) == _typed(official)


def _typed(value: Any) -> str:
    return repr(value)


@pytest.mark.parametrize(
    "source",
    [
        "abs(n)",
        "avg(ns)",
        "ceil(f)",
        "contains(s, 'e')",
        "contains(ns, `2`)",
        "ends_with(s, 't')",
        "floor(f)",
        "join('-', ss)",
        "keys(o)",
        "length(ns)",
        "map(&a, os)",
        "max(ns)",
        "max(ss)",
        "max_by(os, &a)",
        "merge(o, {z: n})",
        "min(ns)",
        "min_by(os, &a)",
        "reverse(ns)",
        "reverse(s)",
        "sort(ns)",
        "sort(ss)",
        "sort_by(os, &a)",
        "starts_with(s, 't')",
        "sum(ns)",
        "to_array(s)",
        "to_number('12')",
        "to_number('1.5')",
        "to_string(o)",
        "type(f)",
        "values(o)",
        "os[?a > `1`].a | [0]",
        "os[*].[a, b]",
        "sort_by(os, &a)[*].{x: a}",
        "ns[-1]",
        "ns[5]",
        "os[].a",
        "o.* | [0]",
        '"s"',
        "@.n",
    ],
)
def test_each_function_of_the_language_gives_what_the_official_one_does(source: str) -> None:
    data = {"n": -2, "f": 1.5, "ns": [3, 1, 2], "s": "text", "ss": ["b", "a"], "o": {"x": 1}, "os": [{"a": 2, "b": 1}, {"a": 1}]}
    assert _typed(Expression(source)(data)) == _typed(jmespath.search(source, data))


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("contains(a, 'x')", {}),
        ("length(a)", {"a": 1}),
        ("sort_by(a, &b)", {"a": [{"b": 1}, {"b": None}]}),
        ("a > `1`", {"a": "2"}),
        ("join('', a)", {"a": [1]}),
        ("max_by(a, &b)", {"a": [{"b": 1}, {"b": "x"}]}),
    ],
)
def test_where_the_official_library_raises_ours_gives_null_or_false(source: str, data: Any) -> None:
    with pytest.raises((JMESPathError, TypeError)):
        jmespath.search(source, data)
    assert not Expression(source)(data) or source.startswith("sort_by")


def test_nulls_are_sorted_last() -> None:
    data = {"m": [{"t": None, "n": 1}, {"t": 2, "n": 2}, {"n": 3}, {"t": 1, "n": 4}]}
    assert Expression("sort_by(m, &t)[].n")(data) == [4, 2, 1, 3]


def test_numbers_written_as_text_are_sorted_as_numbers() -> None:
    assert Expression("sort_by(m, &t)[].t")({"m": [{"t": "10"}, {"t": "9"}]}) == ["9", "10"]
    assert Expression("max_by(m, &t).t")({"m": [{"t": "10"}, {"t": "9"}]}) == "10"
    assert Expression("sort(@)")(["b10", "b9"]) == ["b10", "b9"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("lowr(a)", r"no function lowr\(\) \(did you mean lower\?\)"),
        ("lower()", r"lower\(\) takes 1 arguments, not 0"),
        ("lower(a, b)", r"lower\(\) takes 1 arguments, not 2"),
        ("split(a)", r"split\(\) takes 2 to 3 arguments, not 1"),
        ("concat()", r"concat\(\) takes at least 1"),
        ("sort_by(a, b)", r"argument 2 of sort_by\(\) must be written with &"),
        ("lower(&a)", r"argument 1 of lower\(\) must be a value"),
        ("a[::0]", "a slice cannot have the step 0"),
    ],
)
def test_a_call_that_cannot_work_is_refused_when_it_is_read(source: str, message: str) -> None:
    with pytest.raises(SyntaxProblem, match=message):
        Expression(source)


def test_the_library_s_warning_about_text_in_backticks_cannot_come_up() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SyntaxProblem, match="text is 'resolved'"):
            Expression("status == `resolved`")


def test_a_problem_of_one_call_leaves_the_rest_of_the_expression() -> None:
    findings = Findings()
    assert Expression("{a: lower(x), b: y}")({"x": {}, "y": 1}, findings) == {"a": None, "b": 1}
    assert len(findings) == 1


@pytest.mark.parametrize("source", ["!" * 1900 + "a", "a" + ".b[*].c" * 250])
def test_what_is_nested_too_deeply_to_be_read_is_refused_in_a_sentence(source: str) -> None:
    with pytest.raises(SyntaxProblem, match="nested too deeply"):
        Expression(source)


@pytest.mark.parametrize("source", ["'x'[*]", "`1`.a", "`null`.b", "'a' == 'b'", "[?'x']", "`1`[0]", "`[]`[*]", "!`0`", "`-1`.*"])
def test_constants_stand_where_names_do(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _typed(Expression(source)([1, None])) == _typed(jmespath.search(source, [1, None]))
