from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.assemble import merged, with_contacts
from bridge.model import Chat, Message, Operator, Page, Role, Visitor
from bridge.write.keys import message_keys

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def message(text: str, minute: int | None = None, **more: str) -> Message:
    return Message(role=Role.VISITOR, text=text, at=None if minute is None else NOON + timedelta(minutes=minute), **more)


def chat(*messages: Message, **more: object) -> Chat:
    return Chat(source="shop", chat_id="7", messages=messages, **more)  # type: ignore[arg-type]


def test_a_whole_transcript_told_again_stands_as_it_was_told_last() -> None:
    old, new = chat(message("a", 0)), chat(message("a", 0), message("b", 1))

    assert [one.text for one in merged(old, new).messages] == ["a", "b"]


def test_a_continuation_alone_is_added_in_order_of_time() -> None:
    old, new = chat(message("a", 0), message("c", 2)), chat(message("b", 1))

    assert [one.text for one in merged(old, new).messages] == ["a", "b", "c"]


def test_without_times_what_is_new_comes_last() -> None:
    assert [one.text for one in merged(chat(message("a"), message("b")), chat(message("c"))).messages] == ["a", "b", "c"]


def test_an_edited_message_stands_as_it_was_told_last() -> None:
    old, new = chat(message("wrong", 0, id="1"), message("x", 1, id="2")), chat(message("right", 0, id="1"))

    assert [one.text for one in merged(old, new).messages] == ["right", "x"]


def test_nothing_that_was_known_is_lost() -> None:
    old = chat(
        visitor=Visitor(name="Анна", phones=("1",), fields={"a": 1}), operators=(Operator(name="O"),), page=Page(url="u"),
        rating="good", tags=("vip",), started_at=NOON, ended_at=NOON + timedelta(minutes=5),
    )  # fmt: skip
    new = chat(visitor=Visitor(phones=("2",), fields={"b": 2}), tags=("new",), ended_at=NOON + timedelta(minutes=9))

    both = merged(old, new)

    assert both.visitor == Visitor(name="Анна", phones=("2", "1"), fields={"a": 1, "b": 2})
    assert (both.operators, both.page, both.rating) == (old.operators, old.page, "good")
    assert both.tags == ("vip", "new")
    assert (both.started_at, both.ended_at) == (NOON, NOON + timedelta(minutes=9))


def test_contacts_from_elsewhere_stand_behind_the_chats_own() -> None:
    visitor = with_contacts(Visitor(phones=("1",)), ["2", "1"], ["a@b.c"], "Анна")

    assert (visitor.phones, visitor.emails, visitor.name) == (("1", "2"), ("a@b.c",), "Анна")


texts = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=6)


@given(texts, texts)
def test_every_message_told_is_there_once(old: list[tuple[str, int]], new: list[tuple[str, int]]) -> None:
    one, other = (chat(*(message(text, at) for text, at in told)) for told in (old, new))

    both = merged(one, other)

    assert set(message_keys(both)) == {*message_keys(one), *message_keys(other)}
    assert merged(both, other).messages == both.messages or len(merged(both, other).messages) == len(both.messages)
