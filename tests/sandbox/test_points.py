from __future__ import annotations

import pytest

from bridge.sandbox.points import digits_of, email_key, merged_lists, operation_marker

A, B = "c2c-" + "a" * 16, "c2c-" + "b" * 16


def test_a_number_is_its_digits_and_an_address_has_no_case() -> None:
    assert digits_of("+7 (916) 123-45-67") == "79161234567"
    assert digits_of("٣٤ none") == ""
    assert email_key(" Anna@EXAMPLE.com ") == "anna@example.com"


def test_lists_are_merged_as_first_written() -> None:
    assert merged_lists(["+7 916 1"], ["79161", "+7 495"], phones=True) == ["+7 916 1", "+7 495"]
    assert merged_lists(["A@x.y"], ["a@X.y", "b@x.y", "B@x.y"], phones=False) == ["A@x.y", "b@x.y"]


@pytest.mark.parametrize(
    ("text", "fields", "marker"),
    [
        (f"chat\n{A} {B}", (), B),
        (f"chat\n{A} {B}\n \n", (), B),
        (f"<p>chat</p><p>{A} {B}</p>", (), B),
        (f"{A}<br>chat", (), None),
        ("chat", (None, f"x-{A}"), A),
        (f"{B}\nchat", (A,), A),
        ("c2c-ABCDEFGHIJKLMNOP", (), None),
        ("c2c-a1aaaaaaaaaaaaaa", (), None),
        ("", (), None),
    ],
)
def test_the_operations_marker_is_the_last_on_the_last_line(
    text: str, fields: tuple[str | None, ...], marker: str | None
) -> None:
    assert operation_marker(text, *fields) == marker
