"""The page of reports, its file and its twin for scripts: over chats that came in and were counted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from desk import PHONE, Desk, bearer, desk_of, plan, settings
from fakes import FakeClock

from bridge.config import Revealed
from bridge.model import Chat, Client, JobState, Message, Page, Role, Visitor
from bridge.report.reports.figures import SHOWN
from bridge.report.words.reports import NOTHING, SHORT, WORDS_REPORTS, said

SOURCES = {"shop": {"provider": "generic", "secret": Revealed("s" * 20), "region": "RU", "target": "sales",
                    "hours": "Mo-Fr 09:00-18:00"}}  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    async with desk_of(tmp_path, clock, settings(sources=SOURCES)) as made:
        assert (await made.sign_in()).status == 303
        yield made


async def fill(desk: Desk) -> None:
    """Two chats of Friday within hours and one outside, by two operators."""
    friday = desk.clock.now() - timedelta(days=1)
    for number, (hours, answered, author) in enumerate(((0, 20, "Анна"), (1, 50, HOSTILE), (12, None, None))):
        at = friday + timedelta(hours=hours)
        said_by_visitor = Message(role=Role.VISITOR, text=f"Мой номер {PHONE}", at=at)
        answer = [Message(role=Role.OPERATOR, text="Да", author=author, at=at + timedelta(seconds=answered))] if answered else []
        chat = Chat(
            source="shop", chat_id=f"c-{number}", channel="telegram" if number else "site",
            visitor=Visitor(name="Пётр", phones=(PHONE,)), messages=(said_by_visitor, *answer),
            page=Page(url=f"https://shop.example/grill?phone={PHONE}"), utm={"source": "=cmd", "medium": "cpc"},
            rating="5" if answered else None,
        )  # fmt: skip
        client = Client(id="17") if number else None
        reason = "found" if client else "new"
        await desk.ended(JobState.DONE, reason, chat=chat, made=plan(client=client), done=1 if client else 2)


class Tables(HTMLParser):
    """The cells of a page's tables, and everything that would be live."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.live: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.live += [name for name, _ in attrs if name.startswith(("on", "style"))]
        if tag == "script" and not any(name == "src" for name, _ in attrs):
            self.live.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def table(page: str) -> dict[str, dict[str, str]]:
    """Name of a line → short name of a column → what stands there."""
    tables = Tables()
    tables.feed(page.partition("<table>")[2].partition("</table>")[0])
    assert tables.live == []
    _, *lines = tables.rows
    return {cells[0]: dict(zip([one.name for one in SHOWN], cells[1:], strict=True)) for cells in lines}


async def test_the_page_shows_the_figures_of_all_chats_and_within_hours_and_outside_apart(desk: Desk) -> None:
    await fill(desk)
    shown = table(await desk.page("/reports"))
    # the third began at midnight of the next day in Moscow
    assert list(shown) == ["All chats", "within opening hours", "outside opening hours", "2026-11-20", "2026-11-21"]
    everything = shown["All chats"]
    assert (everything["chats"], everything["missed"], everything["missed_share"]) == ("3", "1", "33\u00a0%")
    assert shown["within opening hours"]["answered_30_share"] == "50\u00a0%"
    assert shown["within opening hours"]["first_response_median_s"] == "20\u00a0s"
    assert shown["outside opening hours"]["first_response_median_s"] == "–"
    assert (everything["new_clients"], everything["known_clients"], everything["ratings"]) == ("1", "2", "5 × 2")
    assert everything["contact_given"] == "3"


async def test_chats_whose_hours_are_not_known_have_a_line_where_the_others_have(desk: Desk) -> None:
    timeless = Chat(source="shop", chat_id="timeless", messages=(Message(role=Role.VISITOR, text="…"),))
    await desk.ended(JobState.DONE, "found", chat=timeless)
    assert list(table(await desk.page("/reports"))) == ["All chats", "2026-11-21"]
    await fill(desk)
    assert table(await desk.page("/reports"))["hours not known"]["chats"] == "1"


@pytest.mark.parametrize(("by", "keys"), [
    ("source", {"shop"}), ("channel", {"Telegram", "site"}), ("page", {"shop.example/grill"}), ("utm", {"=cmd / cpc / –"}),
    ("operator", {"Анна", HOSTILE, "nobody"}),
])  # fmt: skip
async def test_the_page_breaks_down_by_everything_that_can_be_chosen(desk: Desk, by: str, keys: set[str]) -> None:
    await fill(desk)
    shown = table(await desk.page(f"/reports?by={by}"))
    assert {key.lower() for key in list(shown)[3:]} == {key.lower() for key in keys}


