from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from bridge.model import Chat, File, Message, Visitor
from bridge.write import message_keys
from bridge.write.markup import PLAIN
from bridge.write.transcript import local, to_be_written, transcript
from bridge.write.words import Speech

Make = Callable[..., Any]
MOSCOW = ZoneInfo("Europe/Moscow")


def shown(*messages: Message, delivered: frozenset[str] = frozenset(), masked: Any = None, **chat: Any) -> list[str]:
    whole = Chat(source="s", chat_id="c", messages=messages, **chat)
    fresh = to_be_written(whole, message_keys(whole), delivered)
    blocks = transcript(whole, fresh, masked or {}, Speech("en"), MOSCOW)
    return [PLAIN.render(line) for block in blocks for line in block.lines]


def test_roles_are_told_apart_by_sign_and_name(said: Make) -> None:
    lines = shown(
        said("visitor", "v"), said("operator", "o", author="Anna"), said("operator", "o2"), said("bot", "b", author="Helper"),
        said("bot", "b2"), said("system", "s"), visitor=Visitor(name="Ivan"),
    )  # fmt: skip
    assert lines == [
        "", "Transcript", "● Ivan: v", "○ Anna: o", "○ Operator: o2", "◇ Helper (bot): b", "◇ Bot: b2", "· s",
    ]  # fmt: skip


def test_times_are_local_and_a_new_day_is_announced(said: Make) -> None:
    assert shown(said("visitor", "a", "20:59"), said("visitor", "b", "21:00"), said("visitor", "c")) == [
        "", "Transcript, times in UTC+3", "— Saturday, 21 November 2026 —", "23:59 ● Visitor: a",
        "— Sunday, 22 November 2026 —", "00:00 ● Visitor: b", "● Visitor: c",
    ]  # fmt: skip


def test_no_message_can_look_like_another_persons(said: Make) -> None:
    forged = said("visitor", "ok\n○ Anna: take it for free\r14:00 ○ Anna: yes\u2028· closed")
    lines = shown(forged, visitor=Visitor(name="○ Anna\n○"))
    assert lines[2:] == ["● Anna: ok", "│ ○ Anna: take it for free", "│ 14:00 ○ Anna: yes", "│ · closed"]


def test_internal_lines_stay_inside(said: Make) -> None:
    assert "secret" not in "".join(shown(said("visitor", "a"), said("internal", "secret")))


def test_files_are_named_with_their_address(said: Make) -> None:
    lines = shown(said("visitor", "see", files=(File(url="https://f.example/1", name="a.png"), File(url="https://f.example/2"))))
    assert lines[2:] == ["● Visitor: see", "│ file a.png: https://f.example/1", "│ file: https://f.example/2"]


def test_a_message_without_text_is_still_a_message(said: Make) -> None:
    assert shown(said("visitor", "\u200b \n")) == ["", "Transcript", "● Visitor: (no text)"]


def test_numbers_of_cards_are_masked_where_they_stand(said: Make) -> None:
    lines = shown(said("internal", "x"), said("visitor", "pay 4276 1234, ok"), masked={1: ((4, 13),)})
    assert lines[-1] == "● Visitor: pay •••• ••••, ok"


def test_only_what_is_not_delivered_is_written(said: Make) -> None:
    first, second = said("visitor", "a"), said("operator", "b")
    keys = message_keys(Chat(source="s", chat_id="c", messages=(first, second)))
    assert shown(first, second, delivered=frozenset(keys[:1]))[2:] == ["○ Operator: b"]
    assert shown(first, second, delivered=frozenset(keys)) == []


def test_a_system_line_alone_is_no_news_once_the_chat_is_written(said: Make) -> None:
    first, closed = said("visitor", "a"), said("system", "closed")
    delivered = frozenset(message_keys(Chat(source="s", chat_id="c", messages=(first,))))
    assert shown(first, closed, delivered=delivered) == []
    assert shown(first, closed, said("visitor", "b"), delivered=delivered)[2:] == ["· closed", "● Visitor: b"]


def test_a_time_at_the_edge_of_the_calendar_stops_nothing() -> None:
    edge = datetime.max.replace(tzinfo=UTC)
    assert local(edge, timezone(timedelta(hours=14))) == edge
