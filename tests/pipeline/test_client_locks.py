from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes import FakeClock

from bridge.model import JobState
from bridge.pipeline import client_locks
from bridge.pipeline.attempt import Attempting, Stop
from bridge.pipeline.client_locks import ClientLocks
from bridge.store import Store


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_locks, "PATIENCE", 0.0)


def attempt_of(job: int, clock: FakeClock) -> Attempting:
    row = cast("Any", SimpleNamespace(id=job, epoch=1, plan=None))
    return Attempting(job=row, clock=clock, lease_until=clock.monotonic() + 60)


async def test_the_second_chat_of_a_person_makes_room_and_comes_again_within_a_second(store: Store, clock: FakeClock) -> None:
    locks, first, second = ClientLocks(store, clock), attempt_of(1, clock), attempt_of(2, clock)
    await locks.take(first, ["phone:1", "email:1"])

    with pytest.raises(Stop) as caught:
        await locks.take(second, ["email:1"])

    outcome = caught.value.outcome
    assert (outcome.state, outcome.reason, outcome.uses_attempt) == (JobState.WAITING, "client_busy", False)
    assert outcome.next_at is not None
    assert 0 < outcome.next_at - clock.time() <= 1.0


async def test_those_that_wait_do_not_come_in_step(store: Store, clock: FakeClock) -> None:
    locks = ClientLocks(store, clock)
    await locks.take(attempt_of(1, clock), ["phone:1"])
    times = set()
    for job in range(2, 6):
        with pytest.raises(Stop) as caught:
            await locks.take(attempt_of(job, clock), ["phone:1"])
        times.add(caught.value.outcome.next_at)
    assert len(times) == 4


async def test_what_an_attempt_had_is_free_when_it_ends(store: Store, clock: FakeClock) -> None:
    locks, first, second = ClientLocks(store, clock), attempt_of(1, clock), attempt_of(2, clock)
    await locks.take(first, ["phone:1"])
    await locks.take(first, ["client:7"])
    await locks.give_back(first)

    await locks.take(second, ["phone:1", "client:7"])


async def test_who_is_told_no_holds_none_of_what_it_asked_for(store: Store, clock: FakeClock) -> None:
    locks = ClientLocks(store, clock)
    await locks.take(attempt_of(1, clock), ["b"])
    with pytest.raises(Stop):
        await locks.take(attempt_of(2, clock), ["a", "b"])

    await locks.take(attempt_of(3, clock), ["a"])
