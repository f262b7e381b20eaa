from __future__ import annotations

import pytest

from bridge.report.steps import detail_of, said_of


@pytest.mark.parametrize(("what", "english", "russian"), [
    ("find by phone", "find by phone", "поиск по телефону"),
    ("read what was find by phone", "read what was find by phone", "чтение найденного: поиск по телефону"),
    ("write note 2/3", "write note 2/3", "запись: заметка 2/3"),
    ("look for deal", "look for deal", "проверка, записано ли: сделка"),
    ("matched.new", "matched new", "новый клиент"),
    ("write something new", "write something new", "запись: something new"),
    ("nobody knows this", "nobody knows this", "nobody knows this"),
])  # fmt: skip
def test_a_step_is_said_in_the_pages_language(what: str, english: str, russian: str) -> None:
    assert said_of(what, "en") == english
    assert said_of(what, "ru") == russian


def test_how_many_were_found_is_said_in_the_pages_language() -> None:
    assert (detail_of("0 found", "en"), detail_of("12 found", "ru")) == ("0 found", "найдено: 12")
    assert detail_of("nobody: 0 found", "ru") == "nobody: 0 found"
