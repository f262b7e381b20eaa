from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from string import Formatter

import pytest

import bridge.write
from bridge.write.enrichment import Why
from bridge.write.words import PLURALS, WORDS, Speech, zone_name


def test_both_languages_have_the_same_words_with_the_same_values() -> None:
    def values(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert WORDS["ru"].keys() == WORDS["en"].keys()
    assert PLURALS["ru"].keys() == PLURALS["en"].keys()
    for key, text in WORDS["ru"].items():
        assert values(text) == values(WORDS["en"][key]), key


def test_every_word_is_used_and_every_used_one_is_there() -> None:
    folder = Path(bridge.write.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.name != "words.py")
    built = {f"why_{why.value}" for why in Why}
    built |= {f"{kind}_{where}" for kind in ("chat", "offline") for where in ("site", "channel")}
    built |= {"bot", "operator"}  # by a message's role
    built |= {"task_missed_no_calls", "task_text_no_calls", "task_missed", "task_text"}
    unused = [key for key in WORDS["ru"] if f'"{key}"' not in source and key not in built]
    assert unused == []
    assert set(re.findall(r'\.word\("(\w+)"', source)) <= WORDS["ru"].keys()


@pytest.mark.parametrize(("number", "shown"), [
    (0, "0 сообщений"), (1, "1 сообщение"), (2, "2 сообщения"), (4, "4 сообщения"), (5, "5 сообщений"), (11, "11 сообщений"),
    (12, "12 сообщений"), (14, "14 сообщений"), (21, "21 сообщение"), (22, "22 сообщения"), (25, "25 сообщений"),
    (101, "101 сообщение"), (111, "111 сообщений"), (112, "112 сообщений"), (1004, "1004 сообщения"),
])  # fmt: skip
def test_russian_nouns_follow_their_numbers(number: int, shown: str) -> None:
    assert Speech("ru").count("message", number) == shown


def test_english_has_two_forms() -> None:
    assert [Speech("en").count("message", number) for number in (0, 1, 2)] == ["0 messages", "1 message", "2 messages"]


@pytest.mark.parametrize(("seconds", "russian", "english"), [
    (0, "0 с", "0 s"), (45, "45 с", "45 s"), (60, "1 мин", "1 min"), (125, "2 мин 5 с", "2 min 5 s"),
    (3600, "1 ч", "1 h"), (3605, "1 ч", "1 h"), (4440, "1 ч 14 мин", "1 h 14 min"),
    (86400, "1 день", "1 day"), (2 * 86400 + 7200, "2 дня 2 ч", "2 days 2 h"), (5 * 86400 + 59, "5 дней", "5 days"),
])  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: int, russian: str, english: str) -> None:
    assert (Speech("ru").duration(seconds), Speech("en").duration(seconds)) == (russian, english)


def test_dates_are_written_out_so_that_nobody_mixes_up_day_and_month() -> None:
    day = date(2026, 11, 2)
    assert (Speech("ru").long_date(day), Speech("ru").short_date(day)) == ("2 ноября 2026, понедельник", "2 ноября 2026")
    assert (Speech("en").long_date(day), Speech("en").short_date(day)) == ("Monday, 2 November 2026", "2 November 2026")


@pytest.mark.parametrize(("minutes", "shown"), [
    (180, "UTC+3"), (0, "UTC"), (330, "UTC+5:30"), (-210, "UTC\u22123:30"), (-480, "UTC\u22128"),
])  # fmt: skip
def test_a_zone_is_named_by_its_distance(minutes: int, shown: str) -> None:
    assert zone_name(timedelta(minutes=minutes)) == shown
    assert zone_name(None) == "UTC"
