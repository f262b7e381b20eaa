from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.write import FIND
from bridge.write.clean import clean, clean_line, clean_name, mask, storable


def test_every_control_that_unicode_knows_is_taken_out_or_turned_into_a_line_break() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in "\t\u200c\u200d":
            assert clean(f"a{character}b") in ("ab", "a\nb"), f"U+{number:04X}"


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200f", "\u200b", "\u2060", "\ufeff", "\xad", "\u3164", "\ud800"])
def test_what_nobody_sees_is_gone(hidden: str) -> None:
    assert clean(f"pay{hidden}pal") == "paypal"


def test_joiners_stay_where_emoji_and_scripts_need_them_and_nowhere_else() -> None:
    for needed in ("👨\u200d👩\u200d👧", "❤\ufe0f\u200d🔥", "می\u200cخواهم", "क्\u200dष"):
        assert clean(needed) == needed
    assert clean("c2c\u200d-aaaaaaaaaaaaaaaa\u200c") == "c2c aaaaaaaaaaaaaaaa"


def test_line_breaks_of_every_kind_are_one_kind() -> None:
    assert clean("a\r\nb\rc\u2028d\x0be\x85f") == "a\nb\nc\nd\ne\nf"


def test_heaps_of_empty_lines_shrink_to_one() -> None:
    assert clean(" \n a\n\n \n\t\n\nb \n") == "a\n\nb"


def test_a_line_has_no_breaks_and_a_name_no_signs_of_roles() -> None:
    assert clean_line("a\n b\tc") == "a b c"
    assert clean_name("○ Анна\n● x", 40) == "Анна x"


def test_a_name_that_is_too_long_says_so() -> None:
    assert clean_name("а" * 50, 10) == "а" * 9 + "…"
    assert clean_name("а" * 10, 10) == "а" * 10


def test_masks_hide_letters_and_digits_and_keep_the_shape() -> None:
    assert mask("card 4276 1234 ok", [(5, 14)]) == "card •••• •••• ok"
    assert mask("AB 123, CD 456", [(0, 6), (8, 14)]) == "•• •••, •• •••"
    assert mask("short", [(3, 99)]) == "sho••"


def test_json_loses_what_databases_refuse_and_keeps_its_shape() -> None:
    told = {"a\x00": ["b\ud83d", {"c": ("d\x00", 1, None, True)}]}
    assert storable(told) == {"a": ["b", {"c": ["d", 1, None, True]}]}


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_is_clean_and_stays_so(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert clean(cleaned) == cleaned
    assert not FIND.search(cleaned)
    assert not set(cleaned) & set("\r\x00\u202e\u200b")
