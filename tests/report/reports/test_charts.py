from __future__ import annotations

from datetime import date, timedelta

import pytest

from bridge.report.reports.charts import CHARTED, charts
from bridge.report.reports.figures import SHOWN
from bridge.store.reports import Sums

FIRST = date(2026, 11, 2)


def of(day: date, hours: str = "within", **counts: int) -> Sums:
    return Sums(key=day.isoformat(), hours=hours, counts={"chats": 1, **counts})


def test_every_figure_but_ratings_has_a_chart_once_it_is_known() -> None:
    assert [one.name for one in CHARTED] == [one.name for one in SHOWN if one.name != "ratings"]
    names = ("chats", "missed_n", "abandoned_n", "answer_n", "duration_n", "gap_n", "handoffs_n", "contact_n", "clients_n")
    known = Sums(key="2026-11-02", hours="within", responses={1: 1}, counts=dict.fromkeys(names, 1))
    assert [one.name for one in charts([known], FIRST, FIRST, "all")] == [one.name for one in CHARTED]
    assert [one.name for one in charts([of(FIRST)], FIRST, FIRST, "all")] == ["chats"]


def test_a_day_without_chats_had_none_and_of_its_shares_nothing_is_known() -> None:
    days = [of(FIRST, missed=1, missed_n=1), of(FIRST + timedelta(days=2), missed=0, missed_n=2)]
    chats, _, share = charts(days, FIRST, FIRST + timedelta(days=2), "all")
    assert (chats.name, chats.values) == ("chats", [1, 0, 1])
    assert (share.name, share.values) == ("missed_share", [1.0, None, 0.0])
    assert share.plotted == [[1793577600.0, 1793664000.0, 1793750400.0], [100.0, None, 0.0]]
    assert [(bar.x, bar.height, day) for bar, day, _ in chats.bars] == [(0, 40.0, FIRST), (20, 40.0, FIRST + timedelta(days=2))]


def test_a_chart_is_of_the_chosen_hours() -> None:
    days = [of(FIRST), of(FIRST, "outside"), of(FIRST, "unknown")]
    assert [charts(days, FIRST, FIRST, hours)[0].values for hours in ("all", "within", "outside")] == [[3], [1], [1]]


@pytest.mark.parametrize(("days", "steps", "seconds"), [
    (1, 1, 86400), (92, 92, 86400), (93, 14, 7 * 86400), (365, 53, 7 * 86400), (3700, 122, 30 * 86400),
])  # fmt: skip
def test_longer_reports_are_drawn_by_weeks_and_months(days: int, steps: int, seconds: int) -> None:
    until = FIRST + timedelta(days=days - 1)
    (chart,) = charts([of(FIRST), of(until)], FIRST, until, "all")
    assert (len(chart.steps), sum(chart.known), chart.width) == (steps, 2, 10 * steps)
    assert chart.span == seconds


def test_nothing_is_drawn_of_nothing() -> None:
    (chart,) = charts([], FIRST, FIRST, "all")
    assert (chart.bars, chart.most) == ([], 0)
