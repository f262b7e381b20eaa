from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Chat, File, Message, Role, Visitor
from bridge.write import contact_key, message_keys

Make = Callable[..., Any]


def keys(*messages: Message) -> tuple[str, ...]:
    return message_keys(Chat(source="s", chat_id="c", messages=messages))


def test_the_providers_id_is_the_key_whatever_else_changes(said: Make) -> None:
    assert keys(said("visitor", "hello", "11:00", id="m1")) == keys(said("visitor", "hello!", "11:01", id="m1"))


def test_without_ids_role_time_and_text_are_the_key(said: Make) -> None:
    hello = keys(said("visitor", "hello", "11:00"))
    assert hello == keys(said("visitor", "hello", "11:00"))
    assert hello != keys(said("operator", "hello", "11:00"))
    assert hello != keys(said("visitor", "hello", "11:01"))
    assert hello != keys(said("visitor", "hello.", "11:00"))


def test_fractions_of_a_second_do_not_make_a_message_new(said: Make) -> None:
    message = said("visitor", "hello", "11:00")
    exact = message.model_copy(update={"at": message.at.replace(microsecond=417000)})
    assert keys(message) == keys(exact)


def test_equal_lines_stay_distinct_and_known(said: Make) -> None:
    line = said("visitor", "?")
    once, twice = keys(line), keys(line, line)
    assert len(set(twice)) == 2
    assert twice[:1] == once


def test_a_files_signature_in_its_address_does_not_make_it_new() -> None:
    def with_file(url: str, name: str = "") -> tuple[str, ...]:
        return keys(Message(role=Role.VISITOR, text="", files=(File(url=url, name=name),)))

    assert with_file("https://f.example/1?sig=a") == with_file("https://f.example/1?sig=b")
    assert with_file("https://f.example/1") != with_file("https://f.example/2")


def test_a_form_without_messages_is_known_by_its_contacts(point: Make) -> None:
    chat = Chat(source="s", chat_id="c", visitor=Visitor(phones=("8 916 123",)))
    assert contact_key(chat, ()) == contact_key(chat, ())
    assert contact_key(chat, ()) != contact_key(chat, (point("+79161234567"),))


@given(st.lists(st.tuples(st.sampled_from(Role), st.text(), st.none() | st.text(max_size=3))))
def test_there_is_one_key_a_message_and_all_differ(drawn: list[tuple[Role, str, str | None]]) -> None:
    made = keys(*(Message(role=role, text=text, id=ident) for role, text, ident in drawn))
    assert len(made) == len(set(made)) == len(drawn)
