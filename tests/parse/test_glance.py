"""What is known of a delivery before it is answered."""

import json
from pathlib import Path
from typing import Any

import pytest
from parse_materials import SOURCE, delivery, mapping

from bridge.mapping.load import load_provider
from bridge.model import Delivery
from bridge.parse import Glance, decode, glance, reply, shown, stored_body
from bridge.parse.source import kept_headers, top_scope

PROVIDERS = Path(__file__).parents[2] / "mappings" / "providers"


def seen(payload: Any, received: Delivery | None = None, keys: tuple[str, ...] = (), **more: Any) -> Glance:
    return glance(payload, received or delivery(payload), mapping(**more), SOURCE, keys=keys)


# -- the dedupe key ----------------------------------------------------------------------------------------------------


def test_the_key_is_made_of_the_mappings_parts() -> None:
    assert seen({"e": "end", "id": 5}, dedupe=["e", "id"]).dedupe_key == "end/5"
    assert seen({"id": "5"}, dedupe="id").dedupe_key == seen({"id": 5}, dedupe="id").dedupe_key


def test_the_bodys_hash_stands_in_for_a_part_that_is_missing() -> None:
    one, two = seen({"e": "end", "n": 1}, dedupe=["e", "id"]), seen({"e": "end", "n": 2}, dedupe=["e", "id"])
    assert one.dedupe_key.startswith("end/")
    assert one.dedupe_key != two.dedupe_key
    assert one.dedupe_key == seen({"e": "end", "n": 1}, dedupe=["e", "id"]).dedupe_key


def test_without_any_part_the_body_is_the_key() -> None:
    assert seen({"a": 1}).dedupe_key == seen({"a": 1}, dedupe=["nothing", "''"]).dedupe_key != seen({"a": 2}).dedupe_key
    assert len(seen({"a": 1}).dedupe_key) == 32


def test_a_long_or_ambiguous_part_is_hashed() -> None:
    assert len(seen({"id": "x" * 5000}, dedupe="id").dedupe_key) == 32
    first, second = ({"a": "1/2", "b": "3"}, {"a": "1", "b": "2/3"})
    assert seen(first, dedupe=["a", "b"]).dedupe_key != seen(second, dedupe=["a", "b"]).dedupe_key


def test_a_part_that_is_a_list_or_an_object_is_the_same_in_any_order_of_its_keys() -> None:
    keys = {seen({"id": [value]}, dedupe="id").dedupe_key for value in ({"b": 1, "a": 2}, {"a": 2, "b": 1}, {"a": 2, "b": 2})}
    assert len(keys) == 2


def test_a_body_that_cannot_be_decoded_is_known_by_its_hash_and_answered() -> None:
    broken = delivery(b'{"e":')
    found = seen(None, broken, at="e", dedupe=["e", "id"], answers={"default": {"json": {"ok": "yes"}}})
    assert (len(found.dedupe_key), found.event, found.rule, found.answer.body) == (32, None, None, b'{"ok":"yes"}')


# -- answers -----------------------------------------------------------------------------------------------------------


def test_without_an_answer_in_the_mapping_it_is_an_empty_200() -> None:
    answer = seen({"id": 1}).answer
    assert (answer.status, answer.body, answer.content_type, dict(answer.headers)) == (200, b"", None, {})


def test_a_rule_chooses_its_answer_and_the_answer_may_quote_the_delivery() -> None:
    found = seen({"e": "end", "id": 7, "имя": "Ж"}, at="e", events={"end": {"as": "chat_finished", "answer": "echo"}},
                 answers={"echo": {"status": 201, "json": {"id": "{id}"}, "headers": {"X-Id": "{id}"}}})
    assert (found.answer.status, found.answer.body, dict(found.answer.headers)) == (201, b'{"id":7}', {"X-Id": "7"})


