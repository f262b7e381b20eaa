"""What replicas do at the same moment over one database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date

import pytest
from fakes import FakeClock
from store_materials import LEASE, claim, delivery, end, finish_chat, plan_of, raw
from tallied import tally_of

from bridge.errors import BrakeReached, NoRoom, StaleLease
from bridge.model import Chat, JobState, OperationKind, Visitor
from bridge.store import Brake, Outcome, Sorted, Store, VisitorContacts, open_store
from bridge.store.postgres.locks import LEASE as OF_A_LOCK
from bridge.store.postgres.shifts import SHIFT
from bridge.store.records import ChatChange, NewJob, ToFetch

CREATE, NOTE = OperationKind.CREATE, OperationKind.NOTE


@pytest.fixture
async def replicas(postgres_url: str, clock: FakeClock) -> AsyncIterator[list[Store]]:
    made = [open_store(postgres_url, clock=clock) for _ in range(3)]
    for store in made:
        await store.open()
    yield made
    for store in made:
        await store.close()


async def jobs_of(store: Store, clock: FakeClock, count: int, source: str = "shop") -> None:
    """So many chats, each with a job."""
    results = []
    for number in range(count):
        accepted = await store.accept(delivery(f"{source}/{number}", at=clock.now(), source=source))
        jobs = (NewJob(target="sales", next_at=0.0),)
        change = ChatChange(chat=Chat(source=source, chat_id=str(number)), base_revision=0, jobs=jobs)
        results.append(Sorted(delivery=accepted.id, state="sorted", changes=(change,)))
    await store.received(1)
    await store.record_sorted(results)


async def test_no_job_is_claimed_twice_and_none_is_left(replicas: list[Store], clock: FakeClock) -> None:
    await jobs_of(replicas[0], clock, 120)
    claimed: Counter[int] = Counter()

    async def worker(store: Store) -> None:
        while jobs := await store.claim(owner="w", lease=LEASE, room={"sales": 3}):
            claimed.update(job.id for job in jobs)
            await asyncio.gather(*(end(store, job, JobState.DONE) for job in jobs))

    while sum(claimed.values()) < 120:  # who met another's claim and got nothing looks again, as a worker does
        await asyncio.gather(*(worker(store) for store in replicas for _ in range(2)))
    assert set(claimed.values()) == {1}
    assert len(claimed) == 120


async def test_of_a_lane_one_job_runs_though_an_older_one_is_sent_round_while_the_newer_is_claimed(
    replicas: list[Store], clock: FakeClock
) -> None:
    one, other, _ = replicas
    for number in range(10):
        chat_id = str(number)
        await finish_chat(one, clock.now(), chat_id, "one")
        [old] = await claim(one)
        await end(one, old, JobState.DEAD)
        await finish_chat(one, clock.now(), chat_id, "one", "two")
        raw_of = await one.reading().jobs(states=["running"])
        assert raw_of == []
        await asyncio.gather(claim(other), one.replay([old.id]), claim(one))
        running = await one.reading().jobs(states=["running"])
        assert len(running) <= 1
        for row in running:
            job = await one.job(row["id"])
            assert job is not None
            await end(one, job, JobState.SKIPPED)


async def test_the_job_of_a_replica_that_is_gone_is_taken_up_when_its_lease_is_over(
    replicas: list[Store], clock: FakeClock
) -> None:
    await jobs_of(replicas[0], clock, 1)
    [job] = await claim(replicas[0])
    assert await claim(replicas[1]) == []
    await clock.advance(LEASE + 1)
    [again] = await claim(replicas[1])
    assert (again.id, again.epoch) == (job.id, job.epoch + 1)
    with pytest.raises(StaleLease):
        await replicas[0].record_plan(job, plan_of(NOTE))
    assert await replicas[0].renew({job.id: job.epoch}, LEASE) == set()


async def test_a_start_takes_nothing_from_the_others(replicas: list[Store], postgres_url: str, clock: FakeClock) -> None:
    await jobs_of(replicas[0], clock, 1)
    [job] = await claim(replicas[0])
    fourth = open_store(postgres_url, clock=clock)
    await fourth.open()
    assert await claim(fourth) == []
    await fourth.close()
    await end(replicas[0], job, JobState.DONE)


async def test_the_sources_of_a_target_take_turns_over_all_replicas(replicas: list[Store], clock: FakeClock) -> None:
    await jobs_of(replicas[0], clock, 60, source="many")
    await jobs_of(replicas[0], clock, 3, source="few")
    claimed = [job.source for store in replicas for job in await store.claim(owner="w", lease=LEASE, room={"sales": 4})]
    assert Counter(claimed) == {"many": 9, "few": 3}


async def test_one_client_too_many_is_one_too_many_for_all(replicas: list[Store], clock: FakeClock) -> None:
    await jobs_of(replicas[0], clock, 9)
    brake = Brake(most=4, since=clock.time() - 3600)
    jobs = [(store, job) for store in replicas for job in await claim(store, 3)]
    rows = [(store, job, (await store.record_plan(job, plan_of(CREATE)))[0]) for store, job in jobs]
    ended = await asyncio.gather(
        *(store.record_sent(row, epoch=job.epoch, brake=brake) for store, job, row in rows), return_exceptions=True
    )
    assert sum(isinstance(one, BrakeReached) for one in ended) == 5
    assert await replicas[0].clients_made("sales", 0.0) == 4


async def test_a_person_is_locked_by_one(replicas: list[Store], clock: FakeClock) -> None:
    keys = ["phone:1", "mail:a"]
    got = await asyncio.gather(
        *(store.lock(keys[:: 1 - 2 * (number % 2)], f"job {number}.{name}", 3600.0)
          for name, store in enumerate(replicas) for number in range(8))
    )  # fmt: skip
    assert sum(got) == 1


async def test_locks_lapse_with_the_leases_of_their_replica(replicas: list[Store], clock: FakeClock) -> None:
    one, other, _ = replicas
    assert await one.lock(["a"], "job 1", 3600.0)
    await clock.advance(OF_A_LOCK - 1)
    await one.renew({}, LEASE)
    await clock.advance(OF_A_LOCK - 1)
    assert not await other.lock(["a", "b"], "job 2", 3600.0)
    assert await other.lock(["b"], "job 2", 3600.0)
    await clock.advance(2)
    assert await other.lock(["a"], "job 2", 3600.0)
    await one.unlock("job 1")  # too late: it is another's by now
    assert not await one.lock(["a"], "job 3", 3600.0)


async def test_who_waits_for_a_lock_of_another_replica_hears_of_it(replicas: list[Store]) -> None:
    await replicas[0].lock(["a"], "one", 60)
    assert not await replicas[1].unlocked(["a"], 0.01)
    waiting = asyncio.create_task(replicas[1].unlocked(["a"], 30))
    await replicas[0].unlock("one")
    assert await asyncio.wait_for(waiting, 10)


async def test_a_sources_deliveries_are_read_by_one_replica_at_a_time(replicas: list[Store], clock: FakeClock) -> None:
    one, other, _ = replicas
    shop = await one.accept(delivery("a", at=clock.now()))
    await other.accept(delivery("b", at=clock.now(), source="blog"))

    assert [found.source for found in await one.received(1)] == ["shop"]
    assert await other.received(10) == []  # `blog` is the first's as well: it has looked at all there is
    await one.record_sorted([Sorted(delivery=shop.id, state="skipped")])
    await other.accept(delivery("c", at=clock.now(), source="third"))
    assert [found.source for found in await other.received(10)] == ["third"]


async def test_what_a_replica_has_read_that_stood_still_is_not_written(replicas: list[Store], clock: FakeClock) -> None:
    one, other, _ = replicas
    first = await one.accept(delivery("a", at=clock.now()))
    [read] = await one.received(10)
    await clock.advance(SHIFT + 1)
    [again] = await other.received(10)
    assert again.id == read.id == first.id
    with pytest.raises(NoRoom, match="Another replica"):
        await one.record_sorted([Sorted(delivery=first.id, state="skipped")])
    await other.record_sorted([Sorted(delivery=first.id, state="sorted")])
    # also once nobody has it any more
    await clock.advance(SHIFT + 1)
    with pytest.raises(NoRoom):
        await one.record_sorted([Sorted(delivery=first.id, state="skipped")])
    assert [row["state"] for row in await one.reading().deliveries()] == ["sorted"]


async def test_what_is_fetched_by_one_is_fetched_by_no_other(replicas: list[Store], clock: FakeClock) -> None:
    one, other, _ = replicas
    accepted = await one.accept(delivery("a", at=clock.now()))
    await one.record_sorted([Sorted(delivery=accepted.id, state="fetching", fetch=ToFetch(parts=(0,), at=clock.time()))])
    [due] = await one.claim_fetches(lease=300.0, room={"shop": 4})
    await one.received(10)  # nothing to be read; the source stays, for what is being fetched
    assert await other.claim_fetches(lease=300.0, room={"shop": 4}) == []
    await one.record_sorted([Sorted(delivery=due.delivery.id, state="sorted")])
    await one.close()
    late = await other.accept(delivery("b", at=clock.now()))
    assert [found.id for found in await other.received(10)] == [late.id]


async def test_contacts_that_are_told_at_once_add_up(replicas: list[Store], clock: FakeClock) -> None:
    """By different connections of one visitor's, even: the row is held from before it is read."""
    results = []
    for number in range(9):
        accepted = await replicas[0].accept(delivery(str(number), at=clock.now(), source=f"s{number % 3}"))
        contacts = VisitorContacts(source="shop", visitor_id="v1", phones=(f"+7916000000{number}",))
        results.append(Sorted(delivery=accepted.id, state="sorted", contacts=(contacts,)))
    await asyncio.gather(*(replicas[number % 3].record_sorted([one]) for number, one in enumerate(results)))
    known = await replicas[0].contacts_of("shop", "v1")
    assert known is not None
    assert len(known.phones) == 9


