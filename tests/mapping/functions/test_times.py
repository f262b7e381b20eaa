from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.functions.times import _AS_ISO, unix, utc
from bridge.mapping.language.expressions import Expression, Findings

ZONES = ("UTC", "Europe/Moscow", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")


def run(source: str, **scope: Any) -> Any:
    return Expression(source)(scope)


@pytest.mark.parametrize(
    ("source", "value", "time"),
    [
        ("from_unix(a)", 1795289174, "2026-11-21T19:26:14Z"),
        ("from_unix(a)", "1795289174", "2026-11-21T19:26:14Z"),
        ("from_unix(a)", "1795289174.1", "2026-11-21T19:26:14.100Z"),
        ("from_unix(a)", 1795289174.5, "2026-11-21T19:26:14.500Z"),
        ("from_unix(a)", 0, "1970-01-01T00:00:00Z"),
        ("from_unix_ms(a)", 1795289174500, "2026-11-21T19:26:14.500Z"),
        ("from_unix(a)", 1795289174500, None),
        ("from_unix(a)", -1, None),
        ("from_unix(a)", "", None),
        ("from_unix(a)", "nan", None),
        ("from_unix(a)", True, None),
        ("from_unix(a)", 1e300, None),
        ("from_iso(a)", "2026-11-21T19:26:14.1234567Z", "2026-11-21T19:26:14.123Z"),
        ("from_iso(a)", "2026-11-21 22:26:14+03", "2026-11-21T19:26:14Z"),
        ("from_iso(a)", "2026-11-21T22:26:14+0300", "2026-11-21T19:26:14Z"),
        ("from_iso(a)", "2026-11-21T19:26", "2026-11-21T19:26:00Z"),
        ("from_iso(a, 'Europe/Moscow')", "2026-11-21 22:26", "2026-11-21T19:26:00Z"),
        ("from_iso(a)", "2026-13-01T00:00:00Z", None),
        ("from_iso(a)", "yesterday", None),
        ("from_iso(a, 'Mars')", "2026-11-21 22:26", None),
        ("from_text(a, '%d.%m.%Y %H:%M', 'Europe/Moscow')", "21.11.2026 22:26", "2026-11-21T19:26:00Z"),
        ("from_text(a, '%d.%m.%Y')", "2026", None),
        ("from_text(a, '%Y-%m-%d %H:%M:%S %z')", "2026-11-21 22:26:14 +0300", "2026-11-21T19:26:14Z"),
        ("iso(a)", "2026-11-21T22:26:14+03:00", "2026-11-21T19:26:14Z"),
        ("iso(a, 'Asia/Tokyo')", "2026-11-21T19:26:14Z", "2026-11-22T04:26:14+09:00"),
        ("utc(a)", "2026-11-21T22:26:14+03:00", "2026-11-21 19:26:14"),
        ("utc(a, '%d.%m.%Y %H:%M', 'Europe/Moscow')", "2026-11-21T19:26:14Z", "21.11.2026 22:26"),
        ("unix(a)", "2026-11-21T19:26:14.900Z", 1795289174),
        ("unix_ms(a)", "2026-11-21T19:26:14.900Z", 1795289174900),
    ],
)
def test_times_as_providers_and_crms_write_them(source: str, value: Any, time: Any) -> None:
    assert run(source, a=value) == time


def test_a_datetime_is_a_time() -> None:
    moment = datetime(2026, 11, 21, 19, 26, 14, tzinfo=UTC)
    assert run("iso(a)", a=moment) == "2026-11-21T19:26:14Z"
    assert run("unix_ms(a)", a=moment) == 1795289174000


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)))  # noqa: DTZ001 - the strategy wants naive bounds
def test_a_time_comes_back_from_every_form(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC, microsecond=naive.microsecond // 1000 * 1000)
    for there_and_back in ("from_unix_ms(unix_ms(a))", "from_iso(iso(a))", "from_iso(a)"):
        back = datetime.fromisoformat(run(there_and_back, a=moment))
        assert abs(back - moment) < timedelta(milliseconds=1)


def test_the_finding_says_what_is_wanted() -> None:
    findings = Findings()
    Expression("from_unix(a)")({"a": 1795289174500}, findings)
    assert "in seconds or in milliseconds?" in findings[0]


def test_a_format_that_is_none_is_a_finding() -> None:
    findings = Findings()
    assert Expression("utc(a, f)")({"a": "2026-11-21T19:26:14Z", "f": "%Y\ud800"}, findings) is None
    assert "is no format of a time" in findings[0]


@pytest.mark.parametrize("form", [*_AS_ISO, "%d.%m.%Y"])
@given(
    moment=st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.sampled_from(ZONES).map(ZoneInfo)),  # noqa: DTZ001 - bounds
    zone=st.sampled_from(ZONES),
)
def test_a_time_is_written_as_its_form_says_in_every_zone_and_year(form: str, moment: datetime, zone: str) -> None:
    assert utc(moment, form, zone) == moment.astimezone(ZoneInfo(zone)).strftime(form)


def test_a_time_without_an_offset_is_in_utc_whoever_asked_for_it_before() -> None:
    assert utc("2026-11-20T10:00:00", "%H:%M", "Europe/Moscow") == "13:00"
    assert unix("2026-11-20T10:00:00") == unix("2026-11-20T13:00:00+03:00")
