"""What is known of a chat before the CRM is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.model import Client, Message, Role
from bridge.pipeline.attempt import Attempting
from bridge.pipeline.case import UNDATED, Case

BORN = 1_800_000_000.0


@asynccontextmanager
async def a_case(folder: Path, *, event: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[tuple[Way, Case]]:
    clock = FakeClock()
    async with on_the_way(folder, clock, **more) as way:
        await way.post(event or finished(1))
        [job] = await way.jobs()
        stored = await way.store.chat(job.chat_row)
        attempt = Attempting(job=job, clock=clock, lease_until=0.0)
        yield way, Case.of(attempt, way.sources["shop"], way.targets["sales"], stored, way.settings)


async def test_it_has_the_visitors_contact_points_and_what_follows_from_the_chat_once(tmp_path: Path) -> None:
    async with a_case(tmp_path) as (_, case):
        assert [point.value for point in case.person.points] == ["+79160000001"]
        assert case.scope["phones"] == ["+79160000001"]
        assert case.scope is case.scope
        assert case.carries() == set(case.message_keys)
        assert case.client_lock(Client(id="7", entity="lead")) == "sales/client:lead:7"


async def test_what_only_operators_may_read_is_nothing_to_be_told(tmp_path: Path) -> None:
    async with a_case(tmp_path) as (_, case):
        whisper = Message(role=Role.INTERNAL, text="a difficult one")
        chat = case.chat.model_copy(update={"messages": (*case.chat.messages, whisper)})
        case.stored = case.stored.__class__(row=1, revision=1, updated_at=0.0, chat=chat)
        assert len(case.message_keys) == len(chat.messages)
        assert case.carries() == set(case.message_keys[:-1])

        case.stored = case.stored.__class__(row=1, revision=1, updated_at=0.0, chat=chat.model_copy(update={"messages": ()}))
        del case.message_keys
        assert len(case.carries()) == 1  # its contact points


async def test_the_options_are_those_of_the_first_route_that_fits(tmp_path: Path) -> None:
    routes = [
        {"source": "shop", "when": "channel == 'telegram'", "target": "sales", "options": {"match_limit": 1}},
        {"source": "shop", "target": "sales", "options": {"match_limit": 2}},
    ]
    async with a_case(tmp_path, source={"target": None}, routes=routes) as (_, case):
        assert case.options.match_limit == 2


@pytest.mark.parametrize(
    ("started", "ended", "made", "since"),
    [
        (BORN - 90, BORN - 60, 0, BORN - 90),
        (None, BORN - 60, 0, BORN - 60),
        (BORN - 60, None, 0, BORN - 60),
        (BORN - 60, BORN + 1, 0, None),
        (BORN + 1, BORN + 60, 0, None),
        # a chat that does not say when it was may be a repetition of the last days
        (None, None, BORN + UNDATED - 1, BORN - UNDATED),
        (None, None, BORN + UNDATED + 1, None),
    ],
)
async def test_what_may_have_been_written_before_this_store_was_made_is_known_by_the_chats_time(
    tmp_path: Path, started: float | None, ended: float | None, made: float, since: float | None
) -> None:
    async with a_case(tmp_path) as (_, case):
        times = {name: at and datetime.fromtimestamp(at, UTC) for name, at in (("started_at", started), ("ended_at", ended))}
        chat = case.chat.model_copy(update=times)
        case.stored = case.stored.__class__(row=1, revision=1, updated_at=0.0, chat=chat)
        case.attempt.job = case.attempt.job.__class__(**{
            name: getattr(case.attempt.job, name) for name in case.attempt.job.__dataclass_fields__
        } | {"created_at": made})  # fmt: skip
        found = case.perhaps_since(BORN)
        assert (found and found.timestamp()) == since
