"""Which rule reads a delivery, into how many events, and what is said where there are none."""

from datetime import UTC, datetime
from typing import Any

import pytest
from parse_materials import SOURCE, delivery, mapping, understood

from bridge.parse import understand


def test_the_vendors_word_is_compared_as_text() -> None:
    assert understood({"e": 5, "id": 1}, at="e", events={"5": {"as": "chat_finished"}}).events


def test_an_event_of_no_interest_is_skipped_with_the_reason() -> None:
    outcome = understood({"e": "typing"}, at="e", events={"typing": {"skip": "nothing is said yet"}})
    assert (outcome.events, outcome.skipped, outcome.not_understood) == ((), "nothing is said yet", None)


def test_an_event_that_nobody_has_heard_of_is_not_understood() -> None:
    outcome = understood({"e": "boom"}, at="e", events={"end": {"as": "chat_finished"}})
    assert outcome.not_understood == "the event 'boom' is not in the mapping; if it is of no interest, add it with `skip: why`"


@pytest.mark.parametrize("payload", [{}, {"e": None}, {"e": {}}, [], {"e": ""}])
def test_a_delivery_that_does_not_say_its_event_is_not_understood(payload: Any) -> None:
    outcome = understood(payload, at="e", events={"end": {"as": "chat_finished"}})
    assert outcome.not_understood == "it does not say which event it is: `at` came out empty"


def test_a_star_takes_every_other_event() -> None:
    assert understood({"e": "boom"}, at="e", events={"*": {"skip": "no chat"}}).skipped == "no chat"


RULES = [{"when": "status == 'resolved'", "as": "chat_finished"}, {"when": "status == 'open'", "skip": "goes on"}]


def test_of_several_rules_the_first_that_holds_counts() -> None:
    assert understood({"id": 1, "status": "resolved"}, events={"*": RULES}).events
    assert understood({"id": 1, "status": "open"}, events={"*": RULES}).skipped == "goes on"


def test_where_no_rule_holds_nothing_is_skipped_in_silence() -> None:
    outcome = understood({"e": "status", "status": "odd"}, at="e", events={"status": RULES})
    assert outcome.not_understood == "no rule for the event 'status' holds; give its list a last rule that skips"


def test_a_rule_can_look_inside_the_payload_and_still_see_all_of_it() -> None:
    rule = {"as": "chat_finished", "in": "payload.chat", "fields": {"topic": "root.brand", "department": 'headers."x-team"'}}
    (event,) = understood({"payload": {"chat": {"id": 5}}, "brand": "b"}, events={"*": rule}, headers={"X-Team": "t"}).events
    assert (event.chat.chat_id, event.chat.topic, event.chat.department) == ("5", "b", "t")
    assert understood({"payload": {}}, events={"*": rule}).not_understood == "what the rule's `in` names is not there"


def test_a_delivery_with_several_parts_is_several_events() -> None:
    payload = {"app": "A", "entry": [{"page": "p1", "messages": [{"id": 1}, {"id": 2}]}, {"page": "p2", "messages": [{"id": 3}]}]}
    outcome = understood(payload, split=["entry", "messages"], fields={
        "chat_id": "id", "topic": "parent.page", "department": "root.app", "custom.brand": "source.fields.brand"})
    assert [(e.chat.chat_id, e.chat.topic, e.chat.department, e.chat.custom) for e in outcome.events] == [
        ("1", "p1", "A", {"brand": "north"}), ("2", "p1", "A", {"brand": "north"}), ("3", "p2", "A", {"brand": "north"})]


def test_a_list_can_be_split_by_itself() -> None:
    assert [e.chat.chat_id for e in understood([{"id": 1}, {"id": 2}], split="root").events] == ["1", "2"]


def test_each_part_has_an_outcome_of_its_own() -> None:
    payload = {"list": [{"e": "end", "id": 1}, {"e": "typing"}, {"e": "boom"}, {"e": "end"}]}
    outcome = understood(payload, split="list", at="e", events={"end": {"as": "chat_finished"}, "typing": {"skip": "not yet"}})
    assert [event.chat.chat_id for event in outcome.events] == ["1"]
    assert outcome.skipped == "not yet"
    assert "'boom' is not in the mapping" in str(outcome.not_understood)
    assert "end: `chat_id` came out empty" in str(outcome.not_understood)


