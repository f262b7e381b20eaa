"""The figures of many chats: every example of docs/kpi.md through a real store, and what is not known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import FakeClock
from tallied import COUNTED_ON, counting

from bridge.config.hours import Hours
from bridge.kpi import kpi
from bridge.model import Chat, Message, Role
from bridge.pipeline.tally import tally
from bridge.report.reports.figures import SHOWN, Figures, figures, line, lines
from bridge.store.reports import BY, Sums

PAGE = (Path(__file__).parents[3] / "docs" / "kpi.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```report\n(.*?)\n---\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
MOSCOW = ZoneInfo("Europe/Moscow")
LINE = re.compile(r"(?:(?P<at>[\d-]+ [\d:]+)|-) (?P<role>\w+)(?: (?P<author>\w+))?: (?P<text>.+)")


def messages_of(told: str) -> list[Message]:
    made = []
    for text in told.splitlines():
        found = LINE.fullmatch(text)
        assert found, f"docs/kpi.md: {text!r} is no line of a chat"
        at = datetime.fromisoformat(found["at"]).replace(tzinfo=MOSCOW).astimezone(UTC) if found["at"] else None
        made.append(Message(role=Role(found["role"]), text=found["text"], at=at, author=found["author"]))
    return made


@pytest.mark.parametrize(("told", "expected"), EXAMPLES)
async def test_every_report_of_the_page_comes_out_as_written(told: str, expected: str, tmp_path: Path, clock: FakeClock) -> None:
    hours = None
    if told.startswith("hours: "):
        first, _, told = told.partition("\n")
        hours = Hours(first.removeprefix("hours: "))
    async with counting(tmp_path, clock) as counted:
        for number, one in enumerate(told.split("\n\n")):
            chat = Chat(source="shop", chat_id=f"c-{number}", messages=tuple(messages_of(one)))
            await counted.count(chat, tally(chat, kpi(chat, hours, MOSCOW, points=()), hours, MOSCOW, received=COUNTED_ON))
        total = line("", await counted.sums("day"))
        operators = {one.key: one.all.chats for one in lines(await counted.sums("operator"))}
    for text in expected.splitlines():
        name, _, value = text.partition(": ")
        figure, _, apart = name.partition(" ")
        if figure == "operator":
            assert operators[apart] == int(value), text
            continue
        of = total.of(apart or "all")
        assert (None if of is None else getattr(of, figure)) == (None if value == "not known" else float(value)), text


def test_every_figure_of_the_report_is_explained_on_the_page() -> None:
    assert len(EXAMPLES) >= 3
    assert [one.name for one in SHOWN if f"`{one.name}`" not in PAGE] == []
    assert {one.name for one in SHOWN} == {name for name in Figures.model_fields if not name.endswith("_of")}


def test_of_no_chats_nothing_is_known() -> None:
    made = figures([])
    assert made.chats == 0
    assert {name for name, value in made.model_dump().items() if value not in (0, {})} == {
        name for name in Figures.model_fields if not name.endswith("_of") and name not in {"chats", "ratings"}
    }
    assert all(value is None for name, value in made.model_dump().items() if value not in (0, {}))


def test_nothing_and_not_known_are_two_things() -> None:
    none = figures([Sums(key="", hours="within", counts={"chats": 3, "missed_n": 3, "clients_n": 2})])
    assert (none.missed, none.missed_share, none.new_clients, none.deals) == (0, 0.0, 0, 0)
    assert (none.abandoned, none.duration_s, none.handoffs) == (None, None, None)


def test_lines_of_one_key_are_added_up_and_stand_apart_by_hours() -> None:
    one = Sums(key="a", hours="within", counts={"chats": 2}, ratings={"5": 1, "4": 2})
    late = Sums(key="a", hours="outside", counts={"chats": 1}, ratings={"5": 4})
    made = lines([one, late, Sums(key="b", hours="unknown", counts={"chats": 7})])
    assert [(found.key, found.all.chats) for found in made] == [("a", 3), ("b", 7)]
    assert (made[0].within, made[0].outside) == (figures([one]), figures([late]))
    assert made[0].unknown is None
    assert list(made[0].all.ratings.items()) == [("5", 5), ("4", 2)]


async def test_a_report_can_be_made_by_everything_that_is_promised(tmp_path: Path, clock: FakeClock) -> None:
    assert list(BY) == ["day", "source", "channel", "page", "operator", "utm"]
    async with counting(tmp_path, clock) as counted:
        for number in range(3):
            await counted.add(f"c-{number}", source="shop" if number else "other", page=f"shop.example/{number}")
        assert {by: sorted(one.key for one in await counted.sums(by)) for by in BY} == {
            "day": ["2026-11-20"], "source": ["other", "shop"], "channel": ["site"],
            "page": ["shop.example/0", "shop.example/1", "shop.example/2"], "operator": [""], "utm": [""],
        }  # fmt: skip
        only = await counted.reports.sums("page", date(2026, 11, 1), date(2026, 11, 30), "other")
        assert [one.key for one in only] == ["shop.example/0"]
