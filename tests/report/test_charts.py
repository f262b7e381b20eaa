from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bridge.report.charts import HEIGHT, LEAST, Hours, hour_end


def test_hours_that_had_nothing_are_there_all_the_same() -> None:
    hours = Hours.of([{"hour": 0, "n": 4}, {"hour": 2, "n": 1}], 4, until=36_000.0)
    assert hours.counts == (0, 1, 0, 4)
    assert (hours.total, hours.most) == (5, 4)


def test_the_tallest_bar_fills_the_picture_and_the_least_is_still_seen() -> None:
    bars = Hours((0, 1, 1000), until=10_800.0).bars
    assert [bar.height for bar in bars] == [0, LEAST, HEIGHT]
    assert [bar.y for bar in bars] == [HEIGHT, HEIGHT - LEAST, 0]
    assert [bar.at for bar in bars] == [0.0, 3600.0, 7200.0]


def test_nothing_at_all_is_a_flat_line_at_the_bottom() -> None:
    hours = Hours((0, 0), until=0.0)
    assert hours.line == "0,38 10,38"
    assert [bar.height for bar in hours.bars] == [0, 0]


def test_what_is_plotted_are_the_same_figures() -> None:
    assert Hours((2, 3), until=7200.0).plotted == [[0.0, 3600.0], [2.0, 3.0]]


def test_hours_are_those_of_the_clock_where_people_are() -> None:
    at = datetime(2026, 11, 21, 14, 37, 12, 500, tzinfo=UTC).timestamp()
    # in India hours end at half past by the others' clocks; there it is 20:07
    for zone, ends in (("UTC", "15:00"), ("Europe/Moscow", "15:00"), ("Asia/Kolkata", "15:30")):
        assert f"{datetime.fromtimestamp(hour_end(at, ZoneInfo(zone)), UTC):%H:%M}" == ends


def test_on_the_hour_the_next_one_begins() -> None:
    assert hour_end(36_000.0, UTC) == 39_600.0
    assert hour_end(39_599.9, UTC) == 39_600.0
