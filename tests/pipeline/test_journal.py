from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes import FakeClock
from store_materials import LEASE, claim, finish_chat, plan_of

from bridge.connections.targets import Target
from bridge.crm.call import Guard
from bridge.crm.look import Look
from bridge.errors import (
    AuthExpired,
    BrakeReached,
    Busy,
    CrmBroken,
    EmptyExpression,
    NoAnswer,
    NotSent,
    Rejected,
    StaleLease,
    UnknownOutcome,
)
from bridge.mapping.load import load_crm
from bridge.model import JobState, Operation, OperationKind, OperationState
from bridge.pipeline.attempt import Attempting, Stop
from bridge.pipeline.carrying import Plans
from bridge.pipeline.journal import ASK_AGAIN, Journal
from bridge.store import Brake, OperationRow, Outcome, Store

COMMITS, LAG = 60.0, 5.0
POINTS = [("phone", "+79160000001")]
PLANNED, SENT, DONE, VOID = (OperationState(name) for name in ("planned", "sent", "done", "void"))


@dataclass
class Crm:
    """Does what the test says, and keeps what it was asked."""

    store: Store
    performs: list[str | Exception] = field(default_factory=list)
    looks: list[Look | Exception] = field(default_factory=list)
    performed: list[tuple[str, Mapping[str, str] | None]] = field(default_factory=list)
    looked: list[datetime] = field(default_factory=list)
    #: what the store said of the operation as its request left
    seen: list[OperationState] = field(default_factory=list)
    #: what there is to do before the request itself can leave
    before_leaving: Callable[[], Any] | None = None
    meanwhile: Callable[[], Any] | None = None
    before_answer: Callable[[], Any] | None = None
    may_wait: float = 0.0
    commits_within: float = COMMITS
    consistency_delay: float = LAG

    async def perform(
        self, operation: Operation, scope: Mapping[str, Any], steps: object, *, guard: Guard,
        again_headers: Mapping[str, str] | None = None,
    ) -> str:
        if self.before_leaving is not None:
            await self.before_leaving()
        await guard()
        rows = await self.store.operations(1)
        self.seen += [row.state for row in rows if row.marker == operation.marker]
        self.performed.append((operation.marker, again_headers))
        if self.before_answer is not None:
            await self.before_answer()
        return _given(self.performs)

    async def look(self, operation: Operation, scope: object, steps: object, *, sent_at: datetime, guard: object = None) -> Look:
        self.looked.append(sent_at)
        if self.meanwhile is not None:
            await self.meanwhile()
        return _given(self.looks)


def _given(script: list[Any]) -> Any:
    assert script, "asked once too often"
    one = script.pop(0)
    if isinstance(one, Exception):
        raise one
    return one


@dataclass
class Scene:
    """One job with its plan, and a CRM to carry it out in."""

    journal: Journal
    store: Store
    clock: FakeClock
    crm: Crm
    target: Target
    attempt: Attempting
    rows: list[OperationRow]

    async def carry_out(self, place: int = 0, **more: Any) -> OperationRow:
        row = (await self.store.operations(self.attempt.job.id))[place]
        assert self.attempt.plan is not None
        planned = self.attempt.plan.operations[place]
        if planned.kind is OperationKind.CREATE:
            more.setdefault("pending", POINTS)
        return await self.journal.carry_out(self.attempt, self.target, row, planned, planned.scope, **more)

    async def state(self, place: int = 0) -> OperationRow:
        return (await self.store.operations(self.attempt.job.id))[place]

    async def lose(self, error: Exception | None = None) -> None:
        """The request leaves, and no answer comes."""
        self.crm.performs.append(error or NoAnswer())
        with pytest.raises(type(error or NoAnswer())):
            await self.carry_out()

    async def again(self) -> None:
        """The next attempt, under a lease of its own."""
        await self.store.finish(self.attempt.job, Outcome(state=JobState.RETRYING, next_at=self.clock.time()), None)
        [job] = await claim(self.store)
        self.attempt = attempt_of(job, self.clock)


