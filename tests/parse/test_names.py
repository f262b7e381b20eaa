"""Names, and what stands where a name should be."""

from typing import Any

import pytest

from bridge.mapping.language.patterns import Pattern
from bridge.parse.names import Named, read_name


@pytest.mark.parametrize("value", [
    "Visitor", "visitor 12", "Guest-7", "guest_7f3a9", "Клиент", "Клиент 2198", "Клиент №17", "ПОСЕТИТЕЛЬ", "Гость",
    "Анонимный посетитель", "Website Visitor #5", "User123", "unknown", "null", "n/a", "---", "12", "", None, "🙂", [],
    "V123456789",
])
def test_a_stand_in_is_no_name(value: Any) -> None:
    assert read_name(value, [Pattern(r"^V\d{6,}$")]) == Named()


@pytest.mark.parametrize(("value", "name"), [
    ("Анна", "Анна"), ("  Анна   Петрова\n", "Анна Петрова"), ("Guest Anna", "Guest Anna"),
    ("Клиентова Ольга", "Клиентова Ольга"),
    ("V", "V"), ("Li", "Li"), ("李", "李"), ("Anna 🙂", "Anna 🙂"), ("Test Userov", "Test Userov"),
    ("Анна (опт) 2", "Анна (опт) 2"),
])
def test_a_name_is_kept_as_it_was_written(value: str, name: str) -> None:
    assert read_name(value, [Pattern(r"^V\d{6,}$")]) == Named(name=name)


def test_a_contact_in_the_field_for_the_name_is_a_contact() -> None:
    assert read_name("8 (900) 000-00-01") == Named(phone="8 (900) 000-00-01")
    assert read_name("+79000000001") == Named(phone="+79000000001")
    assert read_name("Anna@Example.com") == Named(email="Anna@Example.com")
    assert read_name("12 34 56") == Named()


def test_a_name_without_end_is_cut() -> None:
    name = read_name("а" * 100_000).name
    assert name is not None
    assert len(name) == 200
