"""What a chat adds to the figures: where it belongs, what is known of it, and that nothing of it leads to its visitor."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.hours import Hours
from bridge.kpi import kpi
from bridge.model import Chat, EventKind, Message, Operator, Page, Role
from bridge.pipeline.tally import HIDDEN, UNNAMED, page_of, plain, tally
from bridge.store import Tally

MOSCOW = ZoneInfo("Europe/Moscow")
#: 13:00 in Moscow, a Friday
NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)


def said(role: Role, seconds: float | None = 0, author: str | None = None) -> Message:
    return Message(role=role, text="…", at=None if seconds is None else NOON + timedelta(seconds=seconds), author=author)


def tallied(*messages: Message, hours: str | None = None, received: datetime = NOON, **parts: Any) -> Tally:
    chat = Chat(source="shop", chat_id="c-1", messages=messages, **parts)
    opened = Hours(hours) if hours else None
    return tally(chat, kpi(chat, opened, MOSCOW, points=()), opened, MOSCOW, received=received)


def test_a_chat_belongs_to_the_day_on_which_it_began_by_its_sources_clock() -> None:
    late = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
    assert tallied(Message(role=Role.VISITOR, text="…", at=late)).day == date(2026, 11, 21)
    assert tallied(said(Role.VISITOR), started_at=late - timedelta(days=2)).day == date(2026, 11, 19)


@pytest.mark.parametrize("began", [datetime(1970, 1, 1, tzinfo=UTC), NOON + timedelta(days=3)])
def test_a_time_that_cannot_be_gives_way_to_when_the_chat_came_in(began: datetime) -> None:
    made = tallied(said(Role.VISITOR), started_at=began, hours="24/7")
    assert (made.day, made.open) == (date(2026, 11, 20), None)


def test_a_chat_without_times_stands_in_the_day_it_came_and_its_hours_are_not_known() -> None:
    made = tallied(said(Role.VISITOR, None), hours="24/7")
    assert (made.day, made.open) == (date(2026, 11, 20), None)


@pytest.mark.parametrize(("hours", "within"), [("Fr 12:00-14:00", True), ("Fr 14:00-18:00", False), ("24/7", True), (None, None)])
def test_a_chat_is_within_hours_if_it_began_within_them(hours: str | None, within: bool | None) -> None:
    assert tallied(said(Role.VISITOR), said(Role.OPERATOR, 7200), hours=hours).open is within


def test_a_chat_that_was_answered_adds_how_soon() -> None:
    made = tallied(said(Role.VISITOR), said(Role.OPERATOR, 45))
    assert made.response_s == 45
    assert {name: made.counts.get(name) for name in ("answer_n", "in_30", "in_60")} == {"answer_n": 1, "in_30": 0, "in_60": 1}


def test_a_missed_chat_was_not_answered_in_time() -> None:
    made = tallied(said(Role.VISITOR))
    assert (made.counts["missed"], made.counts["answer_n"], made.counts["in_60"], made.response_s) == (1, 1, 0, None)


def test_where_no_times_are_told_a_missed_chat_does_not_speak_of_answers() -> None:
    made = tallied(said(Role.VISITOR, None))
    assert made.counts["missed"] == 1
    assert "answer_n" not in made.counts


def test_what_is_not_known_is_missing_rather_than_nothing() -> None:
    made = tallied()
    assert set(made.counts) == {"chats", "contact", "contact_n"}
    assert tallied(kind=EventKind.OFFLINE_MESSAGE).counts["missed"] == 1


def test_a_chat_counts_for_every_operator_who_wrote_once() -> None:
    made = tallied(*(said(Role.OPERATOR, author=name) for name in ("Anna", "Boris", "Anna", "anna@shop.ru")))
    assert made.values["operator"] == ("Anna", "Boris", "anna")


def test_nobody_who_wrote_and_somebody_unnamed_are_two_things() -> None:
    assert tallied(said(Role.VISITOR)).values["operator"] == ("",)
    assert tallied(said(Role.OPERATOR)).values["operator"] == (UNNAMED,)
    assert tallied(said(Role.OPERATOR), operators=(Operator(name="Anna"),)).values["operator"] == ("Anna",)


@pytest.mark.parametrize(("url", "page"), [
    ("https://www.Shop.example/grills/g-2/?utm_source=x&email=anna@example.com#top", "shop.example/grills/g-2"),
    ("https://shop.example/", "shop.example"),
    ("https://shop.example/%D0%B3%D1%80%D0%B8%D0%BB%D1%8C", "shop.example/гриль"),
    ("https://anna:secret@shop.example/a", "shop.example/a"),
    ("https://shop.example/u/anna%40example.com/orders", f"shop.example/u/{HIDDEN}/orders"),
    ("https://shop.example/call/+79161234567", f"shop.example/call/{HIDDEN}"),
    ("https://shop.example/s/9f86d081884c7d659a2feaa0c55ad015", f"shop.example/s/{HIDDEN}"),
    ("/grills?x=1", "/grills"), ("http://[", ""), (None, ""),
])  # fmt: skip
def test_of_a_page_only_site_and_path_are_kept_and_nobody_stands_in_them(url: str | None, page: str) -> None:
    assert page_of(url) == page
    assert tallied(page=Page(url=url)).values["page"] == (page,)


def test_a_campaign_is_source_medium_and_name() -> None:
    told = {"source": "yandex", "campaign": "зима", "term": "гриль +79161234567"}
    assert tallied(utm=told).values["utm"] == ("yandex / – / зима",)
    assert tallied(utm={"term": "гриль"}).values["utm"] == ("",)
    assert tallied(utm={"source": "anna@example.com"}).values["utm"] == (f"{HIDDEN} / – / –",)


def test_a_rating_is_a_word_and_a_remark_is_not_kept() -> None:
    assert tallied(rating="5").rating == "5"
    assert tallied(rating="Спасибо, Анна! Мой номер 8 916 123-45-67").rating == HIDDEN
    assert tallied(rating=" ").rating is None


def test_spam_does_not_count() -> None:
    assert tallied(said(Role.VISITOR), spam=True).void


@given(st.text(max_size=300))
def test_any_text_becomes_one_short_line(text: str) -> None:
    line = plain(text)
    assert len(line) <= 120
    assert not re.search(r"\w@\w|\d{9}", line)
    assert line.isprintable()
    assert isinstance(page_of(text), str)
