from __future__ import annotations

from typing import Any

import pytest

from bridge.mapping.functions import FUNCTIONS
from bridge.mapping.functions.table import function
from bridge.mapping.language.expressions import Expression, Findings

#: functions whose sense it is to take nulls
TAKES_NULL = {"not_null", "type", "choose", "concat", "merge"}


def test_null_in_gives_null_out_for_every_argument_of_every_function() -> None:
    for name, known in FUNCTIONS.items():
        if name in TAKES_NULL:
            continue
        for missing in range(len(known.kinds)):
            arguments = ["&a" if kind == "expression" else "filled" for kind in known.kinds]
            if known.kinds[missing] == "expression":
                continue
            arguments[missing] = "nothing"
            scope = {"filled": _any(known.kinds)}
            assert Expression(f"{name}({', '.join(arguments)})")(scope) is None, name


def _any(kinds: tuple[str, ...]) -> Any:
    return [] if "list" in kinds else {} if "object" in kinds else 1


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("lower(o)", "it wants text, not an object"),
        ("lower(t)", "it wants text, not true or false"),
        ("starts_with(n, s)", "it wants text, not a number"),
        ("add(s)", "it wants a number, not text"),
        ("keys(l)", "it wants an object, not a list"),
        ("sum(s)", "it wants a list, not text"),
        ("unix(t)", "it wants a time, not true or false"),
    ],
)
def test_a_wrong_kind_is_named_without_its_value(source: str, finding: str) -> None:
    findings = Findings()
    scope = {"o": {"secret": 1}, "t": True, "n": 5, "s": "text", "l": [1]}
    assert Expression(source)(scope, findings) is None
    assert findings == [f"`{source}`: {source.partition('(')[0]}(): {finding}"]


def test_a_number_is_as_good_as_its_digits_where_our_functions_want_text() -> None:
    assert Expression("lookup(a, 'id', id).n")({"a": [{"id": "5", "n": 1}], "id": 5}) == 1
    assert Expression("digits(n)")({"n": 79161234567}) == "79161234567"
    assert Expression("lower(n)")({"n": 5.0}) == "5"


def test_a_function_of_an_unknown_kind_cannot_be_entered() -> None:
    with pytest.raises(AssertionError, match="no such kind"):
        function("colour")(len)
