"""Fields → the chat."""

from datetime import UTC, datetime
from typing import Any

import pytest
from parse_materials import chat, understood

from bridge.model import EventKind, Operator

MESSAGES = {"each": "messages", "role": "from", "roles": {"v": "visitor", "a": "operator"}, "text": "text", "at": "at"}


def fields(payload: dict[str, Any], **table: str) -> Any:
    named = {name.replace("__", "."): expression for name, expression in table.items()}
    return chat({"id": 1, **payload}, fields={"chat_id": "id", **named})


def test_ids_are_text_whatever_the_provider_sends() -> None:
    found = chat({"id": 12345678901234567890, "v": 7.0},
                 fields={"chat_id": "id", "visitor.id": "v", "visitor.external_id": "nothing"})
    assert (found.chat_id, found.visitor.id, found.visitor.external_id) == ("12345678901234567890", "7", None)


@pytest.mark.parametrize("payload", [{}, {"id": None}, {"id": " "}, {"id": {"a": 1}}])
def test_a_finished_chat_without_an_id_is_not_understood(payload: dict[str, Any]) -> None:
    assert understood(payload).not_understood == "`chat_id` came out empty; has the provider changed its format?"


def test_a_contact_needs_no_chat_but_somebody_to_belong_to() -> None:
    events = {"*": {"as": "contact_given", "fields": {"visitor.id": "who", "visitor.phone": "phone"}}}
    (event,) = understood({"who": 5, "phone": "+79000000001"}, events=events).events
    assert (event.kind, event.chat.chat_id, event.chat.visitor.id) == (EventKind.CONTACT_GIVEN, "", "5")
    assert "not by whom" in str(understood({"phone": "+79000000001"}, events=events).not_understood)


def test_phones_and_emails_are_collected_from_all_their_fields_once() -> None:
    found = fields({"p": "8 900", "ps": ["8 900", None, "", 79000000002], "e": "A@b.example"}, visitor__phone="p",
                   visitor__phones="ps", visitor__email="e", visitor__emails="[e, none]").visitor
    assert (found.phones, found.emails) == (("8 900", "79000000002"), ("A@b.example",))


def test_a_placeholder_is_no_name_and_a_contact_in_its_place_is_kept() -> None:
    table = {"chat_id": "id", "visitor.name": "n", "visitor.email": "e"}
    assert chat({"id": 1, "n": "Guest-7"}, fields=table).visitor.name is None
    assert chat({"id": 1, "n": "Gość"}, fields=table, placeholders="^Gość$").visitor.name is None
    found = chat({"id": 1, "n": "anna@example.com", "e": "other@example.com"}, fields=table).visitor
    assert (found.name, found.emails) == (None, ("other@example.com", "anna@example.com"))


def test_a_name_in_two_parts_is_whole_as_well() -> None:
    found = fields({"f": "Анна", "l": "Петрова"}, visitor__first_name="f", visitor__last_name="l").visitor
    assert (found.name, found.first_name, found.last_name) == ("Анна Петрова", "Анна", "Петрова")
    assert fields({"f": "Visitor", "l": ""}, visitor__first_name="f", visitor__last_name="l").visitor.name is None


def test_campaign_marks_are_read_off_the_page_unless_the_provider_sends_them() -> None:
    page = {"u": "https://a.example/?utm_source=page&utm_term=t"}
    assert fields(page, page__url="u").utm == {"source": "page", "term": "t"}
    assert fields({**page, "m": {"source": "sent"}}, page__url="u", utm="m").utm == {"source": "sent"}
    assert fields({**page, "s": "x"}, page__url="u", utm__source="s", utm__medium="nothing").utm == {"source": "x"}
    assert fields({**page, "m": {}}, page__url="u", utm="m").utm == {"source": "page", "term": "t"}


def test_operators_are_listed_named_singly_or_read_off_the_messages() -> None:
    payload = {"id": 1, "agents": [{"id": 7, "name": "Olga", "email": "o@a.example", "photo": "x"}, "Ivan", None], "one": 8,
               "messages": [{"from": "a", "text": "x", "by": "Olga"}, {"from": "a", "text": "y", "by": "Petr"}]}
    found = chat(payload, fields={"chat_id": "id", "operators": "agents", "operator.id": "one"},
                 messages={**MESSAGES, "author": "by"})
    assert found.operators == (Operator(id="7", name="Olga", email="o@a.example"), Operator(name="Ivan"), Operator(id="8"),
                               Operator(name="Petr"))


def test_open_fields_are_kept_as_they_are_and_without_nulls() -> None:
    found = fields({"form": {"size": 5, "x": None}, "a": [1]}, visitor__fields="form", visitor__fields__more="a", custom__a="a",
                   custom__b="none")
    assert (found.visitor.fields, found.custom) == ({"size": 5, "more": [1]}, {"a": [1]})


def test_times_that_the_provider_does_not_send_are_read_off_the_messages() -> None:
    words = {"id": 1, "messages": [{"from": "v", "text": "a", "at": 1772446300}, {"from": "v", "text": "b", "at": 1772446200},
                                   {"from": "v", "text": "c"}]}
    found = chat(words, messages=MESSAGES)
    assert found.started_at == datetime(2026, 3, 2, 10, 10, tzinfo=UTC)
    assert found.ended_at == datetime(2026, 3, 2, 10, 11, 40, tzinfo=UTC)
    under_way = chat(words, messages=MESSAGES, events={"*": {"as": "chat_updated"}})
    assert (under_way.started_at, under_way.ended_at) == (found.started_at, None)


def test_an_offline_message_becomes_one_message_of_the_visitor() -> None:
    events = {"*": {"as": "offline_message", "fields": {"text": "t", "ended_at": "at"}}}
    found = chat({"id": 1, "t": "<p>call me</p>", "at": 1772446200}, events=events, messages={**MESSAGES, "markup": "html"})
    assert [(m.role.value, m.text, m.at and m.at.timestamp()) for m in found.messages] == [("visitor", "call me", 1772446200)]
    assert chat({"id": 1}, events=events).messages == ()


def test_a_finished_chat_takes_no_message_from_the_field_for_text() -> None:
    assert fields({"t": "who said that?"}, text="t").messages == ()


def test_fields_of_a_rule_are_laid_over_the_common_ones_and_its_messages_take_their_place() -> None:
    rule = {"as": "chat_finished", "fields": {"topic": "subject"}, "messages": {**MESSAGES, "each": "lines"}}
    found = chat({"id": 1, "subject": "x", "lines": [{"from": "v", "text": "a"}], "messages": [{"from": "v", "text": "b"}]},
                 events={"*": rule}, messages=MESSAGES)
    assert (found.chat_id, found.topic, [message.text for message in found.messages]) == ("1", "x", ["a"])


def test_a_bad_time_costs_a_finding_and_nothing_else() -> None:
    (event,) = understood({"id": 1, "at": "noon"}, fields={"chat_id": "id", "ended_at": "at"}).events
    assert event.findings == ("ended_at: this is no time: 'noon'",)


def test_spam_and_channel_have_defaults() -> None:
    assert (chat({"id": 1}).spam, chat({"id": 1}).channel) == (False, "site")
    found = fields({"s": 1, "c": "telegram"}, spam="s", channel="c")
    assert (found.spam, found.channel) == (True, "telegram")
