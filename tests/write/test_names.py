from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.write.names import names_agree, split_name


@pytest.mark.parametrize(("name", "parts"), [
    ("Иван", ("Иван", None)),
    ("Иван Петров", ("Иван", "Петров")),
    ("Петров Иван Сергеевич", ("Иван Сергеевич", "Петров")),
    ("Иван Сергеевич Петров", ("Иван Сергеевич", "Петров")),
    ("Анна Ильинична", ("Анна Ильинична", None)),
    ("Maria del Carmen", ("Maria", "del Carmen")),
    ("  ", (None, None)),
])  # fmt: skip
def test_a_name_comes_apart(name: str, parts: tuple[str | None, str | None]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(("one", "other"), [
    ("Иван Петров", "Петров Иван"), ("Иван", "Иван Петров"), ("иван", "ИВАН"), ("Иван Сергеевич", "Иван Петров"),
    ("Алёна", "Алена"), ("Ivan Petrov", "Иван Петров"), ("Alexey", "Алексей"), ("Aleksei", "Алексей"), ("Yulia", "Юлия"),
    ("Dmitry", "Дмитрий"), ("Natalia", "Наталья"), ("Khabib", "Хабиб"), ("Shchukin", "Щукин"),
])  # fmt: skip
def test_names_of_one_person_agree_in_any_spelling(one: str, other: str) -> None:
    assert names_agree(one, other)
    assert names_agree(other, one)


@pytest.mark.parametrize(("one", "other"), [
    ("Иван Петров", "Иван Сидоров"), ("Иван", "Пётр"), ("", "Иван"), (None, None), ("И.", "Иван"), ("123", "123"),
    ("Иван Сергеевич", "Пётр Сергеевич"),
])  # fmt: skip
def test_names_of_two_people_do_not(one: str | None, other: str | None) -> None:
    assert not names_agree(one, other)


@given(st.text(), st.text())
def test_any_text_may_stand_for_a_name(one: str, other: str) -> None:
    assert names_agree(one, other) == names_agree(other, one)
    split_name(one)
