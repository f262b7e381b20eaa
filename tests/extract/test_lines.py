"""The JSONL of `chat2crm extract`."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import NotUnderstood
from bridge.extract.lines import extract_line
from bridge.extract.result import Own


def test_a_text_gives_phones_emails_and_what_was_found() -> None:
    answer = extract_line({"id": "m1", "region": "RU", "text": "мой номер 8 916 123-45-67, почта lena@mail.ru"})
    assert answer == {
        "id": "m1",
        "phones": ["+79161234567"],
        "emails": ["lena@mail.ru"],
        "found": [
            {
                "kind": "phone",
                "value": "+79161234567",
                "claim": "own",
                "as_written": "8 916 123-45-67",
                "message": 0,
                "rule": "my",
            },
            {"kind": "email", "value": "lena@mail.ru", "claim": "own", "as_written": "lena@mail.ru", "message": 0, "rule": "my"},
        ],
    }


def test_a_list_of_texts_is_one_visitor_s_messages() -> None:
    assert extract_line({"id": 1, "region": "RU", "text": ["8916", "592", "48", "12"]})["phones"] == ["+79165924812"]


def test_messages_have_roles_and_what_is_another_s_stays_off_the_card() -> None:
    messages = [{"role": "operator", "text": "Наш номер 8 495 111 22 33"}, {"role": "visitor", "text": "8 495 111 22 33 занят"}]
    answer = extract_line({"id": 1, "region": "RU", "messages": messages})
    assert answer["phones"] == []
    assert [(one["value"], one["claim"]) for one in answer["found"]] == [("+74951112233", "other")]


def test_the_form_s_fields_are_read() -> None:
    fields = {"name": "Лена", "phone": 79161234567, "email": ["lena@mail.ru"]}
    answer = extract_line({"id": 1, "visitor": fields}, region="RU")
    assert (answer["phones"], answer["emails"]) == (["+79161234567"], ["lena@mail.ru"])
    assert answer["found"][0]["message"] is None


def test_the_record_s_region_goes_before_the_argument() -> None:
    record = {"id": 1, "text": "call 415-859-2216"}
    assert extract_line({**record, "region": "US"}, region="RU")["phones"] == ["+14158592216"]
    assert extract_line({**record, "region": None}, region="US")["phones"] == ["+14158592216"]


def test_own_numbers_can_be_told() -> None:
    assert extract_line({"id": 1, "text": "8 495 111 22 33"}, region="RU", own=Own(phones=("+74951112233",)))["phones"] == []


def test_flags_and_extensions_are_shown() -> None:
    [found] = extract_line({"id": 1, "region": "RU", "text": "8 495 111 22 33 доб. 5"})["found"]
    assert found["extension"] == "5"
    [found] = extract_line({"id": 1, "text": "a@gmial.com"})["found"]
    assert found["flags"] == ["typo:gmail.com"]


def test_explaining_shows_each_candidate_with_its_rule() -> None:
    answer = extract_line({"id": 1, "region": "RU", "text": "не звоните. заказ 9161234567"}, explain=True)
    assert answer["region"] == "RU"
    assert answer["wishes"] == {"no_calls": "не звоните."}
    [decision] = answer["trace"]
    assert (decision["as_written"], decision["claim"], decision["rule"]) == ("9161234567", None, "order")


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"id": 1}, '"text"'),
        ({"id": 1, "text": 5}, '"text"'),
        ({"id": 1, "text": ["a", 5]}, '"text"'),
        ({"id": 1, "messages": "a"}, '"messages"'),
        ({"id": 1, "messages": [{"role": "visitor"}]}, "messages[0]"),
        ({"id": 1, "messages": [{"role": "client", "text": "a"}]}, "visitor, operator, bot"),
        ({"id": 1, "text": "a", "visitor": "b"}, '"visitor"'),
        ({"id": 1, "text": "a", "visitor": {"phone": {}}}, "visitor.phone"),
        ({"id": 1, "text": "a", "region": 7}, '"region"'),
        ([], "JSON object"),
    ],
)
def test_a_record_of_another_form_is_refused_and_the_member_is_named(record: Any, told: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        extract_line(record)
    assert told in caught.value.message
