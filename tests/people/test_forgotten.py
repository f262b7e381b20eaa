"""What was erased and is told once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bridge.model import Chat, Message, Role, Visitor
from bridge.people.forgotten import Marks, what_is_left

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MARKS = Marks("k" * 40)


def chat(*minutes: int | None, chat_id: str = "7", visitor: str | None = "v1") -> Chat:
    """A message at each of these minutes after AT; None: at an unknown time."""
    return Chat(
        source="shop", chat_id=chat_id, visitor=Visitor(id=visitor),
        messages=tuple(
            Message(role=Role.VISITOR, text=f"line {place}", at=None if minute is None else AT + timedelta(minutes=minute))
            for place, minute in enumerate(minutes)
        ),
    )  # fmt: skip


def left(told: Chat, erased: Chat, *, at: datetime = AT, person: bool = False) -> Chat | None:
    known = dict.fromkeys(MARKS.messages(erased), at.timestamp()) | {MARKS.chat("shop", erased.chat_id): at.timestamp()}
    if person:
        known = {MARKS.visitor("shop", "v1"): at.timestamp()}
    return what_is_left(told, MARKS, MARKS.of_person(told, ()), known)


def test_the_same_chat_told_once_more_is_nothing() -> None:
    assert left(chat(-5, -4), chat(-5, -4)) is None
    assert left(chat(None, None), chat(None, None)) is None


def test_what_is_said_after_the_erasing_is_kept_alone() -> None:
    found = left(chat(-5, -4, 3), chat(-5, -4))
    assert found is not None
    assert [message.text for message in found.messages] == ["line 2"]
    untimed = left(chat(None, None, None), chat(None, None))
    assert untimed is not None
    assert [message.text for message in untimed.messages] == ["line 2"]


def test_another_chat_of_the_person_counts_by_its_time() -> None:
    assert left(chat(-5, chat_id="8"), chat(-9), person=True) is None
    later = chat(5, chat_id="8")
    assert left(later, chat(-9), person=True) is later


def test_a_chat_of_somebody_else_is_not_touched() -> None:
    other = chat(-5, chat_id="8", visitor="v2")
    assert left(other, chat(-5), person=True) is other


def test_a_chat_without_messages_counts_by_its_end_or_by_its_id() -> None:
    ended = chat(chat_id="7").model_copy(update={"ended_at": AT - timedelta(minutes=1)})
    assert left(ended, chat()) is None
    assert left(ended.model_copy(update={"ended_at": AT + timedelta(minutes=1)}), chat()) is not None
    assert left(chat(chat_id="7"), chat()) is None


def test_marks_say_nothing_without_the_key_and_hold_nothing_in_clear() -> None:
    mark = MARKS.point("phone", "+79161234567")
    assert "916" not in mark
    assert mark != Marks("x" * 40).point("phone", "+79161234567")
    assert mark == Marks("k" * 40).point("phone", "+79161234567")
    assert MARKS.point("email", "Ivan@Example.com") == MARKS.point("email", "ivan@example.com")
