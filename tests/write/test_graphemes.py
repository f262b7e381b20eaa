from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.write.graphemes import boundary, word_boundary

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize("whole", [
    "e\u0301", "й".encode().decode() + "\u0306", FAMILY, "🙏🏽", "🇷🇺", "❤\ufe0f", "க\u0bbf", "\u1112\u1161\u11ab",
])  # fmt: skip
def test_no_cut_falls_into_what_is_one_character_to_a_reader(whole: str) -> None:
    text = "a" + whole + "b"
    assert {boundary(text, at) for at in range(1, len(text))} <= {1, 1 + len(whole)}


def test_between_two_flags_there_is_a_boundary() -> None:
    flags = "🇷🇺🇰🇿🇧🇾"
    assert [boundary(flags, at) for at in range(2, 7)] == [2, 2, 4, 4, 6]


def test_a_stack_of_marks_that_is_no_letter_is_cut_all_the_same() -> None:
    assert boundary("a" + "\u0301" * 500, 300) == 300


def test_a_word_is_not_cut_if_a_blank_is_near() -> None:
    assert word_boundary("good morning", 8) == 5
    assert word_boundary("good morning", 4) == 4
    assert word_boundary("a verylongwordindeed", 12) == 12, "half a part for one word would be waste"


@given(st.text(), st.integers(-3, 99))
def test_a_boundary_is_never_later_and_never_stuck(text: str, at: int) -> None:
    for find in (boundary, word_boundary):
        place = find(text, max(0, at))
        assert 0 <= place <= min(max(0, at), len(text))
        assert place > 0 or at <= 0 or not text