def attempt_of(job: Any, clock: FakeClock) -> Attempting:
    return Attempting(job=job, clock=clock, lease_until=clock.monotonic() + LEASE)


@pytest.fixture
async def scene(store: Store, clock: FakeClock) -> Scene:
    await finish_chat(store, clock.now())
    [job] = await claim(store)
    attempt = attempt_of(job, clock)
    attempt.plan = plan_of(OperationKind.CREATE, OperationKind.NOTE)
    rows = await store.record_plan(job, attempt.plan)
    crm = Crm(store)
    settings = SimpleNamespace(timeout=20.0, unknown_outcome="hold", name="sales")
    target = cast("Target", SimpleNamespace(settings=settings, mapping=load_crm("sandbox"), crm=crm, name="sales"))
    return Scene(Journal(store, clock), store, clock, crm, target, attempt, rows)


class TestSending:
    async def test_before_the_request_leaves_the_store_says_so(self, scene: Scene) -> None:
        scene.crm.performs = ["17"]

        row = await scene.carry_out()

        assert scene.crm.seen == [SENT]
        assert (row.state, row.record_id, row.sent_at) == (DONE, "17", scene.clock.time())

    async def test_while_a_client_is_made_its_contact_points_lead_to_the_operation_then_to_the_client(self, scene: Scene) -> None:
        await scene.lose()
        [under_way] = await scene.store.identities("sales", POINTS)
        assert (under_way.operation, under_way.client_id) == (scene.rows[0].id, None)

        scene.crm.looks = [Look.found("17")]
        await scene.carry_out()

        [known] = await scene.store.identities("sales", POINTS)
        assert (known.operation, known.client_id, known.entity) == (None, "17", "client")

    async def test_what_is_done_is_not_done_again(self, scene: Scene) -> None:
        scene.crm.performs = ["17"]
        await scene.carry_out()

        assert (await scene.carry_out()).record_id == "17"
        assert len(scene.crm.performed) == 1

    async def test_a_note_that_is_done_has_delivered_its_messages(self, scene: Scene) -> None:
        scene.crm.performs = ["17", "18"]
        await scene.carry_out(0)
        assert await scene.store.delivered(scene.attempt.job.chat_row, "sales") == frozenset()

        await scene.carry_out(1)

        assert await scene.store.delivered(scene.attempt.job.chat_row, "sales") == {"m1"}

    async def test_the_headers_of_a_dismissed_conflict_go_along(self, scene: Scene) -> None:
        scene.crm.performs = ["17"]

        await scene.carry_out(again_headers={"X-Allow": "true"})

        assert scene.crm.performed[0][1] == {"X-Allow": "true"}

    async def test_one_client_too_many_is_not_sent(self, scene: Scene) -> None:
        with pytest.raises(BrakeReached):
            await scene.carry_out(brake=Brake(most=0, since=0.0))

        assert scene.crm.performed == []
        assert (await scene.state()).state is PLANNED
        assert await scene.store.identities("sales", POINTS) == []

    async def test_a_worker_that_lost_its_job_sends_nothing(self, scene: Scene) -> None:
        scene.clock.jump(LEASE + 1)
        await scene.store.claim(owner="other", lease=LEASE, room={"sales": 1})

        with pytest.raises(StaleLease):
            await scene.carry_out()

        assert scene.crm.performed == []


