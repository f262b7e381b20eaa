from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeClock
from scripted import DONE, Make, Scripted, Watching, once, only_job, worker_maker
from store_materials import finish_chat, plan_of

from bridge.config import RetrySettings
from bridge.errors import AccessRefused, Blocked, Busy, CrmBroken, EmptyExpression, NoAnswer, NotFound, Rejected
from bridge.model import JobState, OperationKind, OperationState
from bridge.pipeline.attempt import Attempting, held, skipped, waiting
from bridge.store import Outcome, Store, TargetStop


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def make(store: Store, clock: FakeClock, watching: Watching) -> Make:
    return worker_maker(store, clock, watching)


class TestOutcomes:
    """What comes after each way an attempt can end."""

    @pytest.mark.parametrize(
        ("script", "state", "reason", "counts"),
        [
            (DONE, JobState.DONE, "new", 1),
            (skipped("spam"), JobState.SKIPPED, "spam", 1),
            (held("ambiguous", "two cards"), JobState.HELD, "ambiguous", 1),
            (Rejected("no such field", status=422), JobState.DEAD, "crm_rejected", 1),
            (NotFound(), JobState.DEAD, "crm_not_found", 1),
            (EmptyExpression("{client.id} is empty"), JobState.DEAD, "empty_expression", 1),
            (NoAnswer(), JobState.RETRYING, "crm_no_answer", 1),
            (CrmBroken(status=500), JobState.RETRYING, "crm_broken", 1),
            (Busy(retry_after=7), JobState.RETRYING, "crm_busy", 0),
            (Busy(), JobState.RETRYING, "crm_busy", 1),
            (AccessRefused("no rights", status=403), JobState.WAITING, "target_stopped", 0),
            (Blocked(), JobState.WAITING, "target_stopped", 0),
            (KeyError("a fault of ours"), JobState.RETRYING, "internal", 1),
        ],
        ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
    )
    async def test_each_has_its_own(
        self, store: Store, clock: FakeClock, make: Make, script: Any, state: JobState, reason: str, counts: int
    ) -> None:
        await finish_chat(store, clock.now())

        await once(make(script))

        job = await only_job(store)
        assert (job.state, job.reason, job.attempts) == (state, reason, counts)

    async def test_the_crms_status_and_words_stand_with_the_job(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())

        await once(make(Rejected("The CRM refuses it.", status=422, excerpt="phone: too long")))

        assert (await only_job(store)).detail == "The CRM refuses it. (HTTP 422): phone: too long"

    async def test_a_wait_that_the_crm_asked_for_is_kept_to_the_second_but_not_beyond_the_longest(
        self, store: Store, clock: FakeClock, make: Make, watching: Watching
    ) -> None:
        await finish_chat(store, clock.now())
        await once(make(Busy(retry_after=7)))
        assert watching.outcomes[-1].next_at == clock.time() + 7
        await clock.advance(7)

        await once(make(Busy(retry_after=10**9), retry=RetrySettings(longest=60.0)))

        assert watching.outcomes[-1].next_at == clock.time() + 60

    async def test_where_the_crm_was_asked_too_much_one_job_goes_first_and_the_others_follow_it(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        """All at once, each would ask its first questions again and none would come to its end."""
        for chat in ("1", "2", "3"):
            await finish_chat(store, clock.now(), chat)
        pipeline = Scripted(Busy(retry_after=5, status=429))
        worker = make(pipeline)
        assert await once(worker) == 3
        await clock.advance(5)
        pipeline.script = DONE

        assert [await once(worker) for _ in range(3)] == [1, 2, 0]

    async def test_our_own_pace_does_not_make_jobs_go_one_by_one(self, store: Store, clock: FakeClock, make: Make) -> None:
        for chat in ("1", "2", "3"):
            await finish_chat(store, clock.now(), chat)
        worker = make(Busy(retry_after=5))
        assert await once(worker) == 3
        await clock.advance(5)

        assert await once(worker) == 3

    async def test_a_fault_of_ours_in_one_chat_is_that_chats_alone(self, store: Store, clock: FakeClock, make: Make) -> None:
        for chat in ("1", "2"):
            await finish_chat(store, clock.now(), chat)

        async def script(attempt: Attempting) -> Outcome:
            if attempt.job.chat_id == "1":
                raise ZeroDivisionError
            return DONE

        await once(make(script))

        states = {row["chat_id"]: row["state"] for row in await store.reading().jobs()}
        assert states == {"1": "retrying", "2": "done"}

    async def test_the_trace_keeps_what_was_decided_before_the_fault(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())

        async def script(attempt: Attempting) -> Outcome:
            attempt.say("searched", "0 hits")
            raise ZeroDivisionError

        await once(make(script))

        shown = await store.reading().job((await only_job(store)).id)
        assert shown is not None
        [tried] = shown["tried"]
        assert [step["what"] for step in tried["steps"]] == ["searched", "broke"]

    async def test_making_room_for_another_chat_leaves_no_trace(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())

        await once(make(waiting("client_busy", clock.time() + 1)))

        job = await only_job(store)
        shown = await store.reading().job(job.id)
        assert shown is not None
        assert (job.state, job.attempts, shown["tried"]) == (JobState.WAITING, 0, [])


class TestGivingUp:
    ONCE = RetrySettings(attempts=1)

    async def test_after_the_last_attempt_it_is_dead_and_says_how_often_it_was_tried(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        await finish_chat(store, clock.now())
        worker = make(NoAnswer("no answer"), retry=RetrySettings(attempts=2))
        await once(worker)
        await clock.advance(3600)

        await once(worker)

        job = await only_job(store)
        assert (job.state, job.reason) == (JobState.DEAD, "crm_no_answer")
        assert job.detail == "Tried 2 times. no answer"

    async def test_or_when_it_has_failed_for_too_long(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())
        worker = make(NoAnswer(), retry=RetrySettings(give_up_after=86400.0))
        await once(worker)
        await clock.advance(86399)
        await once(worker)
        assert (await only_job(store)).state is JobState.RETRYING
        await clock.advance(3600)

        await once(worker)

        assert (await only_job(store)).state is JobState.DEAD

    async def test_a_wait_in_between_does_not_make_it_begin_anew(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())
        retry = RetrySettings(give_up_after=86400.0)
        await once(make(NoAnswer(), retry=retry))
        await clock.advance(3600)
        await once(make(waiting("settling", clock.time() + 60), retry=retry))
        await clock.advance(86400)

        await once(make(NoAnswer(), retry=retry))

        assert (await only_job(store)).state is JobState.DEAD

    @pytest.mark.parametrize("error", [NoAnswer(), Rejected("the CRM refuses the look itself")], ids=["no answer", "refused"])
    async def test_with_a_request_whose_outcome_is_unknown_it_is_held(
        self, store: Store, clock: FakeClock, make: Make, error: Exception
    ) -> None:
        """Dead would let the visitor's next chat be written past what may or may not be there."""
        await finish_chat(store, clock.now())

        async def script(attempt: Attempting) -> Outcome:
            [row] = await store.record_plan(attempt.job, plan_of(OperationKind.CREATE))
            await store.record_sent(row, epoch=attempt.job.epoch)
            raise error

        await once(make(script, retry=self.ONCE))

        job = await only_job(store)
        assert (job.state, job.reason) == (JobState.HELD, "unknown_outcome")
        assert (await store.operations(job.id))[0].state is OperationState.SENT

    async def test_a_fault_of_ours_ends_like_any_other(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())

        await once(make(ZeroDivisionError(), retry=self.ONCE))

        assert (await only_job(store)).state is JobState.DEAD


async def test_an_end_that_cannot_be_written_down_counts_and_comes_to_an_end(store: Store, clock: FakeClock, make: Make) -> None:
    """What a CRM said may be text that no store takes; the job is not to run for ever for it."""
    await finish_chat(store, clock.now())
    unwritable = Outcome(state=JobState.DEAD, reason="crm_rejected", detail="half of a pair: \ud83d")
    worker = make(unwritable, retry=RetrySettings(attempts=2))
    assert await once(worker) == 1
    job = await only_job(store)
    assert (job.state, job.reason, job.attempts) == (JobState.RETRYING, "internal", 1)
    await clock.advance(3600)
    assert await once(worker) == 1
    assert (await only_job(store)).state is JobState.DEAD


async def test_what_a_person_has_to_end_is_not_ended_by_an_attempt_that_went_well(store: Store, clock: FakeClock) -> None:
    ban = TargetStop(target="sales", reason="crm_blocked", detail="", since=clock.time())
    await store.stop_target(ban)
    assert not await store.go("sales", rested=True)
    assert await store.stops()
    await store.stop_target(TargetStop(target="sales", reason="x", detail="", since=clock.time(), until=clock.time() + 5))
    assert await store.go("sales", rested=True)
    await store.stop_target(ban)
    assert await store.go("sales")
