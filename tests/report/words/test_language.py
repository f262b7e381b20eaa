from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.report.words import WORDS
from bridge.report.words.language import counted, from_now, grouped, moment, noun, span

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC).timestamp()
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(("number", "expected"), [
    (0, "0 чатов"), (1, "1 чат"), (2, "2 чата"), (4, "4 чата"), (5, "5 чатов"), (11, "11 чатов"), (12, "12 чатов"),
    (21, "21 чат"), (22, "22 чата"), (111, "111 чатов"), (1001, "1\u202f001 чат"),
])  # fmt: skip
def test_russian_counts(number: int, expected: str) -> None:
    assert counted(number, "chat", "ru") == expected


def test_english_counts() -> None:
    assert [counted(number, "delivery", "en") for number in (0, 1, 2)] == ["0 deliveries", "1 delivery", "2 deliveries"]
    assert grouped(1234567) == "1\u202f234\u202f567"


def test_a_noun_beside_its_number() -> None:
    assert [noun(number, "would_create", "en") for number in (0, 1, 21)] == ["new clients", "new client", "new clients"]
    assert [noun(number, "would_create", "ru") for number in (1, 2, 5)] == ["новый клиент", "новых клиента", "новых клиентов"]


@pytest.mark.parametrize(("seconds", "expected"), [
    (0, "0 s"), (0.0004, "0 s"), (0.04, "40 ms"), (0.9996, "1 s"), (1.4, "1 s"),
    (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86400, "1 d"), (-5, "0 s"),
])  # fmt: skip
def test_spans_are_said_by_their_largest_unit(seconds: float, expected: str) -> None:
    assert span(seconds, "en") == expected


def test_moments_before_and_after_now() -> None:
    assert from_now(NOW - 180, NOW, "en") == "3 min ago"
    assert from_now(NOW + 7200, NOW, "ru") == "через 2 ч"
    assert from_now(NOW, NOW, "ru") == "только что"
    assert from_now(NOW + 1, NOW, "en") == "at once"


def test_moments_by_the_clock_of_the_place() -> None:
    assert moment(NOW, NOW, MOSCOW, "en") == "today 12:00"
    assert moment(NOW - 13 * 3600, NOW, MOSCOW, "ru") == "20 нояб. 23:00"
    assert moment(NOW - 400 * 86400, NOW, MOSCOW, "en") == "17 Oct 2025 12:00"


def test_no_word_is_called_like_a_method_that_a_template_would_find_in_its_place() -> None:
    assert [word for words in WORDS.values() for word in words if hasattr(dict, word)] == []