class TestFailing:
    @pytest.mark.parametrize(
        "error", [Rejected(), Busy(), NotSent(), AuthExpired(), EmptyExpression("{client.id} is empty")], ids=lambda one: one.code
    )
    async def test_what_was_certainly_not_done_can_be_sent_again_at_once(self, scene: Scene, error: Exception) -> None:
        await scene.lose(error)
        assert (await scene.state()).state is VOID
        assert await scene.store.identities("sales", POINTS) == []

        scene.crm.performs = ["17"]
        assert (await scene.carry_out()).state is DONE

    async def test_too_little_lease_for_the_whole_time_out_sends_nothing_and_owes_nothing(self, scene: Scene) -> None:
        await scene.clock.advance(LEASE - 19)

        with pytest.raises(StaleLease):
            await scene.carry_out()

        assert scene.crm.performed == []
        assert (await scene.state()).state is VOID

    @pytest.mark.parametrize(
        ("error", "answered"),
        [
            (NoAnswer(), False), (UnknownOutcome(), False), (CrmBroken(status=500), True), (CrmBroken(status=503), True),
            (CrmBroken(status=502), False), (CrmBroken(status=504), False),
        ],
        ids=["no answer", "unknown", "500", "503", "502", "504"],
    )  # fmt: skip
    async def test_what_may_have_been_done_is_not_repeated(self, scene: Scene, error: Exception, answered: bool) -> None:
        """Behind a proxy that gave up, the CRM may still be at work."""
        await scene.lose(error)

        row = await scene.state()
        assert (row.state, row.answered) == (SENT, answered)
        waits = LAG if answered else LAG + COMMITS
        assert scene.journal.settled_at(scene.target, row) == scene.clock.time() + waits


class TestLeavingLate:
    """The CRM's limit, an upload, a look-up of names: much may lie between the journal's word and the request itself."""

    async def waits(self, scene: Scene) -> None:
        async def longer_than_anything_takes_effect() -> None:
            await scene.clock.advance(COMMITS + LAG + 1)
            held = {scene.attempt.job.id: scene.attempt.job.epoch}
            assert await scene.store.renew(held, LEASE) == {scene.attempt.job.id}
            scene.attempt.lease_until = scene.clock.monotonic() + LEASE

        scene.crm.before_leaving = longer_than_anything_takes_effect

    async def test_its_time_begins_when_it_leaves(self, scene: Scene) -> None:
        await self.waits(scene)
        await scene.lose()
        left_at = scene.clock.time()
        assert (await scene.state()).sent_at == left_at
        scene.crm.before_leaving = None
        scene.crm.looks = [Look.absent()]

        with pytest.raises(Stop) as stopped:
            await scene.carry_out()

        assert stopped.value.outcome.reason == "settling"
        assert stopped.value.outcome.next_at == left_at + COMMITS + LAG

    async def test_what_a_limit_may_have_made_it_wait_is_allowed_for(self, scene: Scene) -> None:
        scene.crm.may_wait = 10.0
        await scene.lose()
        assert scene.journal.settled_at(scene.target, await scene.state()) == scene.clock.time() + 10.0 + COMMITS + LAG

    async def test_it_is_still_known_as_one_that_was_refused(self, scene: Scene) -> None:
        await self.waits(scene)
        await scene.lose(Rejected("no"))
        assert (await scene.state()).state is VOID

    async def test_or_answered_with_an_error(self, scene: Scene) -> None:
        await self.waits(scene)
        await scene.lose(CrmBroken(status=500))
        row = await scene.state()
        assert (row.state, row.answered) == (SENT, True)

    async def test_who_lost_the_job_over_it_sends_nothing(self, scene: Scene) -> None:
        async def somebody_else_has_it() -> None:
            await scene.clock.advance(LEASE + 1)
            [_] = await claim(scene.store)
            scene.attempt.lease_until = scene.clock.monotonic() + LEASE

        scene.crm.before_leaving = somebody_else_has_it
        with pytest.raises(StaleLease):
            await scene.carry_out()
        assert scene.crm.performed == []
        assert (await scene.state()).state is VOID