async def test_nobodys_contact_stands_on_any_report(desk: Desk) -> None:
    await fill(desk)
    for by in ("day", "source", "channel", "page", "operator", "utm"):
        for path in (f"/reports?by={by}", f"/reports.csv?by={by}", f"/api/report?by={by}"):
            answer = await desk.web.get(path, headers=bearer())
            text = await answer.text()
            assert answer.status == 200
            assert HOSTILE not in text or answer.content_type != "text/html"
            assert "9161234567" not in text
            assert "Пётр" not in text


async def test_hours_and_source_can_be_chosen(desk: Desk) -> None:
    await fill(desk)
    outside = await desk.page("/reports?hours=outside")
    assert re.search(r"<b>1</b><span>Chats</span>", outside)
    assert "No chat began" in await desk.page("/reports?source=other")
    assert "No chat began" in await desk.page("/reports?from=2020-01-01&to=2020-02-01")
    assert "Chats are counted since 2026-11-20" in await desk.page("/reports?from=2020-01-01&to=2020-02-01")


async def test_before_the_first_chat_the_page_says_when_one_is_counted(desk: Desk) -> None:
    page = await desk.page("/reports")
    assert "A chat is counted when its work ends for the first time." in page
    assert "counted since" not in page


@pytest.mark.parametrize("query", ["from=x&to=y", "from=9999-12-31", "to=0001-01-01", "from=0001-01-01&to=9999-12-31",
                                   "by=%00&hours=%00", "source=%3Cscript%3E", "from=2026-11-20&to=2026-11-01"])  # fmt: skip
async def test_an_address_that_makes_no_sense_is_a_page_all_the_same(desk: Desk, query: str) -> None:
    await fill(desk)
    for path in ("/reports", "/reports.csv", "/api/report"):
        answer = await desk.web.get(f"{path}?{query}", headers=bearer())
        assert answer.status == 200, path


async def test_a_chart_is_drawn_without_scripts_and_says_in_words_what_it_shows(desk: Desk) -> None:
    await fill(desk)
    page = await desk.page("/reports")
    assert len(re.findall(r"<figure [^>]*data-points", page)) == len([one for one in SHOWN if one.kind != "ratings"])
    assert re.search(r'role="img" aria-label="Chats: 30 values, the greatest \d"', page)
    assert re.search(r'<rect x="\d+" y="[\d.]+" width="8" height="40.0"><title>2026-11-2\d: \d</title>', page)


async def test_the_file_is_for_a_spreadsheet(desk: Desk) -> None:
    await fill(desk)
    answer = await desk.get("/reports.csv?by=utm")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="chat2crm-utm-2026-10-23-2026-11-21.csv"'
    rows = list(csv.DictReader(io.StringIO(await answer.text("utf-8-sig"))))
    assert [(row["utm"], row["hours"], row["chats"]) for row in rows] == [
        ("'=cmd / cpc / –", "all", "3"), ("'=cmd / cpc / –", "within", "2"), ("'=cmd / cpc / –", "outside", "1"),
    ]  # fmt: skip


async def test_scripts_get_the_same_figures(desk: Desk) -> None:
    await fill(desk)
    answer = await desk.web.get("/api/report?by=operator&from=2026-11-01", headers=bearer())
    told: dict[str, Any] = await answer.json()
    assert (told["from"], told["to"], told["by"], told["first_day"]) == ("2026-11-01", "2026-11-21", "operator", "2026-11-20")
    assert (told["total"]["all"]["chats"], told["total"]["within"]["answered_60_share"]) == (3, 1.0)
    assert {one["key"] for one in told["lines"]} == {"Анна", HOSTILE, ""}


def test_every_figure_has_its_words_in_both_languages() -> None:
    for language in ("en", "ru"):
        assert set(SHORT[language]) == {one.name for one in SHOWN}
        assert {f"f_{one.name}" for one in SHOWN} <= set(WORDS_REPORTS[language])
    assert WORDS_REPORTS["en"].keys() == WORDS_REPORTS["ru"].keys()
    assert NOTHING["en"].keys() == NOTHING["ru"].keys()


def test_a_figure_is_written_as_people_read_it() -> None:
    assert (said(None, "count", "en"), said(1234, "count", "en")) == ("–", "1\u202f234")
    assert (said(0.256, "share", "en"), said(75, "span", "en")) == ("26\u00a0%", "1\u00a0min")
    assert said({"5": 2}, "ratings", "en") == "5 × 2"
    assert said(7200, "span", "ru") == "2\u00a0ч"
