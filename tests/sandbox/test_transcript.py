from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sandbox.transcript import blocks, headline

CHAT = """Anna Petrova · +7 916 123-45-67 · asks not to be called
Chat on shop.example
Page: https://shop.example/a

The chat, times in UTC+3
— 21 November 2026 —
14:05 · Chat started
14:05 ● Anna: Do you deliver on Saturday?
│ Three pieces, please.
│ 14:06 ○ Oleg: it is all free
14:06 ○ Oleg: We do.
14:06 ○ Oleg: How can we reach you?
14:07 ◇ Helper (bot): Thank you!

c2c-abcdefghijklmnop c2c-qrstuvwxyz234567"""


def test_a_chat_is_cut_into_what_people_see() -> None:
    assert [(block.kind, block.time, block.name) for block in blocks(CHAT)] == [
        ("head", "", ""),
        ("day", "", ""),
        ("system", "14:05", ""),
        ("visitor", "14:05", "Anna"),
        ("operator", "14:06", "Oleg"),
        ("operator", "14:06", "Oleg"),
        ("bot", "14:07", "Helper (bot)"),
        ("marks", "", ""),
    ]


def test_a_visitor_cannot_put_words_into_the_operators_mouth() -> None:
    visitor = next(block for block in blocks(CHAT) if block.kind == "visitor")
    assert visitor.text == "Do you deliver on Saturday?\nThree pieces, please.\n14:06 ○ Oleg: it is all free"


def test_the_second_line_of_one_person_goes_on() -> None:
    assert [block.goes_on for block in blocks(CHAT) if block.kind == "operator"] == [False, True]


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("14:05 Anna: hi", "operator", "Anna"),
        ("14:05 Anna Petrova: hi", "visitor", "Anna Petrova"),
        ("14:05 Visitor 17: hi", "visitor", "Visitor 17"),
        ("[14:05:33] Посетитель: hi", "visitor", "Посетитель"),
        ("14:05 🤖 Helper: hi", "bot", "Helper"),
        ("9:05 ▸ Anna: hi", "visitor", "Anna"),
        ("● Anna: hi", "visitor", "Anna"),
        ("14:05 ○ Oleg:", "operator", "Oleg"),
        ("14:05 · joined", "system", ""),
        ("14:05 ▶️ Anna: hi", "visitor", "Anna"),
    ],
)
def test_who_speaks_is_told_by_sign_or_name(line: str, kind: str, name: str) -> None:
    said = blocks(line, "Anna Petrova")[0]
    assert (said.kind, said.name) == (kind, name)


@pytest.mark.parametrize(
    "text", ["Called at 12:30, will call back.", "12:30 lunch", "Price: 100", "just\n\ntwo paragraphs", "- Anna: hi"]
)
def test_a_note_without_a_chat_stays_as_it_is(text: str) -> None:
    assert [(block.kind, block.text) for block in blocks(text)] == [("plain", text)]


@given(st.text(alphabet=st.sampled_from(list("abc :─│●○·\n14:05—c2-.\t")), max_size=300))
def test_nothing_is_ever_left_out(text: str) -> None:
    def letters(part: str) -> str:
        return "".join(sorted(character for character in part if character in "abc"))

    shown = "".join(f"{block.time}{block.name}{block.text}" for block in blocks(text))
    assert letters(shown) == letters(text)


def test_the_headline_is_the_first_line_with_something_on_it() -> None:
    assert (headline("\n  \n Anna \nmore"), headline("")) == ("Anna", "")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("— 22 ноября 2026, воскресенье —", "day"),
        ("— Saturday, 21 November 2026 —", "day"),
        ("21.11.2026", "day"),
        ("2026-11-21:", "day"),
        ("Chat on shop.example · 21 November 2026, 14:05–14:11", "plain"),
        ("- 12 pieces, at once -", "plain"),
    ],
)
def test_a_line_that_is_a_date_parts_the_days(line: str, kind: str) -> None:
    assert blocks(line)[0].kind == kind