class TestSettling:
    async def test_what_is_seen_is_believed_at_once(self, scene: Scene) -> None:
        await scene.lose()
        scene.crm.looks = [Look.found("17")]

        row = await scene.carry_out()

        assert (row.state, row.record_id) == (DONE, "17")
        assert len(scene.crm.performed) == 1
        assert scene.crm.looked == [datetime.fromtimestamp(scene.clock.time(), UTC)]

    async def test_what_is_not_seen_is_waited_for_to_the_second(self, scene: Scene) -> None:
        await scene.lose()
        sent_at = scene.clock.time()
        await scene.clock.advance(COMMITS + LAG - 1)
        await scene.again()
        scene.crm.looks = [Look.absent()]

        with pytest.raises(Stop) as stopped:
            await scene.carry_out()

        outcome = stopped.value.outcome
        assert (outcome.state, outcome.reason, outcome.next_at) == (JobState.WAITING, "settling", sent_at + COMMITS + LAG)
        assert not outcome.uses_attempt
        assert (await scene.state()).state is SENT

    async def test_then_it_is_sent_once_more_and_its_time_begins_anew(self, scene: Scene) -> None:
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        await scene.again()
        scene.crm.looks, scene.crm.performs = [Look.absent()], [NoAnswer()]

        with pytest.raises(NoAnswer):
            await scene.carry_out()

        row = await scene.state()
        assert (row.state, row.sent_at) == (SENT, scene.clock.time())
        assert len(scene.crm.performed) == 2

    async def test_after_an_error_that_was_answered_only_the_index_is_waited_for(self, scene: Scene) -> None:
        await scene.lose(CrmBroken(status=500))
        await scene.clock.advance(LAG)
        scene.crm.looks, scene.crm.performs = [Look.absent()], ["17"]

        assert (await scene.carry_out()).state is DONE

    async def test_what_cannot_be_known_is_held_with_the_way_out(self, scene: Scene) -> None:
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        await scene.again()
        scene.crm.looks = [Look.unknown("The list ends too early.")]

        with pytest.raises(Stop) as stopped:
            await scene.carry_out()

        outcome = stopped.value.outcome
        assert (outcome.state, outcome.reason) == (JobState.HELD, "unknown_outcome")
        assert "The list ends too early." in outcome.detail
        assert "`written`" in outcome.detail
        assert len(scene.crm.performed) == 1

    async def test_or_repeated_where_the_integrator_said_so(self, scene: Scene) -> None:
        scene.target.settings.unknown_outcome = "repeat"  # type: ignore[misc]
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        await scene.again()
        scene.crm.looks, scene.crm.performs = [Look.unknown("")], ["17"]

        assert (await scene.carry_out()).record_id == "17"

    async def test_a_crm_in_trouble_settles_nothing(self, scene: Scene) -> None:
        await scene.lose()
        scene.crm.looks = [NoAnswer()]

        with pytest.raises(NoAnswer):
            await scene.carry_out()

        assert (await scene.state()).state is SENT

    async def test_what_another_hand_settled_between_look_and_word_stands(self, scene: Scene) -> None:
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        await scene.again()
        row = await scene.state()

        async def settled() -> None:
            await scene.store.settle(row, DONE, record_id="17")

        scene.crm.meanwhile, scene.crm.looks = settled, [Look.absent()]

        row = await scene.carry_out()

        assert (row.state, row.record_id) == (DONE, "17")
        assert len(scene.crm.performed) == 1

    @pytest.mark.parametrize("seconds", [3600.0, -3600.0])
    async def test_a_clock_that_is_set_while_we_look_makes_nothing_certain(self, scene: Scene, seconds: float) -> None:
        """The journal moves with it, so that what was looked for is not what stands there now."""
        await scene.lose()
        await scene.again()

        async def set_meanwhile() -> None:
            scene.clock.jump(seconds)
            await scene.store.clock_moved(seconds)

        scene.crm.meanwhile, scene.crm.looks = set_meanwhile, [Look.absent()]

        with pytest.raises(Stop) as caught:
            await scene.carry_out()

        outcome, settled_at = caught.value.outcome, scene.clock.time() + COMMITS + LAG
        assert (outcome.state, outcome.reason, outcome.next_at) == (JobState.WAITING, "settling", settled_at)
        assert (await scene.state()).state is SENT

    async def test_a_row_that_was_read_before_the_clock_was_set_is_read_again(self, scene: Scene) -> None:
        await scene.lose()
        await scene.again()
        stale = await scene.state()
        scene.clock.jump(3600.0)
        await scene.store.clock_moved(3600.0)
        scene.crm.looks = [Look.absent()]

        planned = scene.attempt.plan.operations[0]  # type: ignore[union-attr]
        with pytest.raises(Stop, match="not known yet"):
            await scene.journal.carry_out(scene.attempt, scene.target, stale, planned, planned.scope, pending=POINTS)

        assert len(scene.crm.performed) == 1

    async def test_a_look_for_one_sending_says_nothing_of_the_next(self, scene: Scene) -> None:
        """While we look, whoever holds the job by now settles our sending and sends again: it must not be sent a third time."""
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        await scene.again()
        row = await scene.state()

        async def sent_again() -> None:
            await scene.store.settle(row, VOID)
            await scene.clock.advance(1)
            await scene.store.record_sent(row, epoch=scene.attempt.job.epoch, pending=POINTS)

        scene.crm.meanwhile, scene.crm.looks = sent_again, [Look.absent()]

        with pytest.raises(Stop, match="not known yet what became"):
            await scene.carry_out()

        assert len(scene.crm.performed) == 1
        assert (await scene.state()).state is SENT


