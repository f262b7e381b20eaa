from __future__ import annotations

import pytest

from bridge.mapping.language.syntax import SyntaxProblem, field_names, parse, tokens


@pytest.mark.parametrize(
    ("source", "at", "message"),
    [
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ("a ==", 4, "ends too soon"),
        ("(a", 2, "ends too soon"),
        ("x == 5", 5, "backticks: `5`"),
        ("a b", 2, "cannot be read from 'b'"),
        ("a = b", 2, "cannot be read"),
        ("a.'b'", 2, "cannot be read"),
        ("x || `0123`", 5, "backticks"),
        ("x || `resolved`", 5, "text is 'resolved'"),
        ("a" * 2001, 0, "longer than 2000"),
        ("[" * 1999, 0, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_write(source: str, at: int, message: str) -> None:
    with pytest.raises(SyntaxProblem, match=message) as caught:
        parse(source)
    assert caught.value.at == at


@pytest.mark.parametrize("source", ["`true`", "`null`", "`-1.5e3`", "`[]`", "`{}`", "a == '`resolved`'", '"`x`"', "'it\\'s `x`'"])
def test_what_may_stand_in_backticks_and_backticks_in_quotes(source: str) -> None:
    parse(source)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ('a."x-y"', ("a", "x-y")),
        ("a[0]", None),
        ("a || b", None),
        ("@", None),
    ],
)
def test_a_plain_path_is_told_from_anything_else(source: str, names: tuple[str, ...] | None) -> None:
    assert field_names(parse(source)) == names


def test_tokens_know_their_kind() -> None:
    assert [token["type"] for token in tokens("a == 'b'")] == ["unquoted_identifier", "eq", "literal", "eof"]
