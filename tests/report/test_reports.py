"""What a report is asked for, its lines, and its file for spreadsheets."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from fakes import FakeClock
from tallied import counting

from bridge.errors import Refused
from bridge.report import reports
from bridge.report.reports import MOST_DAYS, Report, Wanted, as_csv, report_of, safe
from bridge.report.reports.figures import line
from bridge.store.reports import Sums
from bridge.store.tallies import THE_REST

TODAY = date(2026, 11, 21)


def test_a_report_that_names_no_days_is_of_the_last_thirty() -> None:
    made = Wanted.of({}, TODAY)
    assert (made.since, made.until, made.by, made.source, made.hours) == (date(2026, 10, 23), TODAY, "day", None, "all")


def test_what_is_no_day_and_nothing_to_break_down_by_is_left_out() -> None:
    made = Wanted.of({"from": "soon", "to": "2026-02-30", "by": "visitor", "hours": "night", "source": ""}, TODAY)
    assert made == Wanted.of({}, TODAY)


def test_a_report_from_a_day_to_come_does_not_end_before_it_begins() -> None:
    made = Wanted.of({"from": "2027-01-05"}, TODAY)
    assert (made.since, made.until) == (date(2027, 1, 5), date(2027, 1, 5))


def test_a_report_over_all_times_is_cut_to_ten_years() -> None:
    made = Wanted.of({"from": "0001-01-01", "to": "9999-12-31"}, TODAY)
    assert (made.until - made.since).days == MOST_DAYS - 1
    assert Wanted.of({"to": "0001-01-05"}, TODAY).since == date(1, 1, 1)


def test_an_address_says_what_was_asked_for() -> None:
    query = {"from": "2026-11-01", "to": "2026-11-20", "by": "page", "source": "shop", "hours": "within"}
    made = Wanted.of(query, TODAY)
    assert made.query() == "from=2026-11-01&to=2026-11-20&by=page&source=shop&hours=within"
    assert Wanted.of({}, TODAY).query(by="utm").endswith("by=utm")


def test_a_command_is_told_what_is_wrong_with_its_days() -> None:
    with pytest.raises(Refused, match="Exchange --from and --to"):
        Wanted.exactly(date(2026, 11, 2), date(2026, 11, 1), "day", None, TODAY)
    with pytest.raises(Refused, match=r"at most .* days"):
        Wanted.exactly(date(2000, 1, 1), TODAY, "day", None, TODAY)


async def test_days_stand_in_their_order_and_everything_else_by_its_chats(tmp_path: Path, clock: FakeClock) -> None:
    async with counting(tmp_path, clock) as counted:
        for number, (day, page) in enumerate(((3, "b"), (1, "a"), (2, "b"))):
            await counted.add(f"c-{number}", day=date(2026, 11, day), page=page, within=bool(number))
        asked = {"from": "2026-11-01", "to": "2026-11-30"}
        daily = await report_of(counted.reports, Wanted.of(asked, TODAY))
        assert [one.key for one in daily.report.lines] == ["2026-11-01", "2026-11-02", "2026-11-03"]
        paged = await report_of(counted.reports, Wanted.of({**asked, "by": "page"}, TODAY))
        assert [(one.key, one.all.chats) for one in paged.report.lines] == [("b", 2), ("a", 1)]
        assert (paged.report.total.all.chats, paged.report.first_day) == (3, "2026-11-01")
        assert (await report_of(counted.reports, Wanted.of({**asked, "source": "gone"}, TODAY))).report.lines == []


async def test_the_total_counts_a_chat_of_two_operators_once(tmp_path: Path, clock: FakeClock) -> None:
    async with counting(tmp_path, clock) as counted:
        await counted.add(operators=("Anna", "Boris"))
        made = (await report_of(counted.reports, Wanted.of({"by": "operator"}, TODAY))).report
    assert ([one.all.chats for one in made.lines], made.total.all.chats) == ([1, 1], 1)


async def test_a_report_has_so_many_lines_and_one_for_all_the_rest(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_KEYS", 2)
    async with counting(tmp_path, clock) as counted:
        for number, page in enumerate("aaabbcd"):
            await counted.add(f"c-{number}", page=page, within=page != "d")
        made = (await report_of(counted.reports, Wanted.of({"by": "page"}, TODAY))).report
    assert [(one.key, one.all.chats) for one in made.lines] == [("a", 3), ("b", 2), (THE_REST, 2)]
    assert made.lines[2].outside is not None
    assert made.lines[2].outside.chats == 1


FORMULAS = ("=1+1", "+79161234567", "-2", "@SUM(A1)", "\tx", "＝1")


def test_a_spreadsheet_gets_texts_and_no_formulas() -> None:
    sums = [Sums(key=key, hours="within", counts={"chats": 1, "missed_n": 1}, ratings={"=5": 2}) for key in (*FORMULAS, 'a", "b')]
    report = Report.model_validate({"from": TODAY, "to": TODAY, "by": "page", "source": None, "first_day": None,
                                    "total": line("", sums), "lines": [line(one.key, [one]) for one in sums]})  # fmt: skip
    text = as_csv(report)
    assert text.startswith("\ufeffpage,hours,chats,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["hours"] for row in rows[:2]] == ["all", "within"]
    assert [row["page"] for row in rows[::2]] == [*(f"'{key}" for key in FORMULAS), 'a", "b']
    assert all(value[:1] not in "=+@\t" for row in rows for value in row.values() if value)
    assert (rows[0]["missed"], rows[0]["abandoned"], rows[0]["ratings"]) == ("0", "", "'=5: 2")
    assert safe("shop.example/a") == "shop.example/a"