class TestTooLate:
    """A worker that slept through the end of its lease knows of its own sending only."""

    async def sent_again(self, scene: Scene) -> OperationRow:
        """Another worker has settled our sending and sent it once more. Gives our row."""
        await scene.lose()
        ours = await scene.state()
        await scene.clock.advance(COMMITS + LAG)
        await scene.again()
        scene.crm.looks = [Look.absent()]
        await scene.lose()
        return ours

    async def test_that_it_came_to_nothing_says_nothing_of_the_next_sending(self, scene: Scene) -> None:
        ours = await self.sent_again(scene)

        await scene.store.settle(ours, VOID)

        assert (await scene.state()).state is SENT
        [under_way] = await scene.store.identities("sales", POINTS)
        assert under_way.operation == ours.id

    async def test_that_it_was_answered_does_not_shorten_the_wait_for_the_next(self, scene: Scene) -> None:
        ours = await self.sent_again(scene)

        await scene.store.record_answered(ours)

        assert not (await scene.state()).answered

    async def test_that_it_was_carried_out_counts_all_the_same(self, scene: Scene) -> None:
        ours = await self.sent_again(scene)

        await scene.store.settle(ours, DONE, record_id="17", entity="client")

        assert (await scene.state()).record_id == "17"

    async def test_an_answer_to_what_was_given_up_meanwhile_is_not_built_on(self, scene: Scene) -> None:
        async def given_up() -> None:
            await scene.store.settle(await scene.state(), VOID)

        scene.crm.before_answer, scene.crm.performs = given_up, ["17"]

        with pytest.raises(StaleLease):
            await scene.carry_out()


