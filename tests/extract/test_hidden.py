"""Which numbers must not be read in a CRM, wherever in the chat they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.extract import contact_points
from bridge.extract.reading import sensitive
from bridge.model import Chat, Message, Role

CARD = "4276 3800 1234 5679"


def shown(*lines: str) -> list[str]:
    """The visitor's lines ("o:" the operator's) with what is masked as dots."""
    messages = tuple(
        Message(role=Role.OPERATOR if line.startswith("o:") else Role.VISITOR, text=line.removeprefix("o:")) for line in lines
    )
    found = contact_points(Chat(source="s", chat_id="1", messages=messages), region="RU").masked
    texts = [message.text for message in messages]
    for index, spans in found.items():
        for start, end in spans:
            inner = "".join("•" if sign.isdigit() else sign for sign in texts[index][start:end])
            texts[index] = texts[index][:start] + inner + texts[index][end:]
    return texts


def test_a_card_in_one_message_is_masked() -> None:
    assert shown(f"карта {CARD} сбер") == ["карта •••• •••• •••• •••• сбер"]


@pytest.mark.parametrize(
    ("lines", "masked"),
    [
        (("4276", "3800", "1234", "5679"), ["••••", "••••", "••••", "••••"]),
        (("переведите на карту 4276 3800", "1234 5679"), ["переведите на карту •••• ••••", "•••• ••••"]),
        (("4276380012", "345679."), ["••••••••••", "••••••."]),
        (("o:номер карты?", "4276 3800 1234", "5679", "ага"), ["номер карты?", "•••• •••• ••••", "••••", "ага"]),
        (("паспорт 4510", "123456"), ["паспорт ••••", "••••••"]),
    ],
)
def test_a_number_cut_over_messages_that_follow_one_another_is_masked_whole(lines: tuple[str, ...], masked: list[str]) -> None:
    assert shown(*lines) == masked


@pytest.mark.parametrize(
    "lines",
    [
        ("4276 3800", "1234 5678"),  # no check digit
        ("4276 3800", "o:1234 5679"),  # two people
        ("4276 3800", "это не карта", "1234 5679"),
        ("8 916 123", "45 67"),
        ("заказ 4510", "123456"),
        ("0000 0000", "0000 0000"),
    ],
)
def test_other_digits_that_follow_one_another_stay(lines: tuple[str, ...]) -> None:
    assert shown(*lines) == [line.removeprefix("o:") for line in lines]


def test_a_number_in_many_pieces_is_looked_at_for_six_of_them_only() -> None:
    pieces = list("4276380012345679")
    assert shown(*pieces) == pieces


PIECES = ["1", "4", "12", "4276", "0", " ", "-", "  ", "   ", "+", "1 ", "-7", "1 2 3 4 5 6 7 8 9 0 ", "1" * 20]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_of_a_table_of_digits_only_what_cannot_be_a_number_is_left_out(text: str) -> None:
    thinned = sensitive._TABLE.sub(sensitive._ends_of_table, text)
    assert len(thinned) == len(text)
    found = [[match.span() for match in sensitive._LONG_DIGITS.finditer(one)] for one in (text, thinned)]
    assert found[0] == found[1]


def test_a_card_at_the_end_of_a_table_is_masked() -> None:
    table = "1 2 3 4 5 6 7 8 9 0 " * 10
    assert shown(f"{table}  {CARD}") == [f"{table}  •••• •••• •••• ••••"]
