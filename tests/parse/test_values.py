"""One and the same field as text, number, null or missing: what becomes of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.language.expressions import Findings
from bridge.mapping.language.truth import is_true
from bridge.parse.values import (
    as_country,
    as_flag,
    as_language,
    as_list,
    as_text,
    as_texts,
    as_time,
    as_url,
    as_utm,
    utm_of,
)


@pytest.mark.parametrize(("value", "text"), [
    (" a ", "a"), ("", None), ("  ", None), (None, None), (5, "5"), (0, "0"), (7.0, "7"), (1.5, "1.5"), (True, "true"),
    (False, "false"), (12345678901234567890, "12345678901234567890"), ([], None), ({}, None), (float("nan"), None),
])
def test_ids_and_words_are_always_text(value: Any, text: str | None) -> None:
    assert as_text(value) == text


def test_lists_are_flattened_once_and_nothing_stands_in_them_twice() -> None:
    assert as_texts("a", ["b", None, "", "a", 5], None, {"x": 1}) == ("a", "b", "5")


@pytest.mark.parametrize(("value", "expected"), [
    ([1, 2], [1, 2]), (None, []), ({"a": 1}, [{"a": 1}]), ({"1": "b", "0": "a", "10": "c"}, ["a", "b", "c"]), ("x", ["x"]),
    ({}, [{}]),
])
def test_a_list_is_a_list_even_where_it_was_printed_as_an_object(value: Any, expected: list[Any]) -> None:
    assert as_list(value) == expected


@pytest.mark.parametrize(("value", "flag"), [(True, True), (1, True), ("true", True), ("1", True), ("Yes", True),
                                             (False, False), (0, False), ("0", False), (None, False), ("", False), ([], False)])
def test_a_flag_is_set_by_the_words_for_it_only(value: Any, flag: bool) -> None:
    assert as_flag(value) is flag


MOMENT = datetime(2026, 3, 2, 10, 15, 53, tzinfo=UTC)


@pytest.mark.parametrize("value", [
    "2026-03-02T10:15:53Z", "2026-03-02T13:15:53+03:00", "2026-03-02 10:15:53+00:00", 1772446553, "1772446553",
    1772446553.0, 1772446553000, "1772446553000", MOMENT,
])
def test_a_moment_is_the_same_however_it_is_written(value: Any) -> None:
    findings = Findings()
    assert as_time(value, findings, "at") == MOMENT
    assert findings == []


@pytest.mark.parametrize("value", [None, "", 0, "0"])
def test_not_yet_is_no_time_and_no_finding(value: Any) -> None:
    findings = Findings()
    assert as_time(value, findings, "at") is None
    assert findings == []


@pytest.mark.parametrize("value", ["yesterday", 5, -1, 1e30, "9" * 400, True, {"a": 1}, "1900-01-01T00:00:00Z", "nan"])
def test_what_is_no_time_is_left_out_with_a_finding(value: Any) -> None:
    findings = Findings()
    assert as_time(value, findings, "started_at") is None
    assert [finding.startswith("started_at: this is no time") for finding in findings] == [True]


def test_a_time_without_a_zone_is_taken_for_utc_and_said_to_be() -> None:
    findings = Findings()
    assert as_time("2026-03-02T10:15:53", findings, "at") == MOMENT
    assert "no time zone" in findings[0]


@pytest.mark.parametrize(("value", "code"), [("pl", "PL"), ("RU", "RU"), ("Russia", None), ("", None), (7, None)])
def test_a_country_is_two_letters_or_not_known(value: Any, code: str | None) -> None:
    assert as_country(value) == code


@pytest.mark.parametrize(("value", "code"), [("ru-RU", "ru"), ("pt_BR", "pt"), ("EN", "en"), ("Russian", None), (None, None)])
def test_a_language_is_its_code_or_not_known(value: Any, code: str | None) -> None:
    assert as_language(value) == code


@pytest.mark.parametrize(("value", "url"), [
    ("//shop.example/item?utm_source=x", "https://shop.example/item?utm_source=x"), ("http://a.example", "http://a.example"),
    ("javascript:alert(1)", None), ("about:blank", None), ("/item/42", None), ("", None), ("http://[", None), ("https://", None),
    (5, None),
])
def test_an_address_is_one_that_people_can_open(value: Any, url: str | None) -> None:
    assert as_url(value) == url


@pytest.mark.parametrize(("value", "marks"), [
    ({"source": "yandex", "medium": None, "gclid": "1"}, {"source": "yandex"}),
    ({"utm_Source": "ya", "UTM_TERM": 5}, {"source": "ya", "term": "5"}),
    ("source=yandex|medium=cpc|campaign=осень", {"source": "yandex", "medium": "cpc", "campaign": "осень"}),
    ("?utm_source=a&utm_medium=b", {"source": "a", "medium": "b"}), ("nothing", {}), (None, {}), ([1], {}),
])
def test_campaign_marks_are_read_in_each_of_their_spellings(value: Any, marks: dict[str, str]) -> None:
    assert as_utm(value) == marks


@pytest.mark.parametrize(("url", "marks"), [
    ("https://a.example/?utm_source=%D1%8F&UTM_medium=cpc&x=1#utm_term=no", {"source": "я", "medium": "cpc"}),
    ("https://a.example/?utm_source=first&utm_source=second", {"source": "first"}),
    ("https://a.example/?source=x", {}), ("https://[/?utm_source=1", {}), (None, {}),
    ("https://a.example/?utm_source=a" + "&b=1" * 1001, {}),
])
def test_campaign_marks_are_read_off_the_page_s_address(url: str | None, marks: dict[str, str]) -> None:
    assert utm_of(url) == marks


@pytest.mark.parametrize(("value", "expected"), [(None, False), (False, False), ("", False), ([], False), ({}, False),
                                                 (0, True), ("0", True), (True, True), ([0], True)])
def test_a_condition_holds_as_the_expression_language_has_it(value: Any, expected: bool) -> None:
    assert is_true(value) is expected


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8))
def test_no_value_whatever_makes_a_field_raise(value: Any) -> None:
    findings = Findings()
    for read in (as_text, as_texts, as_list, as_flag, as_country, as_language, as_url, as_utm, is_true):
        read(value)
    as_time(value, findings, "at")