def test_a_text_answer_is_text() -> None:
    answer = seen({"id": 7}, answers={"default": {"text": "got {id}", "content_type": "text/html"}}).answer
    assert (answer.body, answer.content_type) == (b"got 7", "text/html")
    assert seen({}, answers={"default": {"text": "ok"}}).answer.content_type == "text/plain; charset=utf-8"


def test_an_answer_that_is_the_same_each_time_is_made_once() -> None:
    kept = mapping(answers={"default": {"json": {"result": "ok"}, "headers": {"X-Kept": "yes"}}}).answer()
    one, other = reply(kept, top_scope({"id": 1}, delivery({}), SOURCE)), reply(kept, top_scope({"id": 2}, delivery({}), SOURCE))
    assert one is other
    assert (one.body, one.content_type, dict(one.headers)) == (b'{"result":"ok"}', "application/json", {"X-Kept": "yes"})


def test_a_live_answer_has_the_plain_one_to_fall_back_on() -> None:
    found = seen({"id": 1}, events={"*": {"as": "chat_started", "answer": "card"}}, answers={
        "default": {"json": {"result": "ok"}}, "card": {"within": "1.5s", "json": {"result": "ok", "link": "{client.card_url}"}}})
    assert (found.live, found.answer.body) == (True, b'{"result":"ok"}')
    assert found.live_answer is not None
    assert found.live_answer.within == 1.5
    card = reply(found.live_answer, found.scope, {"client": {"card_url": "https://crm.example.com/7"}})
    assert json.loads(card.body) == {"result": "ok", "link": "https://crm.example.com/7"}
    assert json.loads(reply(found.live_answer, found.scope).body) == {"result": "ok"}


def test_the_operators_card_holds_no_contact_even_if_the_crm_gives_one() -> None:
    provider = load_provider(PROVIDERS / "jivo.yaml")
    body = (PROVIDERS / "jivo" / "chat_accepted.http").read_bytes().partition(b"\n\n")[2]
    received = delivery(body)
    found = glance(decode(received, provider), received, provider, SOURCE)
    assert found.live_answer is not None
    client = {"card_url": "https://crm.example.com/7", "name": "Анна", "phones": ["+79000000001"], "emails": ["a@b.example"],
              "lines": [{"title": "Клиент", "content": "Анна"}]}
    assert json.loads(reply(found.live_answer, found.scope, {"client": client}).body) == {
        "result": "ok", "crm_link": "https://crm.example.com/7", "custom_data": [{"title": "Клиент", "content": "Анна"}]}


# -- handshakes --------------------------------------------------------------------------------------------------------

SHAKE = {"handshakes": {"method": "GET", "when": "query.mode == 'subscribe'", "secret": "query.token",
                        "answer": {"text": "{query.challenge}"}}}


def asked(query: str, method: str = "GET", keys: tuple[str, ...] = ("s3cret",)) -> Glance:
    received = Delivery(source="shop", dedupe_key="", received_at=delivery().received_at, method=method, query=query)
    return seen({}, received, keys, **SHAKE)


def test_a_handshake_with_the_secret_is_answered_and_needs_no_other_proof() -> None:
    found = asked("mode=subscribe&token=s3cret&challenge=0017")
    assert (found.handshake, found.proved, found.answer.body) == (True, True, b"0017")


@pytest.mark.parametrize(("query", "method"), [
    ("mode=subscribe&token=guess&challenge=1", "GET"), ("mode=subscribe&challenge=1", "GET"), ("mode=other&token=s3cret", "GET"),
    ("mode=subscribe&token=s3cret", "POST"), ("&".join("a=1" for _ in range(1001)) + "&token=s3cret", "GET"),
])
def test_anything_else_is_no_handshake(query: str, method: str) -> None:
    assert not asked(query, method).handshake


def test_a_handshake_is_refused_where_the_source_has_no_secret() -> None:
    assert not asked("mode=subscribe&token=&challenge=1", keys=("",)).handshake