def test_a_delivery_with_nothing_in_it_is_skipped_and_says_so() -> None:
    assert "no element where the mapping's `split` looks" in str(understood({"statuses": []}, split="messages").skipped)


FETCHING = {"at": "e", "fetch": {"chat": {"get": "/c/{id}"}}, "events": {
    "end": {"as": "chat_finished", "fetch": "chat", "in": "fetched.chat", "fields": {"topic": "title"}}}}


def test_what_must_be_fetched_first_is_asked_for_and_then_read() -> None:
    provider, received = mapping(**FETCHING), delivery({"e": "end", "id": 7})
    outcome = understand(received, provider, SOURCE)
    (wanted,) = outcome.wanted
    assert (outcome.events, wanted.part, wanted.fetch, wanted.scope.get("id")) == ((), 0, ("chat",), 7)
    got = understand(received, provider, SOURCE, fetched={0: {"chat": {"id": 7, "title": "x"}}})
    assert (got.wanted, [event.chat.topic for event in got.events]) == ((), ["x"])


def test_parts_are_fetched_each_for_itself() -> None:
    provider, received = mapping(split="list", **FETCHING), delivery({"list": [{"e": "end", "id": 1}, {"e": "end", "id": 2}]})
    assert [wanted.part for wanted in understand(received, provider, SOURCE).wanted] == [0, 1]
    got = understand(received, provider, SOURCE, fetched={1: {"chat": {"id": 2}}})
    assert ([wanted.part for wanted in got.wanted], [event.chat.chat_id for event in got.events]) == ([0], ["2"])


def test_a_record_that_carries_no_event_is_read_as_the_one_it_is_said_to_be() -> None:
    provider = mapping(at="e", events={"end": {"as": "chat_finished"}})
    assert understand(delivery({"id": 1}), provider, SOURCE, event="end").events


def test_a_body_that_cannot_be_read_is_not_understood_and_raises_nothing() -> None:
    assert "is not JSON" in str(understand(delivery(b"<html>"), mapping(), SOURCE).not_understood)


@pytest.mark.parametrize("payload", [[], {"id": []}, {"id": 1, "messages": 5}, {"id": 1, "messages": {"a": {"b": []}}},
                                     {"id": 1, "messages": [[], 5, "x", None, {"text": {"a": 1}, "at": []}]}, [1, 2],
                                     {"root": 1}])
def test_no_payload_of_another_shape_makes_it_raise(payload: Any) -> None:
    understood(payload, fields={"chat_id": "id", "tags": "messages[].x", "operators": "messages", "utm": "messages",
                                "visitor.fields": "messages", "page.url": "messages", "ended_at": "messages"},
               messages={"each": "messages", "role": "from", "roles": {"v": "visitor"}, "text": "text", "at": "at",
                         "files": {"each": "files", "url": "url"}})


def test_payload_text_is_never_read_as_a_template_or_an_expression() -> None:
    (event,) = understood({"id": "{root}", "t": "{{x}} `null` ${y}"}, fields={"chat_id": "id", "topic": "t"}).events
    assert (event.chat.chat_id, event.chat.topic) == ("{root}", "{{x}} `null` ${y}")


def test_what_is_wanted_says_what_is_known_before_it_is_fetched() -> None:
    provider = mapping(**{**FETCHING, "events": {"end": {"as": "chat_finished", "fetch": "chat"}}}, fields={
        "chat_id": "id", "ended_at": "at"})  # fmt: skip
    [wanted] = understand(delivery({"e": "end", "id": 7, "at": "2026-11-21T10:00:00Z"}), provider, SOURCE).wanted
    assert (wanted.first, wanted.chat_id, wanted.ended_at) == ("GET /c/7", "7", datetime(2026, 11, 21, 10, tzinfo=UTC))

    [wanted] = understand(delivery({"e": "end"}), provider, SOURCE).wanted
    assert (wanted.first, wanted.chat_id) == ("", None)

    [wanted] = understand(delivery({"e": "end", "id": 7}), mapping(**FETCHING), SOURCE).wanted
    assert wanted.chat_id is None, "it is read out of what is yet to come"


def test_only_the_parts_that_are_asked_about_are_read() -> None:
    received = delivery({"list": [{"e": "end", "id": 1}, {"e": "end", "id": 2}]})
    got = understand(received, mapping(split="list", **FETCHING), SOURCE, fetched={1: {"chat": {"id": 2}}}, only={1})
    assert ([event.chat.chat_id for event in got.events], got.wanted) == (["2"], ())
