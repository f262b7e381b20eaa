from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.sandbox.wording import WORDS, clock_time, counted, date

TEMPLATES = Path(__file__).parents[2] / "bridge/sandbox/templates"


@pytest.mark.parametrize(
    ("number", "russian"),
    [
        (1, "1 клиент"),
        (2, "2 клиента"),
        (5, "5 клиентов"),
        (11, "11 клиентов"),
        (13, "13 клиентов"),
        (21, "21 клиент"),
        (104, "104 клиента"),
    ],
)
def test_russian_counts_with_the_right_ending(number: int, russian: str) -> None:
    assert counted(number, "ru") == russian


def test_english_counts_one_and_many() -> None:
    assert (counted(1, "en"), counted(2, "en")) == ("1 client", "2 clients")


def test_times_are_those_of_the_zone() -> None:
    evening, zone = 1_795_294_800.0, ZoneInfo("Europe/Moscow")
    assert (date(evening, "en", zone), clock_time(evening, zone)) == ("22 November 2026", "00:00")
    assert (date(evening, "ru", ZoneInfo("UTC")), clock_time(evening, ZoneInfo("UTC"))) == ("21 ноября 2026", "21:00")
    assert (date(None, "en", zone), clock_time(None, zone)) == ("", "")


def test_every_word_is_used_on_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html"))
    assert [word for word in WORDS["en"] if f"t.{word}" not in pages] == []
