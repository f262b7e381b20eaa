"""Bytes → payload, for every body kind, in any shape a network may bring."""

import base64
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NotUnderstood
from bridge.mapping.schema import Body
from bridge.parse import LIMITS, wire
from bridge.parse.values import as_text
from bridge.parse.wire import decode_body


def decoded(raw: bytes | str, kind: str = "json", charset: str = "utf-8", **keys: Any) -> Any:
    body = Body.model_validate({"kind": kind, **keys})
    return decode_body(raw if isinstance(raw, bytes) else raw.encode(charset), body, charset)


# -- json --------------------------------------------------------------------------------------------------------------


def test_json_is_read_with_a_byte_order_mark_and_in_another_character_set() -> None:
    assert decoded(b"\xef\xbb\xbf" + '{"a":"Ж🙂"}'.encode()) == {"a": "Ж🙂"}
    assert decoded('{"a":"Привет"}', charset="windows-1251") == {"a": "Привет"}


def test_bytes_that_are_not_of_the_character_set_cost_a_letter_and_not_the_chat() -> None:
    assert decoded(b'{"a":"\xff!"}') == {"a": "\N{REPLACEMENT CHARACTER}!"}


@pytest.mark.parametrize("raw", [rb'{"a":"x\u0000y"}', rb'{"a":"x\ud83dy"}', b'{"a":"x\x00y"}', rb'{"a":"x\uDE42y"}'])
def test_what_cannot_be_stored_becomes_the_replacement_character(raw: bytes) -> None:
    text = decoded(raw)["a"]
    assert text == "x\N{REPLACEMENT CHARACTER}y"
    text.encode()


def test_a_whole_surrogate_pair_is_the_letter_it_stands_for() -> None:
    assert decoded(rb'{"\ud83d\ude42":["\ud83d\ude42"]}') == {"🙂": ["🙂"]}


def test_numbers_keep_every_digit_and_are_never_infinite() -> None:
    long = "9" * 5000
    assert decoded(f'{{"id":12345678901234567890,"long":{long},"nan":NaN,"inf":-Infinity,"big":1e999,"f":1.5}}') == {
        "id": 12345678901234567890, "long": long, "nan": None, "inf": None, "big": None, "f": 1.5,
    }
    for digits in ("9" * 101, "9" * 4300, "9" * 4301):
        assert as_text(decoded(f'{{"id":{digits}}}')["id"]) == digits


def test_a_raw_line_break_in_a_hand_written_template_is_forgiven() -> None:
    assert decoded('{"a":"one\ntwo\tthree"}') == {"a": "one\ntwo\tthree"}


@pytest.mark.parametrize("raw", [b"", b"  \r\n", b"\xef\xbb\xbf"])
def test_an_empty_body_is_an_empty_object(raw: bytes) -> None:
    assert decoded(raw) == {}


@pytest.mark.parametrize("raw", ['{"a":', "<html>", "a=1", '{"a":1}}', "'a'", "{'a': 1}"])
def test_what_is_not_json_is_not_understood_and_the_place_is_named(raw: str) -> None:
    with pytest.raises(NotUnderstood, match=r"is not JSON: .* \(line 1, column \d+\); does the mapping's `body:` fit"):
        decoded(raw)


@pytest.mark.parametrize("raw", ["5", '"text"', "null", "true"])
def test_a_single_value_is_no_payload(raw: str) -> None:
    with pytest.raises(NotUnderstood, match="neither an object nor a list"):
        decoded(raw)


@pytest.mark.parametrize("levels", [LIMITS.depth + 1, 900, 200_000])
def test_a_body_that_is_nested_too_deep_is_refused_without_harm(levels: int) -> None:
    with pytest.raises(NotUnderstood, match=r"levels deep \(`receive\.max_depth`\)|more than 100000 members"):
        decoded("[" * levels + "]" * levels)
    with pytest.raises(NotUnderstood, match=r"levels deep|more than 100000 members"):
        decoded('{"a":' * levels + "1" + "}" * levels)


def test_a_body_may_be_as_deep_as_the_limit() -> None:
    assert decoded("[" * LIMITS.depth + "]" * LIMITS.depth)


