"""How much of a delivery is read; one that is more costs no time, and says which setting is in the way."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parse_materials import SOURCE, delivery, mapping

from bridge.config import ReceiveSettings
from bridge.errors import NotUnderstood
from bridge.mapping.schema import Body
from bridge.parse import LIMITS, Limits, SourceView, glance, understand
from bridge.parse.limits import Room
from bridge.parse.wire import decode_body

#: bytes of the largest body that the listener takes where nobody has set another limit
MOST = ReceiveSettings().max_body
#: seconds of processor time that any body may take; measured 0.16 at the most
LONGEST = 1.0


def decoded(raw: bytes, kind: str = "json", limits: Limits = LIMITS, **keys: Any) -> Any:
    return decode_body(raw[:MOST], Body.model_validate({"kind": kind, **keys}), "utf-8", limits)


def test_the_defaults_of_the_configuration_are_those_of_the_reader() -> None:
    receive = ReceiveSettings()
    assert Limits(receive.max_depth, receive.max_values, receive.max_messages, receive.max_parts) == LIMITS


BOMBS: dict[str, tuple[str, bytes]] = {
    "brackets": ("json", b"[" * MOST),
    "braces": ("json", b'{"a":' * (MOST // 5)),
    "a million lists": ("json", b"[" + b"[]," * (MOST // 3 - 2) + b"[]]"),
    "a million lists and a NUL": ("json", b'["\\u0000",' + b"[]," * (MOST // 3 - 6) + b"[]]"),
    "ten thousand towers": ("json", b"[" + (b"[" * 60 + b"]" * 60 + b",") * (MOST // 121 - 1) + b"1]"),
    "a million numbers": ("json", b"[" + b"1," * (MOST // 2 - 2) + b"1]"),
    "a wide object": ("json", b"{" + b",".join(b'"%x":1' % n for n in range(190_000)) + b"}"),
    "one number of two million digits": ("json", b"[" + b"9" * (MOST - 2) + b"]"),
    "numbers of a hundred digits": ("json", b"[" + (b"9" * 100 + b",") * (MOST // 101 - 1) + b"1]"),
    "an exponent of two million digits": ("json", b"[1e" + b"9" * (MOST - 4) + b"]"),
    "NULs": ("json", b'["' + b"\\u0000" * (MOST // 6 - 1) + b'"]'),
    "escaped quotes without an end": ("json", b'[1,"' + b'\\"' * (MOST // 2 - 2)),
    "quotes": ("json", b'"' * MOST),
    "a name of brackets": ("nested_form", b"a" + b"[" * (MOST - 3) + b"=1"),
    "a name of pairs of brackets": ("nested_form", b"a" + b"[]" * (MOST // 2 - 2) + b"=1"),
    "long names": ("nested_form", b"&".join(b"a%d" % n + b"[b]" * 60 + b"=1" for n in range(9000))),
    "ten thousand nameless elements": ("nested_form", b"&".join([b"a[]=1"] * 9999)),
    "percent signs": ("form", b"a=" + b"%00" * (MOST // 3 - 1)),
    "a million fields": ("form", b"&" * MOST),
    "a bomb in a form": ("form_json", b"data=[" + b"[]," * (MOST // 3 - 4) + b"[]]"),
    "ten thousand small bombs": ("form_json", b"&".join(b'a%d={"a":[[[[[[[[[[1]]]]]]]]]]}' % n for n in range(9999))),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_body_takes_longer_than_a_second(name: str) -> None:
    kind, raw = BOMBS[name]
    began = time.thread_time()
    with contextlib.suppress(NotUnderstood):
        decoded(raw, kind)
    assert time.thread_time() - began < LONGEST


@pytest.mark.parametrize(("kind", "write"), [
    ("json", json.dumps),
    ("form_json", lambda members: "data=" + quote_plus(json.dumps(members))),
    ("nested_form", lambda members: "&".join(f"data[]={member}" for member in members)),
])  # fmt: skip
def test_a_body_with_more_members_than_the_limit_is_not_understood_and_names_the_setting(
    kind: str, write: Callable[[list[int]], str]
) -> None:
    keys = {"payload": "data"} if kind == "form_json" else {}
    limits = Limits(values=1000)
    assert decoded(write([1] * 400).encode(), kind, limits, **keys)
    with pytest.raises(NotUnderstood, match=r"more than 1000 members of objects and lists.*raise `receive.max_values`"):
        decoded(write([1] * 1001).encode(), kind, limits, **keys)


def test_all_fields_of_a_form_share_one_limit() -> None:
    raw = "&".join(f"f{n}=" + quote_plus(json.dumps([1] * 300)) for n in range(5)).encode()
    found = decoded(raw, "form_json", Limits(values=1000))
    # what is beyond it stays the text that it was: nothing is lost of it
    assert [type(found[f"f{n}"]) for n in range(5)] == [list, list, list, str, str]


def test_what_people_write_are_no_members() -> None:
    text = '[{,"' * 5000
    assert decoded(json.dumps({"text": text}).encode(), limits=Limits(values=1000)) == {"text": text}


@given(st.recursive(st.none() | st.integers() | st.text('[]{},:"\\'), lambda inner: st.lists(inner, max_size=4)
                    | st.dictionaries(st.text('[]{},"\\', max_size=3), inner, max_size=4), max_leaves=30))
def test_never_fewer_members_are_counted_than_there_are(value: Any) -> None:
    room = Room(Limits(values=0))
    with pytest.raises(NotUnderstood):
        room.take(json.dumps([value]))
    counted = -room._left
    assert counted >= members(value)
    assert counted <= 2 * members(value) + 2
    # so a body of no more bytes than members are let in needs no counting
    assert counted <= len(json.dumps([value]).encode())


def test_what_a_small_body_holds_is_not_counted() -> None:
    raw = json.dumps([1] * 9).encode()
    Room(Limits(values=len(raw)), len(raw)).take_values(10**9)
    with pytest.raises(NotUnderstood):
        Room(Limits(values=len(raw) - 1), len(raw)).take_values(10**9)


def members(value: Any) -> int:
    if isinstance(value, dict | list):
        inside = list(value.values()) if isinstance(value, dict) else value
        return len(inside) + sum(members(one) for one in inside)
    return 0


@pytest.mark.parametrize("kind", ["json", "nested_form"])
def test_a_body_deeper_than_the_limit_is_not_understood_and_names_the_setting(kind: str) -> None:
    def raw(levels: int) -> bytes:
        return (b'{"a":' * levels + b"{}" + b"}" * levels) if kind == "json" else b"a" + b"[a]" * levels + b"=1"

    assert decoded(raw(8), kind, Limits(depth=10))
    with pytest.raises(NotUnderstood, match=r"more than 10 levels deep \(`receive.max_depth`\)"):
        decoded(raw(11), kind, Limits(depth=10))


# -- messages ----------------------------------------------------------------------------------------------------------

SAID = {"each": "said", "role": "who", "text": "text", "roles": {"v": "visitor"}}


def told(payload: Any, limits: Limits, **keys: Any) -> Any:
    return understand(delivery(payload), mapping(**keys), SourceView("shop", limits=limits))


def test_a_chat_with_more_messages_than_the_limit_is_not_understood_and_names_the_setting() -> None:
    def of(count: int) -> Any:
        return told({"id": 1, "said": [{"who": "v", "text": "x"}] * count}, Limits(messages=10), messages=SAID)

    assert len(of(10).events) == 1
    assert of(11).events == ()
    assert "there are 11 messages in the chat; more than 10 are not read" in of(11).not_understood
    assert "raise `receive.max_messages` and have the delivery read again" in of(11).not_understood


def test_a_million_messages_cost_no_more_than_they_must() -> None:
    body = b'{"id":1,"said":[' + b",".join([b"{}"] * 1_000_000) + b"]}"
    began = time.thread_time()
    assert "members of objects and lists" in str(understand(delivery(body), mapping(messages=SAID), SOURCE).not_understood)
    assert time.thread_time() - began < LONGEST


def test_a_delivery_with_more_parts_than_the_limit_is_not_understood() -> None:
    def of(count: int) -> Any:
        return told({"all": [{"id": n} for n in range(count)]}, Limits(parts=10), split="all")

    assert len(of(10).events) == 10
    assert of(11).events == ()
    assert "there are 11 parts in the delivery" in of(11).not_understood
    assert "raise `receive.max_parts`" in of(11).not_understood


def test_parts_of_which_nothing_comes_count_too() -> None:
    """Each of them is looked into, before the answer as well."""
    empty = {"all": [{}] * 40_000}
    began = time.thread_time()
    nothing = told(empty, LIMITS, split=["all", "inside"])
    assert "there are 40000 parts in the delivery; more than 1000 are not read" in nothing.not_understood
    first = glance(empty, delivery(b"{}"), mapping(split=["all", "inside"]), SOURCE)
    assert (first.event, first.answer.status) == (None, 200)
    assert time.thread_time() - began < LONGEST / 2


def test_the_answer_to_a_delivery_of_too_many_parts_is_that_to_its_first() -> None:
    answered = mapping(
        split="all", at="what", events={"ended": {"as": "chat_finished", "answer": "said"}}, answers={"said": {"text": "over"}}
    )
    many = {"all": [{"what": "ended"}] * 5_000}
    assert glance(many, delivery(b"{}"), answered, SOURCE).answer.body == b"over"


LINES = {"lines": "log", "pattern": r"^(?P<role>[vo]): (?P<text>.*)", "roles": {"v": "visitor", "o": "operator"}}


def test_one_message_of_very_many_lines_is_put_together_in_one_go() -> None:
    log = "v: first\n" + "more\n" * 90_000
    began = time.thread_time()
    (event,) = told({"id": 1, "log": log}, LIMITS, messages=LINES).events
    assert time.thread_time() - began < LONGEST
    assert event.chat.messages[0].text == "first\n" + ("more\n" * 90_000).rstrip()


def test_a_chat_in_one_text_of_far_too_many_lines_is_not_understood() -> None:
    many = told({"id": 1, "log": "v: x\n" * 12}, Limits(messages=10), messages=LINES)
    assert "there are 12 messages in the chat" in str(many.not_understood)
    nothing = told({"id": 1, "log": "x\n" * 1000}, Limits(messages=10), messages=LINES)
    assert "there are 50 messages of 20 lines in the chat" in str(nothing.not_understood)


def test_a_list_whose_numbers_are_of_any_length_is_read_without_an_error() -> None:
    """Python itself refuses to read a whole number of more than 4300 digits."""
    payload = {"id": 1, "said": {"9" * 5000: {"who": "v", "text": "x"}}}
    assert told(payload, LIMITS, messages=SAID).not_understood is None
