"""Where messages stand, and whose they are."""

from typing import Any

import pytest
from parse_materials import chat, understood

from bridge.model import File, Role

EACH = {"each": "messages", "role": "from", "roles": {"0": "visitor", "1": "operator", "true": "internal", "x": "skip"},
        "text": "text"}


def rows(payload: Any, **messages: Any) -> list[tuple[str, str]]:
    found = chat({"id": 1, **payload}, messages={**EACH, **messages}).messages
    return [(message.role.value, message.text) for message in found]


def test_roles_are_compared_as_text() -> None:
    words = [{"from": 0, "text": "a"}, {"from": "1", "text": "b"}, {"from": True, "text": "c"}, {"from": "x", "text": "d"}]
    assert rows({"messages": words}) == [("visitor", "a"), ("operator", "b"), ("internal", "c")]


@pytest.mark.parametrize("word", ["agent", None, "", "Visitor", ["0"], 0.5])
def test_a_role_that_is_not_in_the_table_is_system_with_a_finding_and_never_the_visitor(word: Any) -> None:
    (event,) = understood({"id": 1, "messages": [{"from": word, "text": "+79000000001"}]}, messages=EACH).events
    assert [message.role for message in event.chat.messages] == [Role.SYSTEM]
    assert any("is not in the mapping's `roles`; it was taken for system" in finding for finding in event.findings)


def test_a_star_in_the_table_stands_for_every_other_role() -> None:
    assert rows({"messages": [{"from": 7, "text": "a"}]}, roles={"0": "visitor", "*": "bot"}) == [("bot", "a")]


def test_messages_without_text_and_files_are_left_out_without_a_word() -> None:
    words = [{"from": "?", "text": " \n"}, {"from": "?"}, None, {"from": 0, "text": "a"}]
    (event,) = understood({"id": 1, "messages": words}, messages=EACH).events
    assert (len(event.chat.messages), event.findings) == (1, ())


def test_only_messages_for_which_the_condition_holds_are_taken() -> None:
    words = [{"from": 0, "text": "a", "deleted": True}, {"from": 0, "text": "b"}]
    assert rows({"messages": words}, when="!deleted") == [("visitor", "b")]


def test_a_list_that_was_printed_as_an_object_is_read_in_the_order_of_its_numbers() -> None:
    words = {"10": {"from": 0, "text": "c"}, "2": {"from": 0, "text": "b"}, "1": {"from": 0, "text": "a"}}
    assert rows({"messages": words}) == [("visitor", "a"), ("visitor", "b"), ("visitor", "c")]


def test_messages_are_put_in_order_where_the_mapping_says_by_what() -> None:
    words = [{"from": 0, "text": "d"}, {"from": 0, "text": "c", "n": "10"}, {"from": 0, "text": "a", "n": 9},
             {"from": 0, "text": "b", "n": "9"}, {"from": 0, "text": "e", "n": "later"}]
    assert [text for _, text in rows({"messages": words}, sort="n")] == ["a", "b", "c", "e", "d"]


@pytest.mark.parametrize(("markup", "written", "text"), [
    ("plain", " a <b>&amp; ", "a <b>&amp;"), ("html", "<p>a &amp; <b>b</b></p><p>c</p>", "a & b\n\nc"),
    ("bbcode", "[b]a[/b] [17]", "a [17]"),
])
def test_text_becomes_plain_by_its_markup(markup: str, written: str, text: str) -> None:
    assert rows({"messages": [{"from": 0, "text": written}]}, markup=markup) == [("visitor", text)]


def test_a_name_is_kept_of_operators_and_not_of_the_visitor() -> None:
    words = [{"from": 0, "text": "a", "by": "Anna"}, {"from": 1, "text": "b", "by": "Olga"}]
    found = chat({"id": 1, "messages": words}, messages={**EACH, "author": "by"})
    assert [message.author for message in found.messages] == [None, "Olga"]
    assert [operator.name for operator in found.operators] == ["Olga"]


def test_files_have_web_addresses_and_can_be_all_there_is() -> None:
    words = [{"from": 0, "files": [{"href": "https://a.example/1", "n": "a.png"}, {"href": "file:///etc/passwd"}]}]
    files = {"each": "files", "url": "href", "name": "n"}
    (event,) = understood({"id": 1, "messages": words}, messages={**EACH, "files": files}).events
    (message,) = event.chat.messages
    assert message.files == (File(url="https://a.example/1", name="a.png"),)
    assert event.findings == ("a file of a message has no web address; it was left out",)


def test_joins_reach_the_whole_payload_from_inside_a_message() -> None:
    payload = {"id": 1, "people": [{"id": 7, "t": "agent"}], "messages": [{"by": "7", "text": "a"}, {"by": 8, "text": "b"}]}
    found = chat(payload, messages={"each": "messages", "role": "lookup(root.people, 'id', by).t || 'guest'", "text": "text",
                                    "roles": {"agent": "operator", "guest": "visitor"}})
    assert [message.role.value for message in found.messages] == ["operator", "visitor"]


LINES = {"lines": "log", "cut": "⊙", "roles": {"Visitor": "visitor", "Agent": "operator"},
         "pattern": r"^\s*\[(?P<at>[^\]]+)\] (?P<role>Visitor|Agent)(?: (?P<author>\w+))?: (?P<text>.*)$"}


def test_one_text_that_holds_the_whole_chat_is_taken_apart() -> None:
    log = "Chat begins⊙[2026-03-02T10:10:48Z] Visitor: hello⊙second line⊙[2026-03-02T10:11:48Z] Agent Olga: hi⊙ "
    (event,) = understood({"id": 1, "log": log}, messages=LINES).events
    assert [(message.role.value, message.text, message.author) for message in event.chat.messages] == [
        ("system", "Chat begins", None), ("visitor", "hello\nsecond line", None), ("operator", "hi", "Olga")]
    assert event.chat.messages[1].at is not None
    assert len(event.findings) == 1


def test_lines_can_be_read_by_expressions_over_what_the_pattern_found() -> None:
    found = chat({"id": 1, "log": "1772446248 v hello"}, messages={
        "lines": "log", "pattern": r"^(?P<stamp>\d+) (?P<who>\w) (?P<said>.*)$", "role": "match.who", "roles": {"v": "visitor"},
        "text": "match.said", "at": "from_unix(match.stamp)"})
    assert [(message.text, message.at and message.at.timestamp()) for message in found.messages] == [("hello", 1772446248)]


def test_a_chat_without_messages_has_none() -> None:
    assert rows({}) == []
    assert chat({"id": 1}, messages=LINES).messages == ()