class TestAStoreYoungerThanTheChat:
    SINCE = datetime(2026, 11, 1, tzinfo=UTC)

    async def test_what_another_store_wrote_is_found(self, scene: Scene) -> None:
        scene.crm.looks = [Look.found("17")]

        row = await scene.carry_out(perhaps_since=self.SINCE)

        assert (row.state, row.record_id) == (DONE, "17")
        assert (scene.crm.performed, scene.crm.looked) == ([], [self.SINCE])
        [known] = await scene.store.identities("sales", POINTS)
        assert known.client_id == "17"

    @pytest.mark.parametrize("look", [Look.absent(), Look.unknown("", blind=True)], ids=["absent", "nothing to ask by"])
    async def test_what_is_not_found_is_written(self, scene: Scene, look: Look) -> None:
        scene.crm.looks, scene.crm.performs = [look], ["17"]

        assert (await scene.carry_out(perhaps_since=self.SINCE)).record_id == "17"

    async def held(self, scene: Scene) -> Outcome:
        scene.crm.looks = [Look.unknown("The list was too long.")]
        with pytest.raises(Stop) as stopped:
            await scene.carry_out(perhaps_since=self.SINCE)
        return stopped.value.outcome

    async def test_where_the_answer_is_not_clear_a_person_decides(self, scene: Scene) -> None:
        outcome = await self.held(scene)

        assert (outcome.state, outcome.reason) == (JobState.HELD, "unknown_outcome")
        assert "older than this store" in outcome.detail
        assert "The list was too long." in outcome.detail
        assert scene.crm.performed == []
        [under_way] = await scene.store.identities("sales", POINTS)
        assert under_way.operation == scene.rows[0].id

    async def test_who_says_that_it_was_written_is_believed(self, scene: Scene) -> None:
        outcome = await self.held(scene)
        await scene.store.finish(scene.attempt.job, outcome, None)

        assert await scene.store.written(scene.attempt.job.id, "17")

        assert ((await scene.state()).state, (await scene.state()).record_id) == (DONE, "17")

    async def test_a_look_that_is_clear_later_is_one_from_the_chats_time_on(self, scene: Scene) -> None:
        await self.held(scene)
        scene.crm.looks, scene.crm.performs = [Look.absent(), Look.absent()], ["17"]

        assert (await scene.carry_out(perhaps_since=self.SINCE)).record_id == "17"
        assert set(scene.crm.looked) == {self.SINCE}

    async def test_what_a_person_wants_written_again_is_written(self, scene: Scene) -> None:
        await scene.store.finish(scene.attempt.job, await self.held(scene), None)
        await scene.store.replay([scene.attempt.job.id], again=True)
        [job] = await claim(scene.store)
        scene.attempt = attempt_of(job, scene.clock)
        scene.attempt.plan = plan_of(OperationKind.CREATE, OperationKind.NOTE)
        await scene.store.record_plan(job, scene.attempt.plan)
        scene.crm.looks, scene.crm.performs = [Look.unknown("The list was too long.")], ["17"]

        assert (await scene.carry_out(perhaps_since=self.SINCE)).record_id == "17"

    async def test_where_the_integrator_chose_repeat_it_is_written(self, scene: Scene) -> None:
        scene.target.settings.unknown_outcome = "repeat"  # type: ignore[misc]
        scene.crm.looks, scene.crm.performs = [Look.unknown("")], ["17"]

        assert (await scene.carry_out(perhaps_since=self.SINCE)).record_id == "17"


class TestAnotherJobsClient:
    async def settle(self, scene: Scene) -> None:
        await scene.journal.settle_foreign(scene.attempt, scene.target, scene.rows[0].id, Plans(scene.store))

    async def test_what_is_settled_already_needs_no_look(self, scene: Scene) -> None:
        scene.crm.performs = ["17"]
        await scene.carry_out()

        await self.settle(scene)

        assert scene.crm.looked == []

    async def test_what_is_seen_is_everybodys(self, scene: Scene) -> None:
        await scene.lose()
        scene.crm.looks = [Look.found("17")]

        await self.settle(scene)

        assert ((await scene.state()).state, (await scene.state()).record_id) == (DONE, "17")

    async def test_what_is_certainly_not_there_is_given_up(self, scene: Scene) -> None:
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        scene.crm.looks = [Look.absent()]

        await self.settle(scene)

        assert (await scene.state()).state is VOID
        assert len(scene.crm.performed) == 1

    async def test_what_a_person_has_to_settle_is_waited_for(self, scene: Scene) -> None:
        await scene.lose()
        await scene.store.finish(scene.attempt.job, Outcome(state=JobState.HELD, reason="unknown_outcome"), None)

        with pytest.raises(Stop) as stopped:
            await self.settle(scene)

        outcome = stopped.value.outcome
        assert (outcome.state, outcome.next_at) == (JobState.WAITING, scene.clock.time() + ASK_AGAIN)
        assert scene.crm.looked == []

    async def test_what_nobody_can_know_is_left_to_the_job_it_belongs_to(self, scene: Scene) -> None:
        await scene.lose()
        await scene.clock.advance(COMMITS + LAG)
        scene.crm.looks = [Look.unknown("")]

        with pytest.raises(Stop) as stopped:
            await self.settle(scene)

        assert stopped.value.outcome.state is JobState.WAITING

    async def test_an_operation_that_is_gone_holds_up_nobody(self, scene: Scene) -> None:
        await scene.journal.settle_foreign(scene.attempt, scene.target, 4711, Plans(scene.store))