def test_a_body_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LARGEST_BODY", 10)
    with pytest.raises(NotUnderstood, match="11 bytes"):
        decoded(b'{"a":"123"}')


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=5)
                    | st.dictionaries(st.text(), inner, max_size=5), max_leaves=20).filter(
                        lambda value: isinstance(value, dict | list)))
def test_any_json_comes_out_as_it_went_in_but_for_what_cannot_be_stored(payload: Any) -> None:
    assert decoded(json.dumps(payload)) == wire.storable(payload)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_but_not_understood(raw: bytes) -> None:
    for kind in ("json", "form", "form_json", "nested_form"):
        try:
            payload = decoded(raw, kind)
        except NotUnderstood:
            continue
        json.dumps(payload).encode()


# -- forms -------------------------------------------------------------------------------------------------------------


def test_a_form_is_an_object_of_texts_and_a_repeated_field_a_list() -> None:
    assert decoded("name=%D0%90%D0%BD%D0%BD%D0%B0+B&tag=a&tag=b&empty=&tag=c", "form") == {
        "name": "Анна B", "tag": ["a", "b", "c"], "empty": ""}


def test_a_form_in_another_character_set_is_read_in_it() -> None:
    assert decoded("name=%CF%F0%E8%E2%E5%F2", "form", "windows-1251") == {"name": "Привет"}


@pytest.mark.parametrize("kind", ["form", "form_json", "nested_form"])
def test_json_where_a_form_was_expected_is_read_all_the_same(kind: str) -> None:
    assert decoded(' {"a":{"b":1}}', kind) == {"a": {"b": 1}}


def test_nul_in_a_form_becomes_the_replacement_character() -> None:
    assert decoded("a=x%00y", "form") == {"a": "x\N{REPLACEMENT CHARACTER}y"}


def test_a_form_with_far_too_many_fields_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="more than 10000 fields"):
        decoded("&".join("a=1" for _ in range(10_001)), "form")


def test_fields_that_hold_json_are_decoded_in_place_plain_or_in_base64() -> None:
    inner = {"id": 5, "имя": "Анна"}
    plain = json.dumps(inner, ensure_ascii=False)
    form = urlencode({"plain": plain, "packed": base64.b64encode(plain.encode()).decode(), "id": "12", "text": "{no",
                      "word": "abcd"})
    assert decoded(form, "form_json") == {"plain": inner, "packed": inner, "id": "12", "text": "{no", "word": "abcd"}


def test_only_the_named_fields_are_decoded_where_the_mapping_names_them() -> None:
    assert decoded(urlencode({"a": "[1]", "b": "[2]"}), "form_json", fields="a") == {"a": [1], "b": "[2]"}


def test_one_field_can_be_the_whole_payload() -> None:
    assert decoded(urlencode({"data": '{"kind":"Conversation"}'}), "form_json", payload="data") == {"kind": "Conversation"}


def test_a_form_without_the_field_that_should_hold_the_payload_names_those_it_has() -> None:
    with pytest.raises(NotUnderstood, match="no field 'data'; it has: body, x"):
        decoded("x=1&body=2", "form_json", payload="data")
    with pytest.raises(NotUnderstood, match="holds no JSON"):
        decoded("data=hello", "form_json", payload="data")


def test_a_base64_plus_that_a_form_turned_into_a_blank_is_still_read() -> None:
    packed = base64.b64encode('{"a":"ÿ>ÿ>ÿ>~~~"}'.encode()).decode()
    assert decoded(f"data={packed}", "form_json", payload="data") == {"a": "ÿ>ÿ>ÿ>~~~"}


def test_a_nested_form_too_deep_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="levels deep"):
        decoded("a" + "[b]" * 70 + "=1", "nested_form")


def test_a_usual_chat_is_decoded_at_once() -> None:
    raw = json.dumps({"messages": [{"id": n, "text": "Здравствуйте, есть доставка?", "at": 1665396476 + n}
                                   for n in range(60)]}).encode()
    best = min(_timed(raw) for _ in range(20))
    assert best < 0.01


def _timed(raw: bytes) -> float:
    begun = time.perf_counter()
    decoded(raw)
    return time.perf_counter() - begun
