from __future__ import annotations

import json
from typing import Any

import phonenumbers
import pytest

from bridge.cli.samples.disguise import Disguise
from bridge.errors import NotUnderstood
from bridge.model import Chat, Message, Operator, Role, Visitor


def said(*texts: str, operator: Operator | None = None, **visitor: Any) -> Chat:
    return Chat(
        source="shop", chat_id="1", visitor=Visitor(**visitor), operators=(operator,) if operator else (),
        messages=tuple(Message(role=Role.VISITOR, text=text) for text in texts),
    )  # fmt: skip


def masked(chat: Chat, *texts: str, region: str | None = "RU") -> list[str]:
    disguise = Disguise(region)
    disguise.learn(chat)
    return [disguise.text(text) for text in (*[message.text for message in chat.messages], *texts)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("мой номер 8 (916) 123-45-67, звоните", "мой номер 8 (900) 000-00-01, звоните"),
        ("+7 916 123 45 67", "+7 900 000 00 01"),
        ("89161234567", "89000000001"),
        ("плюс семь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь", "+79000000001"),
    ],
)
def test_a_phone_becomes_one_that_is_nobodys_in_the_same_form(text: str, left: str) -> None:
    assert masked(said(text)) == [left]
    assert phonenumbers.is_valid_number(phonenumbers.parse("+79000000001"))


def test_the_same_phone_becomes_the_same_fake_in_every_form() -> None:
    first, second, third = masked(said("8 916 123-45-67", "Точно 916 1234567?"), "https://x.tld/?tel=%2B79161234567")
    assert (first, second) == ("8 900 000-00-01", "Точно 900 0000001?")
    assert "79161234567" not in third
    assert "79000000001" in third.replace("%2B", "")


def test_two_phones_never_become_one_not_even_if_one_is_a_fake_of_the_other() -> None:
    first, second = masked(said("+7 900 000 00 01", "+7 900 000 00 02"))
    assert first != second
    assert {"+7 900 000 00 01", "+7 900 000 00 02"}.isdisjoint({first, second})


def test_a_phone_cut_over_two_messages_is_masked_in_both() -> None:
    first, second = masked(said("пишите 8903", "7654321 это мой"))
    assert "903" not in first
    assert "7654321" not in second


def test_a_phone_keeps_its_country() -> None:
    [text] = masked(said("call me: +44 7911 123456"), region=None)
    number = phonenumbers.parse(text.removeprefix("call me: "))
    assert (number.country_code, phonenumbers.is_valid_number(number)) == (44, True)
    assert text != "call me: +44 7911 123456"


def test_addresses_keep_who_shares_a_domain() -> None:
    operator = Operator(name="Oleg", email="oleg@roga.ru")
    chat = said("anna@gmail.com, ivan@gmail.com, boss@roga.ru", operator=operator)
    [text, ours] = masked(chat, "oleg@roga.ru")
    anna, ivan, boss = text.split(", ")
    assert len({anna.partition("@")[2], ivan.partition("@")[2], boss.partition("@")[2]}) == 3
    assert boss.partition("@")[2] == ours.partition("@")[2]
    assert "gmail" not in text
    assert "roga" not in text + ours


def test_a_spelt_out_address_goes_too() -> None:
    [text] = masked(said("пишите на ivanov собака mail точка ru"))
    assert "ivanov" not in text
    assert "собака" not in text


def test_names_go_also_inflected_and_in_capitals_and_stay_consistent() -> None:
    chat = said("Это Мария", "МАРИЯ, Марии, с Марией", name="Мария Соколова")
    first, second, form = masked(chat, "Мария Соколова")
    assert "Мари" not in first + second + form
    assert "МАРИ" not in second
    assert form.split()[0] in first


def test_a_name_that_somebody_says_goes_too() -> None:
    first, second = masked(said("Добрый день, меня зовут Геннадий", "Геннадию, пожалуйста"))
    assert "Геннади" not in first + second


def test_a_name_is_no_part_of_other_words_or_addresses() -> None:
    assert masked(said("x", name="Ян Shop"), "январь, shop.tld/ян")[1] == "январь, shop.tld/ян"


def test_addresses_of_machines_go() -> None:
    [_, text] = masked(said("x"), "from 77.88.55.60 and 2a02:6b8::1, version 1.2.3, at 12:30:45")
    assert "77.88.55.60" not in text
    assert "2a02" not in text
    assert "203.0.113.1" in text
    assert "version 1.2.3, at 12:30:45" in text


def test_numbers_and_names_of_members_in_json_stay() -> None:
    disguise = Disguise("RU")
    disguise.learn(said("8 916 123-45-67", name="Anna"))
    given = {"Anna": 1795000000, "phone": 79161234567, "ok": True, "list": [None, "Anna"]}
    assert disguise.value(given) == {"Anna": 1795000000, "phone": 79000000001, "ok": True, "list": [None, "Robin"]}


def test_forms_are_taken_apart_value_by_value() -> None:
    disguise = Disguise("RU")
    disguise.learn(said("+79161234567", name="Anna"))
    form = disguise.body(b"name=Anna&data=%7B%22tel%22%3A%22%2B79161234567%22%7D&n=5", "form_json", "utf-8").decode()
    assert "9161234567" not in form
    assert "Anna" not in form
    assert "n=5" in form


def test_what_is_no_json_is_not_half_masked() -> None:
    with pytest.raises(NotUnderstood, match="cannot be masked"):
        Disguise().body(b"{", "json", "utf-8")


def test_what_is_left_is_told_without_repeating_it() -> None:
    disguise = Disguise("RU")
    disguise.learn(said("8 916 123-45-67 a.b@mail.ru"))
    left = list(disguise.left(json.dumps({"x": "8 916 123 45 67", "y": "A.B@mail.ru"})))
    assert len(left) == 2
    assert "916" not in "".join(left)
    assert list(disguise.left("nothing")) == []
