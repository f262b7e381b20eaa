from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bridge.config.hours import Hours

WORK = (time(9), time(18))


def test_days_and_spans_are_read_and_the_rest_is_closed() -> None:
    hours = Hours("Mo-Fr 09:00-18:00, Sa 10:00-14:00")
    assert [hours.on(day) for day in range(7)] == [(WORK,)] * 5 + [((time(10), time(14)),), ()]


def test_a_span_without_days_belongs_to_the_days_before_it() -> None:
    assert Hours("Mo 9:00-13:00, 14:00-18:00").on(0) == ((time(9), time(13)), (time(14), time(18)))


def test_a_span_past_midnight_ends_on_the_next_day_also_from_sunday_to_monday() -> None:
    hours = Hours("Fr 22:00-06:00, Su 22:00-06:00")
    assert hours.on(4) == ((time(22), time.max),)
    assert hours.on(5) == ((time(0), time(6)),)
    assert hours.on(0) == ((time(0), time(6)),)


def test_days_may_go_round_the_week_and_may_be_russian() -> None:
    assert Hours("Sa-Mo 09:00-18:00") == Hours("сб-пн 09:00–18:00")
    assert [bool(Hours("Sa-Mo 09:00-18:00").on(day)) for day in range(7)] == [True, False, False, False, False, True, True]


def test_round_the_clock_is_round_the_clock() -> None:
    assert Hours("24/7") == Hours("Mo-Su 00:00-24:00") == Hours("Mo-Su 00:00-00:00")
    assert Hours("24/7").on(3) == ((time(0), time.max),)


def test_overlapping_spans_are_one_so_that_no_minute_counts_twice() -> None:
    assert Hours("Mo 09:00-12:00, 11:00-15:00, 15:00-18:00").on(0) == (WORK,)


@pytest.mark.parametrize(("written", "remedy"), [
    ("", "write them like"), ("always", "write them like"), ("Mo-Fr 9-18", "write them like"),
    ("Mo-Fr 09:00-18:00;Sa 10:00-14:00", "write them like"), ("Mo-Fri 09:00-18:00", "the days are"),
    ("09:00-18:00", "names no day; write it like Mo-Fr"), ("Mo 09:60-18:00", "no time of day"),
    ("Mo 09:00-24:01", "no time of day"),
])  # fmt: skip
def test_what_are_no_hours_is_refused_with_the_way_to_write_them(written: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        Hours(written)


def test_settings_hold_them_and_give_them_back_as_written() -> None:
    kind = TypeAdapter(Hours)
    hours = kind.validate_python("Mo 09:00-10:00")
    assert kind.dump_python(hours) == "Mo 09:00-10:00"
    assert kind.validate_python(hours) is hours
    assert hash(hours) == hash(Hours("Mo 9:00-10:00"))
    assert kind.json_schema()["type"] == "string"
    assert "Mo 09:00-10:00" in repr(hours)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(0, 1440)), min_size=1, max_size=6))
def test_a_minute_is_open_exactly_if_a_span_covers_it(spans: list[tuple[int, int, int]]) -> None:
    names = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    written = ", ".join(f"{names[day]} {a // 60}:{a % 60:02}-{b // 60}:{b % 60:02}" for day, a, b in spans)
    covered = {(day * 1440 + minute) % 10080 for day, a, b in spans for minute in range(a, b if b > a else b + 1440)}
    hours = Hours(written)
    opened: list[int] = []
    for day in range(7):
        for start, end in hours.on(day):
            last = 1440 if end == time.max else end.hour * 60 + end.minute
            opened += range(day * 1440 + start.hour * 60 + start.minute, day * 1440 + last)
    assert len(opened) == len(set(opened))
    assert set(opened) == covered