async def test_a_chat_that_two_make_at_once_is_made_by_one(replicas: list[Store], clock: FakeClock) -> None:
    results = []
    for number in range(3):
        accepted = await replicas[0].accept(delivery(str(number), at=clock.now(), source=f"s{number}"))
        change = ChatChange(chat=Chat(source="shop", chat_id="7", visitor=Visitor(name=str(number))), base_revision=0)
        results.append(Sorted(delivery=accepted.id, state="sorted", changes=(change,)))
    left = await asyncio.gather(*(store.record_sorted([one]) for store, one in zip(replicas, results, strict=True)))
    assert sorted(len(one) for one in left) == [0, 1, 1]


async def test_a_cause_is_raised_once_for_all(replicas: list[Store]) -> None:
    raised = await asyncio.gather(*(store.raise_alert("held:sales", "text") for store in replicas for _ in range(5)))
    assert sum(raised) == 1


async def test_figures_add_up_whoever_counts(replicas: list[Store], clock: FakeClock) -> None:
    await jobs_of(replicas[0], clock, 30)
    jobs = [(store, job) for store in replicas for job in await claim(store)]
    assert len(jobs) == 30
    await asyncio.gather(*(
        store.finish(job, Outcome(state=JobState.DONE), None, tally_of(response_s=20, rating="5")) for store, job in jobs
    ))  # fmt: skip
    [day] = await replicas[0].reading().reports.sums("day", date(2026, 1, 1), date(2026, 12, 31))
    assert (day.counts["chats"], sum(day.responses.values()), day.ratings) == (30, 30, {"5": 30})


async def test_what_one_writes_the_others_read(replicas: list[Store], clock: FakeClock) -> None:
    accepted = await asyncio.gather(*(store.accept(delivery("k", at=clock.now())) for store in replicas for _ in range(10)))
    assert len({one.id for one in accepted}) == 1
    assert sum(not one.duplicate for one in accepted) == 1


async def test_writes_that_cross_one_another_all_come_through(replicas: list[Store], postgres_url: str, clock: FakeClock) -> None:
    """Locks that are taken by rows nobody has named beforehand may cross; the server breaks one off, and it is done again."""
    await jobs_of(replicas[0], clock, 6)
    points = [("phone", f"+7{number}") for number in range(6)]
    await asyncio.gather(*(
        store.remember("sales", points if number % 2 else points[::-1], str(number), "client")
        for number in range(10) for store in replicas
    ))  # fmt: skip
    assert raw(postgres_url, "SELECT count(*) FROM identities") == [(6,)]