def test_an_open_handshake_is_answered_to_anybody() -> None:
    shake = {"method": "HEAD", "open": "true"}
    found = seen({}, delivery(b"").model_copy(update={"method": "HEAD"}), handshakes=shake)
    assert (found.handshake, found.proved, found.answer.status, found.answer.body) == (True, True, 200, b"")
    assert not seen({}, handshakes=shake).handshake


def test_a_handshake_without_a_secret_of_its_own_has_proved_nothing() -> None:
    found = seen({"topic": "ping"}, handshakes={"when": "topic == 'ping'"})
    assert (found.handshake, found.proved) == (True, False)


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_the_exact_bytes_are_kept_where_there_is_nothing_to_conceal() -> None:
    raw = b'{"a" : 1,\n "token":null}'
    assert stored_body(raw, json.loads(raw), mapping()) is raw
    assert stored_body(raw, json.loads(raw), mapping(conceal=["secret", "token"])) is raw
    assert stored_body(b"not json", None, mapping(conceal="secret")) == b"not json"


@pytest.mark.parametrize(("kind", "raw"), [
    ("json", '{"id":1,"secret":"abc","имя":"Ж","u":[{"password":"x"}]}'), ("form", "id=1&secret=abc"),
    ("nested_form", "id=1&auth[secret]=abc"),
])
def test_what_is_concealed_never_reaches_the_disk_and_the_rest_reads_as_before(kind: str, raw: str) -> None:
    provider = mapping(body=kind, conceal=["secret", "auth.secret", "u[].password"])
    payload = decode(delivery(raw.encode()), provider)
    kept = stored_body(raw.encode(), payload, provider)
    assert b"abc" not in kept
    again = decode(delivery(kept), provider)
    assert again["id"] == payload["id"]
    assert again.get("имя") == payload.get("имя")


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "windows-1251", "utf-16"])
def test_what_is_kept_beside_it_loses_no_digit_and_no_letter(charset: str) -> None:
    provider = mapping(conceal="secret", charset=charset)
    payload = {
        "secret": "abc", "id": 10**90 + 1, "below": -(2**63) - 1, "rate": 1e22, "tiny": 5e-324, "none": None, "yes": True,
        "имя": 'Жанна 😀 "Ж" \\ \t\x7f\x1f</script>', "list": [[], {}, [""]], "deep": {},
    }  # fmt: skip
    inner = payload["deep"]
    for _ in range(98):  # as deep as `receive.max_depth` lets it be
        inner["deep"] = inner = {}
    kept = stored_body(b"", payload, provider)
    again = json.loads(kept.decode(charset))
    assert again.pop("secret") != payload.pop("secret")
    assert again == payload


def test_the_operators_password_hash_is_taken_out_of_a_template_that_lets_it_out() -> None:
    provider = load_provider(PROVIDERS / "livehelperchat.yaml")
    payload = {"event": "chat.close", "chat_id": 4, "hash": "KEY", "whole_chat": {"hash": "KEY", "user": {
        "name": "Op", "password": "HASH", "session_id": "SESSION"}}}
    kept = stored_body(json.dumps(payload).encode(), payload, provider)
    assert [word for word in (b"KEY", b"HASH", b"SESSION") if word in kept] == []
    assert b'"Op"' in kept


def test_a_view_shows_neither_what_is_concealed_nor_what_is_secret() -> None:
    assert shown({"a": "1", "b": "2", "c": "3"}, mapping(conceal="a", secrets="b"))["c"] == "3"
    assert {"1", "2"} & set(shown({"a": "1", "b": "2", "c": "3"}, mapping(conceal="a", secrets="b")).values()) == set()


def test_no_cookie_authorisation_or_secret_header_is_kept() -> None:
    provider = mapping(verify=[{"scheme": "equality", "in": "header", "name": "X-Token"}, {"scheme": "hmac", "name": "X-Sig"}])
    headers = {"Cookie": "a", "AUTHORIZATION": "b", "X-Token": "c", "x-sig": "d", "X-Event-Id": "e", "Proxy-Authorization": "f"}
    assert kept_headers(headers, provider) == {"x-sig": "d", "x-event-id": "e"}
