from datetime import UTC, datetime

import pytest

from bridge.crm.waits import LONGEST_WAIT, seconds_until

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (5, 5.0), ("5", 5.0), (0, 0.0), (-3, 0.0), (0.5, 0.5),
        (NOW.timestamp() + 60, 60.0), (str(int(NOW.timestamp()) + 60), 60.0),
        ("2026-11-21T12:01:00Z", 60.0), ("2026-11-21T15:01:00+03:00", 60.0), ("2026-11-21 12:01:00", 60.0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0), ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_a_crms_time_is_a_span_or_a_moment(value: object, seconds: float) -> None:
    assert seconds_until(value, NOW) == seconds


@pytest.mark.parametrize("value", [True, None, [], {}, "", "soon", "nan", "inf", "2026-99-99"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert seconds_until(value, NOW) is None


def test_no_wait_is_believed_beyond_a_day() -> None:
    assert seconds_until("2036-01-01T00:00:00Z", NOW) == seconds_until(999_999, NOW) == LONGEST_WAIT
