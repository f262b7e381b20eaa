"""The index and the question must agree."""

from __future__ import annotations

import pytest

from bridge.model import (
    Chat,
    ContactPoint,
    Correction,
    Match,
    Message,
    Operation,
    OperationKind,
    Plan,
    PointKind,
    Role,
    Verdict,
    Visitor,
)
from bridge.store.search_words import (
    END,
    LONGEST,
    points_of,
    points_of_correction,
    points_of_plan,
    read_question,
    words_of,
)


def chat(*texts: str, **visitor: object) -> Chat:
    return Chat(
        source="shop", chat_id="c", visitor=Visitor.model_validate(visitor),
        messages=tuple(Message(role=Role.VISITOR, text=text) for text in texts),
    )  # fmt: skip


@pytest.mark.parametrize("beside", ["", " ё"])
def test_the_same_signs_part_words_in_texts_of_ascii_and_in_others(beside: str) -> None:
    parted = {sign for sign in map(chr, range(128)) if words_of(chat(f"a{sign}b{beside}")).split()[:2] == ["a", "b"]}

    assert parted == {sign for sign in map(chr, range(128)) if not sign.isalnum()}


def test_every_word_stands_in_the_index_once_in_small_letters_and_with_plain_e() -> None:
    assert words_of(chat("Ёлка, ёлка и ЕЛЬ", name="Пётр")) == "петр елка и ель"


def test_what_bots_and_the_service_say_is_not_indexed() -> None:
    talk = Chat(source="s", chat_id="c", messages=(Message(role=Role.BOT, text="Меню"), Message(role=Role.OPERATOR, text="Да")))
    assert words_of(talk) == "да"


def test_a_very_long_chat_is_indexed_up_to_a_limit() -> None:
    assert len(words_of(chat("слово " * LONGEST + "конец"))) < 20


@pytest.mark.parametrize("typed", ["+7 916 123-45-67", "8 (916) 123 45 67", "9161234567", "1234567", "4567"])
@pytest.mark.parametrize("said", ["мой номер 8 916 123-45-67", "+7(916)123.45.67", "пишите: 89161234567!"])
def test_a_phone_is_found_however_it_is_written_and_by_its_last_digits(typed: str, said: str) -> None:
    asked = read_question(typed).point
    assert asked is not None
    assert any(asked[0] <= value < asked[1] for value in points_of(chat(said)))


def test_another_phone_is_not_found() -> None:
    asked = read_question("+7 916 123-45-68").point
    assert asked is not None
    assert not any(asked[0] <= value < asked[1] for value in points_of(chat("8 916 123-45-67")))


@pytest.mark.parametrize("typed", ["anna@example.com", "Anna@Exam", "anna@"])
def test_an_email_is_found_by_its_beginning_in_any_case(typed: str) -> None:
    asked = read_question(typed).point
    assert asked is not None
    for found in (chat("пишите на ANNA@example.com."), chat("", emails=("Anna@example.com",))):
        assert any(asked[0] <= value < asked[1] for value in points_of(found))


def test_words_are_asked_for_by_their_beginning_and_russian_ones_without_their_ending() -> None:
    assert read_question("Доставка ёлки grill").words == '"достав"* "елки"* "grill"*'


def test_what_is_no_word_asks_for_nothing_that_could_break_the_question() -> None:
    assert not read_question("  ")
    assert read_question('"*) OR (').words == '"or"*'
    assert read_question("^ -- :").words == ""


def test_a_chat_number_is_looked_for_as_it_was_typed() -> None:
    assert read_question("SxTq-12").chat_id == "SxTq-12"
    assert read_question("123456").chat_id == "123456"
    assert read_question("два слова").chat_id == ""


def test_what_only_the_extraction_understood_is_found_by_the_plan() -> None:
    note = Operation(kind=OperationKind.NOTE, scope={"phones": ["+79161234567"], "emails": ["Anna@example.com"]})
    plan = Plan(match=Match(verdict=Verdict.NEW), operations=(note,))
    assert points_of_plan(plan) == ["p76543216197", "eanna@example.com"]
    assert points_of_plan(Plan(match=Match(verdict=Verdict.NEW))) == []


def test_what_a_person_has_typed_is_found_too() -> None:
    point = ContactPoint(kind=PointKind.PHONE, value="+79161234567", as_written="x")
    assert points_of_correction(Correction(added=(point,))) == ["p76543216197"]


def test_the_end_of_a_span_lies_beyond_every_text_that_begins_so() -> None:
    assert "eanna@" + END > "eanna@\U0001f600"
