from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from fakes import FakeClock
from place import Place
from tallied import Counted, tally_of

from bridge.model import Chat
from bridge.store import Store

NOVEMBER = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture
def counted(place: Place, clock: FakeClock) -> Place:
    """Three chats of two operators, one of them outside opening hours."""

    async def make(store: Store) -> None:
        desk = Counted(store, clock)
        for number, (within, operator, response) in enumerate(((True, "Anna", 20), (True, "=Boris", 50), (False, "", None))):
            known = {"missed": int(response is None), "missed_n": 1, "answer_n": 1, "in_30": int((response or 99) <= 30)}
            made = tally_of(within=within, operators=(operator,), response_s=response, rating="5", **known)
            await desk.count(Chat(source="shop", chat_id=f"c-{number}"), made)
        await desk.add("other", source="own", day=date(2026, 11, 2))

    place.on_store(make)
    return place


def test_a_report_is_a_table_with_hours_apart_and_a_line_for_each_day(counted: Place) -> None:
    done = counted.run("report", *NOVEMBER)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "2026-11-01 – 2026-11-30"
    assert lines[1].split()[:3] == ["CHATS", "MISSED", "ABANDONED"]
    assert lines[2].split()[:5] == ["all", "chats", "4", "1", "-"]
    assert [line.split()[:3] for line in lines[3:5]] == [["within", "hours", "3"], ["outside", "hours", "1"]]
    assert "ratings: 5 × 3" in lines
    assert [line.split()[0] for line in lines[-3:]] == ["DAY", "2026-11-02", "2026-11-20"]
    assert "-: not known" in done.stderr


def test_a_report_by_operator_names_nobody_where_nobody_answered(counted: Place) -> None:
    done = counted.run("report", *NOVEMBER, "--by", "operator", "--source", "shop")
    lines = done.stdout.splitlines()
    assert lines[0] == "2026-11-01 – 2026-11-30, shop"
    assert {line.split()[0] for line in lines[-3:]} == {"(nobody)", "Anna", "=Boris"}
    assert lines[2].split()[2] == "3"


def test_a_report_as_json_has_all_figures_and_says_what_is_not_known(counted: Place) -> None:
    told = counted.json("report", *NOVEMBER, "--by", "source", "--json")
    assert (told["from"], told["to"], told["by"], told["source"]) == ("2026-11-01", "2026-11-30", "source", None)
    assert told["total"]["all"]["chats"] == 4
    assert told["total"]["all"]["duration_s"] is None
    assert told["total"]["outside"]["missed_share"] == 1.0
    assert [(one["key"], one["all"]["chats"]) for one in told["lines"]] == [("shop", 3), ("own", 1)]


def test_a_report_for_a_spreadsheet_is_a_file_without_formulas(counted: Place, tmp_path: Path) -> None:
    file = tmp_path / "november.csv"
    done = counted.run("report", *NOVEMBER, "--by", "operator", "--csv", str(file))
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert done.stdout.strip() == f"{file}: {len(rows)} lines."
    assert "'=Boris" in {row["operator"] for row in rows}
    printed = counted.run("report", *NOVEMBER, "--by", "operator", "--csv", "-").stdout
    assert printed.replace("\r\n", "\n") == file.read_text(encoding="utf-8").replace("\r\n", "\n")


def test_a_report_of_days_without_chats_says_so_and_since_when_chats_are_counted(counted: Place) -> None:
    done = counted.run("report", "--from", "2025-01-01", "--to", "2025-01-31")
    assert done.exit_code == 0
    assert done.stdout == "No chat began from 2025-01-01 to 2025-01-31. Chats are counted since 2026-11-02.\n"


@pytest.mark.parametrize(("arguments", "told"), [
    (("--from", "2026-11-02", "--to", "2026-11-01"), "Exchange --from and --to"),
    (("--from", "2001-01-01", "--to", "2026-11-01"), "ten years"),
    (("--source", "gone"), "There is no source 'gone'; there are: own, shop."),
    (("--csv", "x.csv", "--json"), "exclude one another"),
    (("--csv", "/nowhere/at/all.csv"), "cannot be written"),
    (("--by", "visitor"), "visitor"),
    (("--from", "yesterday"), "yesterday"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_what_to_do(counted: Place, arguments: tuple[str, ...], told: str) -> None:
    done = counted.run("report", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr
