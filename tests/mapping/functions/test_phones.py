from __future__ import annotations

import sys
from typing import Any

import pytest

from bridge.mapping.functions.phones import FORMS
from bridge.mapping.language.expressions import Expression, Findings


def run(source: str, **scope: Any) -> Any:
    return Expression(source)(scope)


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("8 (916) 123-45-67", "ru", "+79161234567"),
        ("+7 916 123 45 67", "RU", "+79161234567"),
        (79161234567, "RU", "+79161234567"),
        ("+49 30 123456", "RU", "+4930123456"),
        ("12", "RU", None),
        ("", "RU", None),
        ("call me", "RU", None),
        ("+7" * 50, "RU", None),
        ("8 916 123-45-67", "XX", None),
    ],
)
def test_numbers_in_international_form(text: Any, region: str, number: str | None) -> None:
    assert run("e164(a, r)", a=text, r=region) == number


@pytest.mark.parametrize("source", ["e164(a, 'RU')", "national(a, 'RU')", "variants(a, ['e164'], 'RU')"])
def test_what_is_too_long_for_a_number_is_not_kept_in_memory(source: str) -> None:
    text = "+7 916 123-45-67" + " " * 100_000
    held_by = sys.getrefcount(text)

    assert not run(source, a=text)

    assert sys.getrefcount(text) == held_by


def test_without_a_region_only_a_plus_tells_the_country() -> None:
    assert run("e164(a)", a="+79161234567") == "+79161234567"
    assert run("e164(a)", a="89161234567") is None


def test_a_number_in_every_form_there_is() -> None:
    forms = {form: run("variants(a, f)", a="+79161234567", f=[form]) for form in FORMS}
    assert forms == {
        "e164": ["+79161234567"],
        "digits": ["79161234567"],
        "national": ["9161234567"],
        "trunk": ["89161234567"],
        "double_zero": ["0079161234567"],
        "international": ["+7 916 123-45-67"],
        "local": ["8 (916) 123-45-67"],
        "last10": ["9161234567"],
        "last9": ["161234567"],
        "last7": ["1234567"],
    }


def test_spellings_come_once_and_in_order() -> None:
    assert run("variants(a, ['last10', 'national', 'e164'])", a="+79161234567") == ["9161234567", "+79161234567"]
    assert run("variants(a, ['e164', 'trunk'])", a="+390612345678") == ["+390612345678"]
    assert run("variants(a, ['e164'])", a="nothing") == []


def test_an_unknown_form_lists_the_known_ones() -> None:
    findings = Findings()
    assert Expression("variants(a, ['e165'])")({"a": "+79161234567"}, findings) is None
    assert "'e165'" in findings[0]
    assert "trunk" in findings[0]


def test_too_few_digits_are_not_searched_for() -> None:
    assert run("last_digits(a, `10`)", a="8 (916) 123-45-67") == "9161234567"
    assert run("last_digits(a, `10`)", a="12-34") is None
    assert run("last_digits(a, `0`)", a="12-34") is None


def test_digits_of_any_script() -> None:
    assert run("digits(a)", a="٣-5") == "35"
    assert run("digits(a)", a="none") is None
    assert run("national(a)", a="+79161234567") == "9161234567"
