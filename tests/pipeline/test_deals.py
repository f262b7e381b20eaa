from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes import FakeClock
from store_materials import LEASE, claim, end, finish_chat, plan_of

from bridge.connections.targets import Target
from bridge.crm.look import Look
from bridge.errors import NoAnswer, Rejected
from bridge.mapping.load import load_crm
from bridge.model import Client, JobState, Operation, OperationKind, OperationState
from bridge.pipeline.attempt import Attempting, Stop
from bridge.pipeline.carrying import Plans
from bridge.pipeline.deals import Deals
from bridge.pipeline.journal import Journal
from bridge.store import Keep, OperationRow, Store

COMMITS, LAG = 60.0, 5.0
CLIENT = Client(id="c1")


@dataclass
class Crm:
    looks: list[Look | Exception] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    may_wait: float = 0.0
    commits_within: float = COMMITS
    consistency_delay: float = LAG

    async def look(self, operation: Operation, scope: Mapping[str, Any], steps: object, *, sent_at: datetime,
                   guard: object = None) -> Look:  # fmt: skip
        self.looked.append(operation.marker)
        one = self.looks.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    async def open_deals(self, client: Client, scope: object, steps: object) -> list[dict[str, Any]]:
        return self.listed


@dataclass
class Scene:
    """Job 1 has a deal for the client; job 2, another chat's, asks which deals are open."""

    store: Store
    clock: FakeClock
    crm: Crm
    target: Target
    row: OperationRow
    first: Attempting
    second: Attempting

    async def asks(self, client: Client = CLIENT) -> list[str]:
        journal = Journal(self.store, self.clock)
        deals = Deals(self.store, self.clock, journal, Plans(self.store))
        return [deal["id"] for deal in await deals.open_of(self.second, self.target, client, {})]

    async def sent(self, client: str = CLIENT.key) -> None:
        self.row = await self.store.record_sent(self.row, epoch=self.first.job.epoch, client=client)

    async def state(self) -> OperationState:
        row = await self.store.operation(self.row.id)
        assert row is not None
        return row.state

    async def waits(self) -> float:
        """For how long."""
        with pytest.raises(Stop) as stopped:
            await self.asks()
        outcome = stopped.value.outcome
        assert (outcome.state, outcome.reason, outcome.uses_attempt) == (JobState.WAITING, "settling", False)
        assert outcome.next_at is not None
        return outcome.next_at - self.clock.time()


@pytest.fixture
async def scene(store: Store, clock: FakeClock) -> Scene:
    for chat in ("a", "b"):
        await finish_chat(store, clock.now(), chat)
    first, second = (Attempting(job=job, clock=clock, lease_until=clock.monotonic() + LEASE) for job in await claim(store))
    [row] = await store.record_plan(first.job, plan_of(OperationKind.DEAL))
    crm = Crm()
    settings = SimpleNamespace(timeout=20.0, unknown_outcome="hold", name="sales")
    target = cast("Target", SimpleNamespace(settings=settings, mapping=load_crm("sandbox"), crm=crm, name="sales"))
    return Scene(store, clock, crm, target, row, first, second)


async def test_what_the_crm_lists_is_open(scene: Scene) -> None:
    scene.crm.listed = [{"id": "8"}]

    assert await scene.asks() == ["8"]
    assert scene.crm.looked == []


async def test_a_deal_that_was_planned_and_never_sent_is_none(scene: Scene) -> None:
    assert await scene.asks() == []


async def test_one_whose_answer_was_lost_is_looked_for(scene: Scene) -> None:
    await scene.sent()
    scene.crm.looks = [Look.found("17")]

    assert await scene.asks() == ["17"]
    assert await scene.state() is OperationState.DONE


async def test_one_that_the_list_shows_already_is_there_once(scene: Scene) -> None:
    await scene.sent()
    scene.crm.looks, scene.crm.listed = [Look.found("17")], [{"id": "17"}]

    assert await scene.asks() == ["17"]


async def test_one_that_may_land_yet_is_waited_for(scene: Scene) -> None:
    await scene.sent()
    scene.crm.looks = [Look.absent()]

    assert await scene.waits() == COMMITS + LAG


async def test_one_that_certainly_never_landed_is_given_up(scene: Scene) -> None:
    await scene.sent()
    await scene.clock.advance(COMMITS + LAG)
    scene.crm.looks = [Look.absent()]

    assert await scene.asks() == []
    assert await scene.state() is OperationState.VOID


async def test_where_a_look_says_nothing_the_list_is_enough_once_nothing_can_land_any_more(scene: Scene) -> None:
    await scene.sent()
    scene.crm.looks = [Look.unknown("there is no way"), Look.unknown("there is no way")]
    assert await scene.waits() == COMMITS + LAG
    await scene.clock.advance(COMMITS + LAG)

    assert await scene.asks() == []
    assert await scene.state() is OperationState.SENT


async def test_what_a_person_has_been_asked_is_not_settled_behind_their_back(scene: Scene) -> None:
    await scene.sent()
    await end(scene.store, scene.first.job, JobState.HELD, "unknown_outcome")
    assert await scene.waits() == COMMITS + LAG
    await scene.clock.advance(COMMITS + LAG)

    assert await scene.asks() == []
    assert scene.crm.looked == []
    assert await scene.state() is OperationState.SENT


async def test_of_a_chat_that_was_emptied_since_only_the_list_tells(scene: Scene) -> None:
    await scene.sent()
    await end(scene.store, scene.first.job, JobState.RETRYING)
    await scene.store.skip([scene.first.job.id], "by hand")
    await scene.clock.advance(10)
    now = scene.clock.time()
    while await scene.store.prune(Keep(raw_since=now, chats_since=now, keys_since=0.0), 10):
        pass
    assert await scene.waits() == COMMITS + LAG - 10
    await scene.clock.advance(COMMITS + LAG)
    scene.crm.listed = [{"id": "8"}]

    assert await scene.asks() == ["8"]
    assert scene.crm.looked == []


async def test_a_look_that_the_crm_refuses_does_not_end_another_chats_job(scene: Scene) -> None:
    await scene.sent()
    scene.crm.looks = [Rejected("no such field"), Rejected("no such field")]
    assert await scene.waits() == COMMITS + LAG
    await scene.clock.advance(COMMITS + LAG)

    assert await scene.asks() == []


async def test_a_crm_that_does_not_answer_the_look_is_asked_another_time(scene: Scene) -> None:
    await scene.sent()
    await scene.clock.advance(COMMITS + LAG)
    scene.crm.looks = [NoAnswer()]

    with pytest.raises(NoAnswer):
        await scene.asks()


async def test_one_that_is_done_is_open_until_the_list_must_show_it(scene: Scene) -> None:
    await scene.sent()
    await scene.store.settle(scene.row, OperationState.DONE, record_id="17")
    assert await scene.asks() == ["17"]
    await scene.clock.advance(LAG + 1)

    assert await scene.asks() == []


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
async def test_a_clock_that_is_set_makes_it_neither_older_nor_younger(scene: Scene, seconds: float) -> None:
    await scene.sent()
    await scene.store.settle(scene.row, OperationState.DONE, record_id="17")
    scene.clock.jump(seconds)
    await scene.store.clock_moved(seconds)

    assert await scene.asks() == ["17"]
    await scene.clock.advance(LAG + 1)
    assert await scene.asks() == []


@pytest.mark.parametrize("card", ["client:c2", "company:c1", ""])
async def test_a_deal_of_somebody_else_is_nothing_to_wait_for(scene: Scene, card: str) -> None:
    await scene.sent(card)

    assert await scene.asks() == []
