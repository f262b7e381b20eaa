"""The figures: every example of docs/kpi.md, and what the page does not show."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.hours import Hours
from bridge.kpi import Kpi, kpi, open_seconds
from bridge.model import Chat, ContactPoint, EventKind, Message, Operator, PointKind, Role, Visitor

PAGE = (Path(__file__).parent.parent / "docs" / "kpi.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```kpi\n(.*?)\n---\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
MOSCOW = ZoneInfo("Europe/Moscow")
LINE = re.compile(r"(?:(?P<at>[\d-]+ [\d:]+)|-) (?P<role>\w+)(?: (?P<author>\w+))?: (?P<text>.+)")
KNOWN = {"true": True, "false": False, "not known": None}


def chat(*messages: Message, **parts: object) -> Chat:
    return Chat.model_validate({"source": "shop", "chat_id": "c1", "messages": messages} | parts)


def said(role: str, at: str | None = None, author: str | None = None) -> Message:
    when = datetime.fromisoformat(f"2026-11-20T{at}:00Z") if at else None
    return Message(role=Role(role), text="…", at=when, author=author)


def figures(*messages: Message, hours: str | None = None, **parts: object) -> Kpi:
    return kpi(chat(*messages, **parts), Hours(hours) if hours else None, MOSCOW)


@pytest.mark.parametrize(("told", "expected"), EXAMPLES)
def test_every_example_of_the_page_comes_out_as_written(told: str, expected: str) -> None:
    hours, messages, points = None, [], []
    for line in told.splitlines():
        if line.startswith("hours: "):
            hours = Hours(line.removeprefix("hours: "))
        elif line.startswith("phone"):
            claim = "other" if "somebody else" in line else "own"
            points.append(ContactPoint(kind=PointKind.PHONE, value=line.split()[-1], as_written=line, claim=claim))
        else:
            found = LINE.fullmatch(line)
            assert found, f"docs/kpi.md: {line!r} is no line of a chat"
            at = datetime.fromisoformat(found["at"]).replace(tzinfo=MOSCOW).astimezone(UTC) if found["at"] else None
            messages.append(Message(role=Role(found["role"]), text=found["text"], at=at, author=found["author"]))
    made = kpi(chat(*messages), hours, MOSCOW, points=points).model_dump()
    for line in expected.splitlines():
        name, _, value = line.partition(": ")
        assert made[name] == (KNOWN[value] if value in KNOWN else int(value)), line


def test_every_figure_is_explained_on_the_page() -> None:
    assert len(EXAMPLES) >= 10
    assert [name for name in Kpi.model_fields if f"`{name}`" not in PAGE] == []


def test_of_a_chat_without_messages_nothing_is_known() -> None:
    assert figures() == Kpi()


def test_a_message_left_offline_is_missed_even_without_text() -> None:
    assert figures(kind=EventKind.OFFLINE_MESSAGE).missed is True
    assert figures(said("visitor"), said("operator"), kind=EventKind.OFFLINE_MESSAGE).missed is False


def test_a_chat_in_which_only_machines_spoke_was_not_missed() -> None:
    made = figures(said("bot"), said("system"))
    assert (made.missed, made.abandoned, made.messages_visitor) == (False, None, 0)


def test_internal_lines_answer_nobody() -> None:
    made = figures(said("visitor", "10:00"), said("internal", "10:01", "Anna"))
    assert (made.missed, made.first_response_s, made.operators) == (True, None, 0)


def test_the_providers_own_beginning_and_end_go_before_the_messages_times() -> None:
    start = datetime(2026, 11, 20, 9, tzinfo=UTC)
    made = figures(said("visitor", "10:00"), said("visitor", "10:05"), started_at=start, ended_at=start + timedelta(hours=2))
    assert made.duration_s == 7200


@pytest.mark.parametrize("times", [("10:05", "10:00"), (None, "10:00"), ("10:00", None)])
def test_a_clock_that_runs_backwards_or_is_missing_gives_no_span(times: tuple[str | None, str | None]) -> None:
    assert figures(said("visitor", times[0]), said("operator", times[1])).first_response_s is None


@pytest.mark.parametrize(("start", "end"), [
    (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, 0, 5, tzinfo=UTC)),
    (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)),
    (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
])  # fmt: skip
def test_times_that_no_chat_has_are_not_known(start: datetime, end: datetime) -> None:
    made = figures(said("visitor"), started_at=start, ended_at=end, hours="24/7")
    assert made.duration_s is None


def test_an_unsigned_line_is_the_only_named_operators() -> None:
    lines = (said("visitor"), said("operator"), said("operator", author="Anna"))
    assert figures(*lines, operators=(Operator(name="Anna"),)).operators == 1
    assert figures(*lines, operators=(Operator(name="Anna"), Operator(name="Boris"))).operators is None


def test_a_form_speaks_for_itself_and_silence_is_not_known() -> None:
    assert figures(visitor=Visitor(emails=("a@b.ru",))).contact_given is True
    assert figures(said("visitor")).contact_given is None


def test_an_answer_outside_opening_hours_took_none_of_them() -> None:
    made = figures(said("visitor", "17:00"), said("operator", "18:00"), hours="Mo-Fr 09:00-18:00")
    assert made.first_response_s == 0, "20:00 to 21:00 local time"


def test_hours_over_a_change_of_the_clocks_have_their_true_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert open_seconds(*night, Hours("24/7"), berlin) == 25 * 3600
    spring = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert open_seconds(*spring, Hours("Su 00:00-24:00"), berlin) == 23 * 3600


def test_hours_that_pass_midnight_count_on_both_days() -> None:
    assert open_seconds(
        datetime(2026, 11, 20, 18, tzinfo=UTC), datetime(2026, 11, 21, 9, tzinfo=UTC), Hours("Fr 22:00-06:00"), MOSCOW
    ) == 8 * 3600


@given(st.lists(st.tuples(st.sampled_from(Role), st.none() | st.datetimes(timezones=st.just(UTC) | st.none()))), st.booleans())
def test_any_roles_and_any_times_give_figures(drawn: list[tuple[Role, datetime | None]], open_always: bool) -> None:
    messages = [Message(role=role, text="", at=at) for role, at in drawn]
    made = kpi(chat(*messages), Hours("Mo-Fr 09:00-18:00") if open_always else None, MOSCOW)
    assert all(value >= 0 for value in made.model_dump().values() if isinstance(value, int))
