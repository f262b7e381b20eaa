from __future__ import annotations

import pytest
from fakes import FakeClock
from store_materials import plan_of

from bridge.errors import StaleLease
from bridge.model import Client, EventKind, JobState, OperationKind, Plan
from bridge.pipeline.attempt import Attempting, PlanAgain, held, skipped, waiting
from bridge.store import Job


def job(plan: Plan | None = None) -> Job:
    return Job(
        id=7, chat_row=1, source="shop", chat_id="1", kind=EventKind.CHAT_FINISHED, target="sales", revision=1,
        state=JobState.RUNNING, reason="", detail="", attempts=0, epoch=3, generation=0, quiet=False, created_at=0.0,
        updated_at=0.0, next_at=0.0, failing_since=None, plan=plan,
    )  # fmt: skip


def attempting(clock: FakeClock, lease: float = 60.0, plan: Plan | None = None) -> Attempting:
    return Attempting(job=job(plan), clock=clock, lease_until=clock.monotonic() + lease)


async def test_a_lease_covers_a_request_only_to_its_very_end(clock: FakeClock) -> None:
    attempt = attempting(clock, lease=60)
    attempt.require_lease(60)
    await clock.advance(1)

    with pytest.raises(StaleLease):
        attempt.require_lease(60)
    attempt.require_lease(59)


async def test_a_wall_clock_that_jumps_makes_no_lease_longer(clock: FakeClock) -> None:
    attempt = attempting(clock, lease=60)
    await clock.advance(50)
    clock.jump(-3600)

    with pytest.raises(StaleLease):
        attempt.require_lease(20)


def test_each_try_owns_its_locks_by_another_name(clock: FakeClock) -> None:
    assert attempting(clock).lock_owner == "job:7:3"


def test_it_begins_with_the_stored_plan_and_knows_nobody(clock: FakeClock) -> None:
    stored = plan_of(OperationKind.CREATE)
    attempt = attempting(clock, plan=stored)

    assert (attempt.plan, attempt.known, attempt.steps) == (stored, None, [])


def test_what_is_said_stands_in_the_trace_with_its_time(clock: FakeClock) -> None:
    attempt = attempting(clock)
    attempt.say("searched", "2 found")

    [step] = attempt.steps
    assert (step.what, step.detail, step.at) == ("searched", "2 found", clock.now())


def test_the_ways_to_end_early() -> None:
    assert (skipped("spam").outcome.state, skipped("spam").outcome.reason) == (JobState.SKIPPED, "spam")
    assert (held("ambiguous", "two cards").outcome.state, str(held("ambiguous", "two cards"))) == (JobState.HELD, "two cards")


def test_a_wait_has_a_time_and_uses_up_no_attempt() -> None:
    outcome = waiting("settling", 100.0, "It is not known yet.").outcome

    assert (outcome.state, outcome.next_at, outcome.uses_attempt) == (JobState.WAITING, 100.0, False)


def test_a_new_plan_may_know_the_client_already() -> None:
    client = Client(id="1")

    assert PlanAgain("the CRM has it", client).client is client
    assert PlanAgain("settled meanwhile").client is None
