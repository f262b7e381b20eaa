"""What a store promises, held against every engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeClock
from store_materials import LEASE, chat, claim, delivery, end, finish_chat, opened, plan_of, raw

from bridge.errors import StaleLease
from bridge.model import Correction, JobState, OperationKind, OperationState, PointKind, Step, Verdict
from bridge.store import (
    Attempt,
    AuditEntry,
    Forgetting,
    Keep,
    Outcome,
    Position,
    Sorted,
    Store,
    TargetStop,
    VisitorContacts,
    open_store,
)
from bridge.store.records import ChatChange, NewJob, ToFetch
from bridge.store.sqlite import jumps

CREATE, NOTE, DEAL, TASK = OperationKind.CREATE, OperationKind.NOTE, OperationKind.DEAL, OperationKind.TASK


@pytest.fixture
async def store(store_url: str, clock: FakeClock) -> AsyncIterator[Store]:
    async with opened(store_url, clock) as made:
        yield made


class TestTokens:
    async def test_a_pair_is_kept_with_its_end_and_counted(self, store: Store, clock: FakeClock) -> None:
        assert await store.token("sales") is None
        assert await store.save_token("sales", b"one", expires_at=5.0, replaces=None)
        assert await store.save_token("sales", b"two", expires_at=None, replaces=1)

        kept = await store.token("sales")
        assert kept is not None
        assert (kept.version, kept.sealed, kept.expires_at, kept.saved_at) == (2, b"two", None, clock.time())

    async def test_a_pair_that_was_overtaken_takes_nobodys_place(self, store: Store) -> None:
        await store.save_token("sales", b"one", expires_at=None, replaces=None)
        await store.save_token("sales", b"two", expires_at=None, replaces=1)

        assert not await store.save_token("sales", b"late", expires_at=None, replaces=1)
        kept = await store.token("sales")
        assert kept is not None
        assert kept.sealed == b"two"

    async def test_one_at_a_time_may_renew_and_only_the_newest(self, store: Store, clock: FakeClock) -> None:
        await store.save_token("sales", b"one", expires_at=None, replaces=None)
        claims = await asyncio.gather(
            *(store.claim_token("sales", version=1, owner=str(number), seconds=30.0) for number in range(20))
        )
        assert sum(claims) == 1
        owner = str(claims.index(True))
        assert await store.claim_token("sales", version=1, owner=owner, seconds=30.0)
        assert await store.claim_token("retail", version=0, owner="other", seconds=30.0)

        await clock.advance(31)
        assert not await store.claim_token("sales", version=0, owner="next", seconds=30.0)
        assert await store.claim_token("sales", version=1, owner="next", seconds=30.0)
        await store.release_token("sales", owner)
        assert not await store.claim_token("sales", version=1, owner="third", seconds=30.0)
        await store.release_token("sales", "next")
        assert await store.claim_token("sales", version=1, owner="third", seconds=30.0)

    async def test_what_has_ended_is_claimed_by_nobody_until_a_new_pair_is_there(self, store: Store) -> None:
        await store.save_token("sales", b"one", expires_at=None, replaces=None)
        await store.end_token("sales", version=1, reason="withdrawn")

        kept = await store.token("sales")
        assert kept is not None
        assert kept.ended == "withdrawn"
        assert not await store.claim_token("sales", version=1, owner="a", seconds=30.0)
        await store.save_token("sales", b"two", expires_at=None, replaces=None)
        await store.end_token("sales", version=1, reason="an old story")
        kept = await store.token("sales")
        assert kept is not None
        assert (kept.ended, kept.version) == ("", 2)

    async def test_a_consent_is_kept_until_it_has_led_to_a_pair(self, store: Store) -> None:
        await store.keep_consent("sales", b"begun")
        await store.save_token("retail", b"one", expires_at=None, replaces=None)
        begun = await store.token("sales")
        await store.save_token("sales", b"one", expires_at=None, replaces=None)
        ended = await store.token("sales")

        assert begun is not None
        assert ended is not None
        assert (begun.consent, begun.version, ended.consent) == (b"begun", 0, b"")


class TestIntake:
    async def test_a_delivery_is_kept_whole(self, store: Store, clock: FakeClock) -> None:
        body = "Привет\x00\ud800".encode("utf-8", "surrogatepass") + b"\xff"
        await store.accept(delivery("k", at=clock.now(), body=body))

        [kept] = await store.received(10)

        assert (kept.body, kept.headers, kept.received_at) == (body, {"content-type": "application/json"}, clock.now())

    async def test_the_same_key_again_is_the_same_delivery(self, store: Store, clock: FakeClock) -> None:
        first = await store.accept(delivery("k", at=clock.now()))
        again = await store.accept(delivery("k", at=clock.now(), body=b"other bytes"))

        assert (again.id, first.duplicate, again.duplicate) == (first.id, False, True)
        assert len(await store.received(10)) == 1

    async def test_a_key_counts_within_its_source_only(self, store: Store, clock: FakeClock) -> None:
        first = await store.accept(delivery("k", at=clock.now()))
        other = await store.accept(delivery("k", source="blog", at=clock.now()))

        assert not other.duplicate
        assert other.id != first.id

    async def test_a_hundred_at_once_with_one_key_are_one(self, store: Store, clock: FakeClock) -> None:
        accepted = await asyncio.gather(*(store.accept(delivery("k", at=clock.now())) for _ in range(100)))

        assert len({one.id for one in accepted}) == 1
        assert sum(not one.duplicate for one in accepted) == 1

    async def test_a_sorted_delivery_is_not_received_again(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())

        assert await store.received(10) == []

    async def test_what_was_not_understood_can_be_sorted_again(self, store: Store, clock: FakeClock) -> None:
        for key, source in (("a", "shop"), ("b", "shop"), ("c", "blog")):
            accepted = await store.accept(delivery(key, source=source, at=clock.now()))
            await store.record_sorted([Sorted(delivery=accepted.id, state="not_understood", reason="what is this")])
        await finish_chat(store, clock.now())

        assert await store.sort_again(deliveries=[1]) == 1
        assert [one.dedupe_key for one in await store.received(10)] == ["a"]
        assert await store.sort_again(source="shop") == 1
        assert [one.dedupe_key for one in await store.received(10)] == ["a", "b"]

    async def test_a_chat_gets_a_revision_with_each_end(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "7", "one")
        await finish_chat(store, clock.now(), "7", "one", "two")

        known = await store.chat_of("shop", "7")

        assert known is not None
        assert known.revision == 2
        assert [message.text for message in known.chat.messages] == ["one", "two"]

    async def test_a_change_from_an_old_base_leaves_its_delivery_to_be_sorted_again(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "7", "one")
        late = await store.accept(delivery("late", at=clock.now()))

        await store.record_sorted([
            Sorted(delivery=late.id, state="sorted", changes=(
                ChatChange(chat=chat("7", "other"), base_revision=0, jobs=(NewJob(target="sales", next_at=0.0),)),
            )),
        ])  # fmt: skip

        assert [one.id for one in await store.received(10)] == [late.id]
        assert (await store.chat_of("shop", "7")).revision == 1  # type: ignore[union-attr]

    async def test_contacts_of_a_visitor_add_up_newest_first(self, store: Store, clock: FakeClock) -> None:
        for number, phone in enumerate(("+79160000001", "+79160000002")):
            accepted = await store.accept(delivery(f"c{number}", at=clock.now()))
            contacts = VisitorContacts(source="shop", visitor_id="v1", phones=(phone,), emails=(), name=None)
            await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", contacts=(contacts,))])

        known = await store.contacts_of("shop", "v1")

        assert known is not None
        assert known.phones == ("+79160000002", "+79160000001")

    async def test_a_late_contact_wakes_the_chat_that_waits_for_one(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await end(store, job, JobState.WAITING, "no_contact", next_at=clock.time() + 86400, counts=False)
        [waiting] = await store.chats_of_visitor("shop", "v1")
        accepted = await store.accept(delivery("contact", at=clock.now()))

        change = ChatChange(chat=chat("7", phones=("+79160000001",)), base_revision=waiting.revision, wake=True)
        await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", changes=(change,))])

        [again] = await claim(store)
        assert (again.id, again.revision) == (job.id, 1)
        assert (await store.chat(again.chat_row)).chat.visitor.phones == ("+79160000001",)


    async def test_a_job_that_cannot_be_read_keeps_no_other_from_being_claimed(
        self, store: Store, clock: FakeClock, store_url: str
    ) -> None:
        await finish_chat(store, clock.now())
        await finish_chat(store, clock.now(), chat_id="8")
        first, second = await claim(store)
        await store.record_plan(first, plan_of(CREATE, NOTE))
        for job in (first, second):
            await end(store, job, JobState.RETRYING, "crm_down", next_at=clock.time())
        raw(store_url, f"UPDATE jobs SET plan = '{{\"operations\": 7}}' WHERE id = {first.id}")

        assert [job.id for job in await claim(store)] == [second.id]
        row = await store.reading().job(first.id)
        assert row is not None
        assert (row["state"], row["reason"]) == ("dead", "internal")
        assert "cannot be read" in row["detail"]
        assert await claim(store) == []


class TestFetching:
    async def to_fetch(
        self, store: Store, clock: FakeClock, key: str, *, source: str = "shop", lane: str = "", later: float = 0.0,
        parts: tuple[int, ...] = (0,),
    ) -> int:  # fmt: skip
        accepted = await store.accept(delivery(key, source=source, at=clock.now()))
        wants = ToFetch(parts=parts, at=clock.time() + later, lane=lane)
        assert await store.record_sorted([Sorted(delivery=accepted.id, state="fetching", fetch=wants)]) == []
        return accepted.id

    async def claimed(self, store: Store, room: int = 10, *sources: str) -> list[int]:
        found = await store.claim_fetches(lease=300.0, room=dict.fromkeys(sources or ("shop", "blog"), room))
        return [one.delivery.id for one in found]

    async def test_what_waits_for_an_answer_is_not_sorted_again(self, store: Store, clock: FakeClock) -> None:
        number = await self.to_fetch(store, clock, "a", parts=(0, 2))

        assert await store.received(10) == []
        [found] = await store.claim_fetches(lease=300.0, room={"shop": 1})
        assert (found.delivery.id, found.delivery.body, found.wants.parts) == (number, b'{"a": 1}', (0, 2))

    async def test_it_is_taken_once_until_its_lease_is_over(self, store: Store, clock: FakeClock) -> None:
        number = await self.to_fetch(store, clock, "a")
        assert await self.claimed(store) == [number]
        assert await self.claimed(store) == []

        await clock.advance(301)

        assert await self.claimed(store) == [number]

    async def test_it_is_not_taken_before_its_time_and_of_each_source_so_many(self, store: Store, clock: FakeClock) -> None:
        later = await self.to_fetch(store, clock, "later", later=60.0)
        shop = [await self.to_fetch(store, clock, f"s{number}") for number in range(3)]
        blog = await self.to_fetch(store, clock, "b", source="blog")

        assert sorted(await self.claimed(store, 2)) == sorted([*shop[:2], blog])
        assert await self.claimed(store, 2, "blog") == []
        await clock.advance(61)
        assert await self.claimed(store, 9, "shop") == [shop[2], later]

    async def test_of_a_lane_the_first_is_taken_until_it_is_over(self, store: Store, clock: FakeClock) -> None:
        first = await self.to_fetch(store, clock, "a", lane="7")
        second = await self.to_fetch(store, clock, "b", lane="7")
        other = await self.to_fetch(store, clock, "c", source="blog", lane="7")

        assert sorted(await self.claimed(store)) == [first, other]
        wants = ToFetch(parts=(0,), at=clock.time() + 60, lane="7")
        await store.record_sorted([Sorted(delivery=first, state="fetching", fetch=wants)])
        assert await self.claimed(store) == []
        await store.record_sorted([Sorted(delivery=first, state="sorted")])
        assert await self.claimed(store) == [second]

    async def test_a_failure_is_remembered_and_over_when_it_is_over(self, store: Store, clock: FakeClock) -> None:
        number = await self.to_fetch(store, clock, "a")
        wants = ToFetch(parts=(0,), at=clock.time(), attempts=3, failing_since=5.0)
        await store.record_sorted([Sorted(delivery=number, state="fetching", fetch=wants, reason="no answer")])

        [found] = await store.claim_fetches(lease=300.0, room={"shop": 1})
        assert found.wants == wants
        [group] = await store.reading().fetching()
        assert (group["source"], group["n"], group["failing"], group["failing_since"]) == ("shop", 1, 1, 5.0)
        await store.record_sorted([Sorted(delivery=number, state="sorted", event="chat_finished")])
        [row] = await store.reading().deliveries()
        assert (row["state"], row["reason"], row["fetch_attempts"], row["failing_since"]) == ("sorted", "", 0, None)

    async def test_parts_are_told_of_in_turns(self, store: Store, clock: FakeClock) -> None:
        accepted = await store.accept(delivery("a", at=clock.now()))
        change = ChatChange(chat=chat("7"), base_revision=0)
        await store.record_sorted([Sorted(
            delivery=accepted.id, state="fetching", event="offline_message", findings=("one",), changes=(change,),
            fetch=ToFetch(parts=(1,), at=clock.time()),
        )])  # fmt: skip
        [found] = await store.claim_fetches(lease=300.0, room={"shop": 1})
        assert found.event == "offline_message"
        await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", event="chat_finished", findings=("one", "two"))])

        [row] = await store.reading().deliveries()
        assert (row["event"], row["findings"]) == ("offline_message, chat_finished", '["one", "two"]')
        assert row["chat"] is not None

    async def test_what_is_said_of_a_delivery_that_is_over_is_not_written(self, store: Store, clock: FakeClock) -> None:
        accepted = await store.accept(delivery("a", at=clock.now()))
        await store.record_sorted([Sorted(delivery=accepted.id, state="skipped")])

        change = ChatChange(chat=chat("7"), base_revision=0)
        await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", changes=(change,))])

        assert await store.chat_of("shop", "7") is None

    async def test_a_base_that_has_moved_on_is_told(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "7", "one")
        number = await self.to_fetch(store, clock, "a")

        change = ChatChange(chat=chat("7", "other"), base_revision=0)
        assert await store.record_sorted([Sorted(delivery=number, state="sorted", changes=(change,))]) == [number]
        assert (await store.reading().deliveries(state="fetching"))[0]["id"] == number

    async def test_a_person_sends_round_what_is_held_or_waits(self, store: Store, clock: FakeClock) -> None:
        held = await self.to_fetch(store, clock, "a")
        waits = await self.to_fetch(store, clock, "b", later=3600)
        await store.record_sorted([Sorted(delivery=held, state="held", fetch=ToFetch(parts=(0,), at=0.0), reason="why")])
        assert [(row["source"], row["n"]) for row in await store.reading().held_deliveries()] == [("shop", 1)]

        assert await store.sort_again(source="shop") == 2

        assert [one.id for one in await store.received(10)] == [held, waits]

    async def test_sources_that_are_gone_leave_their_deliveries_to_a_person(self, store: Store, clock: FakeClock) -> None:
        await self.to_fetch(store, clock, "a")
        await self.to_fetch(store, clock, "b", source="blog")

        assert await store.hold_fetches(["blog"]) == 1
        assert [row["source"] for row in await store.reading().deliveries(state="held")] == ["shop"]

    async def test_after_a_restart_nobody_is_at_it(self, store_url: str, clock: FakeClock) -> None:
        store = open_store(store_url, clock=clock)
        await store.open()
        number = await self.to_fetch(store, clock, "a")
        assert await self.claimed(store) == [number]
        await store.close()

        again = open_store(store_url, clock=clock)
        await again.open()
        assert await self.claimed(again) == [number]
        await again.close()

    async def test_a_position_is_kept_until_it_is_forgotten(self, store: Store, clock: FakeClock) -> None:
        assert await store.position("shop") is None
        await store.record_position("shop", "1")
        await clock.advance(10)
        await store.record_position("shop", "2")

        assert await store.position("shop") == Position(value="2", at=clock.time())
        await store.forget_position("shop")
        assert await store.position("shop") is None


class TestJobs:
    async def test_a_job_is_claimed_once(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())

        first, second = await asyncio.gather(claim(store), claim(store))

        assert len(first) + len(second) == 1

    async def test_a_job_is_not_claimed_before_its_time(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), next_in=600)

        assert await claim(store) == []
        assert await store.next_due(["sales"]) == clock.time() + 600
        await clock.advance(600)
        assert len(await claim(store)) == 1

    async def test_jobs_of_stopped_targets_stay(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), targets=("sales", "archive"))

        claimed = await claim(store, only=["archive"])

        assert [job.target for job in claimed] == ["archive"]
        assert [job.target for job in await claim(store, only=["sales"])] == ["sales"]

    async def test_a_target_gets_no_more_than_its_places(self, store: Store, clock: FakeClock) -> None:
        for number in range(4):
            await finish_chat(store, clock.now(), str(number), targets=("sales", "archive"))

        claimed = await store.claim(owner="w", lease=LEASE, room={"sales": 1, "archive": 3})

        assert sorted(job.target for job in claimed) == ["archive", "archive", "archive", "sales"]

    async def test_a_source_with_thousands_of_due_jobs_does_not_starve_another(self, store: Store, clock: FakeClock) -> None:
        for number in range(300):
            await finish_chat(store, clock.now(), str(number), next_in=-60.0)
        await finish_chat(store, clock.now(), "x", source="blog")
        await finish_chat(store, clock.now(), "y", source="blog")

        claimed = [job.source for job in await store.claim(owner="w", lease=LEASE, room={"sales": 5})]

        assert claimed == ["shop", "blog", "shop", "blog", "shop"]

    async def test_the_sources_of_a_target_take_turns_over_many_claims_of_one_place(self, store: Store, clock: FakeClock) -> None:
        for source in ("blog", "shop", "app"):
            for number in range(4):
                # all of one source have been due for longer than any of another
                due = -100.0 if source == "shop" else 0.0
                await finish_chat(store, clock.now(), f"{source}{number}", source=source, next_in=due)

        claimed = []
        for _ in range(12):
            [job] = await store.claim(owner="w", lease=LEASE, room={"sales": 1})
            claimed.append(job.source)
            await end(store, job, JobState.DONE)

        assert claimed == ["shop", "app", "blog"] * 4

    async def test_of_one_source_the_job_that_has_been_due_longest_goes_first(self, store: Store, clock: FakeClock) -> None:
        for name, ago in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
            await finish_chat(store, clock.now(), name, next_in=-ago)

        assert [job.chat_id for job in await claim(store, 2)] == ["b", "c"]

    async def test_jobs_of_targets_that_nobody_knows_are_held(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), targets=("sales", "archive"))

        assert await store.hold_strangers(["sales"]) == 1

        rows = await store.reading().jobs(states=["held"])
        assert [(row["target"], row["reason"]) for row in rows] == [("archive", "target_unknown")]

    async def test_a_newer_revision_supersedes_one_that_has_written_nothing(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "7", "one")
        [old] = await claim(store)
        await end(store, old, JobState.HELD, "ambiguous")
        await finish_chat(store, clock.now(), "7", "one", "two")

        claimed = await claim(store)

        assert [job.revision for job in claimed] == [2]
        superseded = await store.job(old.id)
        assert superseded is not None
        assert (superseded.state, superseded.reason) == (JobState.SKIPPED, "superseded")

    async def test_a_revision_that_has_begun_to_write_goes_first(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "7", "one")
        [old] = await claim(store)
        [row] = await store.record_plan(old, plan_of(NOTE))
        await store.record_sent(row, epoch=old.epoch)
        await end(store, old, JobState.WAITING, "settling", next_at=clock.time() + 60, counts=False)
        await finish_chat(store, clock.now(), "7", "one", "two")

        assert await claim(store) == []
        await clock.advance(60)
        assert [job.id for job in await claim(store)] == [old.id]

    async def test_a_revision_that_came_while_the_older_one_ran_takes_over_when_that_is_held(
        self, store: Store, clock: FakeClock
    ) -> None:
        await finish_chat(store, clock.now(), "7", "one")
        [old] = await claim(store)
        await finish_chat(store, clock.now(), "7", "one", "two")
        assert await claim(store) == []

        await end(store, old, JobState.HELD, "ambiguous")

        assert [job.revision for job in await claim(store)] == [2]

    async def test_an_outcome_needs_the_lease(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await clock.advance(LEASE + 1)
        [taken] = await claim(store)

        with pytest.raises(StaleLease):
            await end(store, job, JobState.DONE)

        assert taken.epoch > job.epoch
        await end(store, taken, JobState.DONE)

    async def test_a_renewed_lease_holds(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await clock.advance(LEASE - 1)
        assert await store.renew({job.id: job.epoch}, LEASE) == {job.id}
        await clock.advance(LEASE - 1)

        assert await claim(store) == []
        assert await store.renew({job.id: job.epoch - 1}, LEASE) == set()

    async def test_waits_use_up_no_attempt_and_failures_do(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await end(store, job, JobState.WAITING, next_at=clock.time(), counts=False)
        [job] = await claim(store)
        assert (job.attempts, job.failing_since) == (0, None)
        began = clock.time()
        await end(store, job, JobState.RETRYING, "crm_broken", next_at=clock.time())
        await clock.advance(5)
        [job] = await claim(store)
        await end(store, job, JobState.RETRYING, "crm_broken", next_at=clock.time())
        [job] = await claim(store)

        assert (job.attempts, job.failing_since) == (2, began)

    async def test_a_replay_forgets_a_plan_of_which_nothing_was_written(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await store.record_plan(job, plan_of(CREATE, NOTE))
        await end(store, job, JobState.DEAD, "crm_rejected")

        assert await store.replay([job.id]) == [job.id]

        [again] = await claim(store)
        assert (again.plan, again.attempts) == (None, 0)

    async def test_a_replay_keeps_a_plan_that_has_begun(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        create, _ = await store.record_plan(job, plan_of(CREATE, NOTE))
        create = await store.record_sent(create, epoch=job.epoch)
        await store.settle(create, OperationState.DONE, record_id="c9")
        await end(store, job, JobState.DEAD, "crm_rejected")
        await store.replay([job.id])

        [again] = await claim(store)

        assert again.plan == plan_of(CREATE, NOTE)
        assert [row.state for row in await store.operations(job.id)] == [OperationState.DONE, OperationState.PLANNED]

    async def test_a_replay_again_begins_a_new_generation(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE, verdict=Verdict.FOUND))
        row = await store.record_sent(row, epoch=job.epoch)
        await store.settle(row, OperationState.DONE, record_id="n1", message_keys=("m1",))
        await end(store, job, JobState.DONE)
        assert await store.delivered(job.chat_row, "sales") == {"m1"}

        await store.replay([job.id], again=True)

        [again] = await claim(store)
        assert (again.generation, again.plan) == (job.generation + 1, None)
        assert await store.operations(job.id) == []
        assert await store.delivered(job.chat_row, "sales") == frozenset()

    async def test_a_job_that_is_to_be_written_for_real_stays_so(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await end(store, job, JobState.SKIPPED, "rehearsed")
        await store.replay([job.id], for_real=True)
        [again] = await claim(store)
        assert again.for_real
        await end(store, again, JobState.DEAD, "crm_broken")
        await store.replay([job.id])
        [once_more] = await claim(store)
        assert once_more.for_real

    async def test_a_correction_stays_with_the_chat_and_sends_its_job_round(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        assert not await store.correct(job.id, Correction())  # somebody works on it
        await end(store, job, JobState.HELD, "ambiguous")
        corrected = Correction(removed=((PointKind.PHONE, "+79161234567"),))
        assert await store.correct(job.id, corrected)
        [again] = await claim(store)
        assert again.plan is None
        assert (await store.chat(again.chat_row)).corrected == corrected

    async def test_a_running_job_is_neither_replayed_nor_skipped(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)

        assert await store.replay([job.id]) == []
        assert await store.skip([job.id], "by hand") == []

    async def test_a_person_says_that_an_unknown_outcome_was_written(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE, verdict=Verdict.FOUND))
        await store.record_sent(row, epoch=job.epoch)
        await end(store, job, JobState.HELD, "unknown_outcome")

        assert await store.written(job.id, "n7")

        [row] = await store.operations(job.id)
        assert (row.state, row.record_id) == (OperationState.DONE, "n7")
        assert await store.delivered(job.chat_row, "sales") == {"m1"}
        assert [one.id for one in await claim(store)] == [job.id]

    async def test_nothing_is_said_to_be_written_without_an_unknown_outcome(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await end(store, job, JobState.HELD, "ambiguous")

        assert not await store.written(job.id, "n7")

    async def test_a_person_chooses_the_client(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await end(store, job, JobState.HELD, "ambiguous")

        assert await store.choose(job.id, "c5")

        [again] = await claim(store)
        assert again.chosen == "c5"

    async def test_the_trace_of_an_attempt_is_kept(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        step = Step(at=clock.now(), what="find by phone", method="GET", path="/clients", status=200, ms=12)
        attempt = Attempt(number=1, started_at=1.0, ended_at=2.0, outcome="done", steps=(step,))
        await store.finish(job, Outcome(state=JobState.DONE, reason="new"), attempt)

        page = await store.reading().job(job.id)

        assert page is not None
        assert [Step(**one) for one in page["tried"][0]["steps"]] == [step]


class TestJournal:
    async def test_a_plan_needs_the_lease(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await clock.advance(LEASE + 1)
        await claim(store)

        with pytest.raises(StaleLease):
            await store.record_plan(job, plan_of(NOTE))

    async def test_a_plan_of_which_something_was_sent_is_not_replaced(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE))
        await store.record_sent(row, epoch=job.epoch)

        with pytest.raises(AssertionError, match="never replaced"):
            await store.record_plan(job, plan_of(CREATE, NOTE))

    async def test_sent_needs_the_lease_and_changes_nothing_without(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        await clock.advance(LEASE + 1)
        await claim(store)

        with pytest.raises(StaleLease):
            await store.record_sent(row, epoch=job.epoch, pending=[("phone", "+79160000001")])

        assert await store.identities("sales", [("phone", "+79160000001")]) == []
        assert [one.state for one in await store.operations(job.id)] == [OperationState.PLANNED]

    async def test_a_client_being_made_has_its_contact_points_lead_to_the_operation(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        row = await store.record_sent(row, epoch=job.epoch, pending=[("phone", "+79160000001"), ("email", "a@b.ru")])

        [phone] = await store.identities("sales", [("phone", "+79160000001")])
        assert (phone.operation, phone.client_id) == (row.id, None)
        assert await store.identities("archive", [("phone", "+79160000001")]) == []

        await store.settle(row, OperationState.DONE, record_id="c1", entity="client")
        known = await store.identities("sales", [("phone", "+79160000001"), ("email", "a@b.ru")])
        assert [(one.client_id, one.operation) for one in known] == [("c1", None), ("c1", None)]

    async def test_contact_points_of_a_client_that_was_not_made_are_free_again(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        row = await store.record_sent(row, epoch=job.epoch, pending=[("phone", "+79160000001")])

        await store.settle(row, OperationState.VOID)

        assert await store.identities("sales", [("phone", "+79160000001")]) == []

    async def test_what_is_settled_stays_so(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE))
        row = await store.record_sent(row, epoch=job.epoch)
        await store.settle(row, OperationState.DONE, record_id="n1", message_keys=("m1",))

        await store.settle(row, OperationState.VOID)

        settled = await store.operation(row.id)
        assert settled is not None
        assert (settled.state, settled.record_id) == (OperationState.DONE, "n1")
        assert await store.delivered(job.chat_row, "sales") == {"m1"}

    async def test_who_settles_is_told_how_it_stands_then(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [create, note] = await store.record_plan(job, plan_of(CREATE, NOTE))
        create = await store.record_sent(create, epoch=job.epoch)
        note = await store.record_sent(note, epoch=job.epoch)

        done = await store.settle(create, OperationState.DONE, record_id="c1")
        void = await store.settle(note, OperationState.VOID)
        too_late = await store.settle(create, OperationState.VOID)
        gone = await store.settle(replace(note, id=note.id + 1000), OperationState.DONE, record_id="n1")

        assert (done, void) == (await store.operation(create.id), await store.operation(note.id))
        assert done is not None
        assert (done.state, done.record_id) == (OperationState.DONE, "c1")
        assert void is not None
        assert void.state is OperationState.VOID
        assert (too_late, gone) == (done, None)

    async def test_who_comes_too_late_says_nothing_of_the_operation_that_has_its_number_now(
        self, store: Store, clock: FakeClock
    ) -> None:
        """A worker that stood still for long, and a plan that was made anew meanwhile."""
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [old] = await store.record_plan(job, plan_of(CREATE))
        old = await store.record_sent(old, epoch=job.epoch)
        await store.settle(old, OperationState.VOID)
        [new] = await store.record_plan(job, plan_of(NOTE))
        new = await store.record_sent(new, epoch=job.epoch)

        await store.settle(old, OperationState.DONE, record_id="c1")

        rows = await store.operations(job.id)
        assert [(row.kind, row.state) for row in rows] == [(NOTE, OperationState.SENT)]

    async def test_an_answer_with_an_error_is_remembered_until_it_is_sent_again(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE))
        row = await store.record_sent(row, epoch=job.epoch)
        await clock.advance(8)
        await store.record_answered(row)
        answered = await store.operation(row.id)
        assert answered is not None
        assert (answered.answered, answered.sent_at) == (True, clock.time()), "as late as that it may have done what it did"

        row = await store.record_sent(row, epoch=job.epoch)

        assert not row.answered

    async def test_a_plan_of_very_many_operations_is_stored_whole_and_in_order(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)

        rows = await store.record_plan(job, plan_of(CREATE, *[NOTE] * 6000))

        assert [row.position for row in rows] == list(range(6001))
        assert [row.kind for row in rows[:3]] == [CREATE, NOTE, NOTE]
        assert await store.operations(job.id) == rows
        assert await store.record_plan(job, plan_of(NOTE)) == await store.operations(job.id)

    async def test_a_plan_without_operations_takes_the_place_of_one_with(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        await store.record_plan(job, plan_of(NOTE))

        assert await store.record_plan(job, plan_of()) == []
        assert await store.operations(job.id) == []

    async def test_a_request_can_have_been_sent_before_this_store_was_made(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE))

        assert (await store.record_sent(row, epoch=job.epoch, sent_at=123.0)).sent_at == 123.0

    async def test_notes_that_an_earlier_job_of_the_chat_has_left_open_are_found(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "a")
        [first] = await claim(store)
        sent, _ = [await store.record_sent(row, epoch=first.epoch) for row in await store.record_plan(first, plan_of(NOTE, TASK))]
        assert await store.left_open(first) == []
        await end(store, first, JobState.RETRYING)
        await store.skip([first.id], "by hand")
        for chat_id in ("a", "b"):
            await finish_chat(store, clock.now(), chat_id, "more")
        later, other = await claim(store)

        assert [row.id for row in await store.left_open(later)] == [sent.id]
        assert await store.left_open(other) == []
        await store.settle(sent, OperationState.VOID)
        assert await store.left_open(later) == []

    async def test_a_job_is_alone_until_another_of_its_chat_is_made_for_its_target(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "a", targets=("sales", "archive"))
        await finish_chat(store, clock.now(), "b")
        ours, *others = await claim(store)
        assert await store.is_alone(ours)

        await finish_chat(store, clock.now(), "a", "more")

        assert not await store.is_alone(ours)
        assert [await store.is_alone(other) for other in others] == [True, True]
        await end(store, ours, JobState.DONE)
        [later] = await claim(store)
        assert not await store.is_alone(later)

    async def test_a_clients_deals_are_those_that_are_sent_and_those_done_lately(self, store: Store, clock: FakeClock) -> None:
        rows = []
        for number in range(4):
            await finish_chat(store, clock.now(), str(number))
            [job] = await claim(store)
            [row] = await store.record_plan(job, plan_of(DEAL))
            rows.append(await store.record_sent(row, epoch=job.epoch, client="client:2" if number == 3 else "client:1"))
        await store.settle(rows[0], OperationState.DONE, record_id="d0")
        await store.settle(rows[1], OperationState.VOID)
        now = clock.time()
        await clock.advance(5)

        assert [row.id for row in await store.deals("sales", "client:1", now)] == [rows[0].id, rows[2].id]
        assert [row.id for row in await store.deals("sales", "client:1", now + 1)] == [rows[2].id]
        assert await store.deals("archive", "client:1", now) == []

    async def test_made_clients_are_counted_for_the_brake(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        row = await store.record_sent(row, epoch=job.epoch)

        assert await store.clients_made("sales", clock.time() - 10) == 1
        await store.settle(row, OperationState.VOID)
        assert await store.clients_made("sales", clock.time() - 10) == 0


class TestIdentity:
    async def test_remembering_never_moves_what_is_there(self, store: Store) -> None:
        await store.remember("sales", [("phone", "+1")], "c1", "client")
        await store.remember("sales", [("phone", "+1"), ("email", "a@b.c")], "c2", "client")

        known = await store.identities("sales", [("phone", "+1"), ("email", "a@b.c")])

        assert [one.client_id for one in known] == ["c1", "c2"]

    async def test_forgetting_leaves_a_client_that_is_being_made(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now())
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        await store.record_sent(row, epoch=job.epoch, pending=[("phone", "+1")])

        await store.forget_identities("sales", [("phone", "+1")])

        assert len(await store.identities("sales", [("phone", "+1")])) == 1

    async def test_locks_are_taken_all_or_none(self, store: Store) -> None:
        assert await store.lock(["a", "b"], "one", 60)
        assert not await store.lock(["b", "c"], "two", 60)
        assert await store.lock(["c"], "two", 60)
        assert await store.lock(["a", "b"], "one", 60)

        await store.unlock("one")

        assert await store.lock(["a", "b", "c"], "two", 60)

    async def test_a_lock_of_somebody_who_vanished_lapses(self, store: Store, clock: FakeClock) -> None:
        assert await store.lock(["a"], "one", 60)
        await clock.advance(61)

        assert await store.lock(["a"], "two", 60)

    async def test_waiting_for_a_lock_ends_when_it_is_given_back(self, store: Store) -> None:
        await store.lock(["a"], "one", 60)
        waiting = asyncio.create_task(store.unlocked(["a"], 30))
        await asyncio.sleep(0)
        await store.unlock("one")

        assert await asyncio.wait_for(waiting, 5)


class TestNotices:
    async def test_a_target_is_stopped_until_somebody_says_go(self, store: Store, clock: FakeClock) -> None:
        stop = TargetStop(target="sales", reason="crm_blocked", detail="banned", since=clock.time())
        await store.stop_target(stop)
        assert await store.stops() == {"sales": stop}

        assert await store.go("sales")
        assert not await store.go("sales")
        assert await store.stops() == {}

    async def test_an_alert_is_raised_once_a_cause_until_it_is_resolved(self, store: Store) -> None:
        assert await store.raise_alert("held:sales", "three chats wait")
        assert not await store.raise_alert("held:sales", "four chats wait")
        assert await store.open_alerts() == {"held:sales": "three chats wait"}
        assert await store.resolve_alert("held:sales")
        assert not await store.resolve_alert("held:sales")
        assert await store.raise_alert("held:sales", "again")


class TestUpkeep:
    async def prune(self, store: Store, clock: FakeClock, *, raw: float, chats: float, keys: float) -> None:
        now = clock.time()
        keep = Keep(raw_since=now - raw, chats_since=now - chats, keys_since=now - keys)
        for _ in range(100):
            if not await store.prune(keep, 2):
                return
        pytest.fail("pruning comes to no end")

    async def done(self, store: Store, clock: FakeClock, chat_id: str) -> None:
        await finish_chat(store, clock.now(), chat_id, "secret words")
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE, keys=(f"key-{chat_id}",)))
        row = await store.record_sent(row, epoch=job.epoch)
        await store.settle(row, OperationState.DONE, record_id="n1", message_keys=(f"key-{chat_id}",))
        await end(store, job, JobState.DONE)

    async def test_the_raw_bytes_go_first_and_a_redelivery_is_still_known(self, store: Store, clock: FakeClock) -> None:
        for number in range(5):
            await self.done(store, clock, str(number))
        unread = await store.accept(delivery("unread", at=clock.now()))
        await clock.advance(8 * 86400)
        await self.prune(store, clock, raw=7 * 86400, chats=180 * 86400, keys=700 * 86400)

        rows = await store.reading().deliveries()
        assert [row["size"] for row in rows if row["id"] != unread.id] == [None] * 5
        assert [one.id for one in await store.received(10)] == [unread.id]
        known = await store.chat_of("shop", "0")
        assert known is not None
        assert known.chat.messages[0].text == "secret words"

    async def test_an_emptied_chat_that_goes_on_writes_only_what_is_new(self, store: Store, clock: FakeClock) -> None:
        await self.done(store, clock, "7")
        await clock.advance(200 * 86400)
        await self.prune(store, clock, raw=7 * 86400, chats=180 * 86400, keys=700 * 86400)

        known = await store.chat_of("shop", "7")
        assert known is not None
        assert (known.chat.messages, known.chat.visitor.name) == ((), None)
        assert await store.delivered(known.row, "sales") == {"key-7"}
        page = await store.reading().job(1)
        assert page is not None
        assert "secret words" not in str(page)

    async def test_in_the_end_nothing_is_left(self, store: Store, clock: FakeClock) -> None:
        for number in range(3):
            await self.done(store, clock, str(number))
        await clock.advance(800 * 86400)
        await self.prune(store, clock, raw=7 * 86400, chats=180 * 86400, keys=700 * 86400)

        assert await store.chat_of("shop", "0") is None
        assert await store.reading().deliveries() == []
        assert await store.reading().jobs() == []

    async def test_what_is_not_over_stays_whole(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "7", "secret words")
        [job] = await claim(store)
        await end(store, job, JobState.HELD, "ambiguous")
        await clock.advance(800 * 86400)
        await self.prune(store, clock, raw=7 * 86400, chats=180 * 86400, keys=700 * 86400)

        assert (await store.chat(job.chat_row)).chat.messages[0].text == "secret words"


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # replicas go by their database's clock: see store/postgres
class TestJumps:
    """The wall clock is set an hour ahead, or back."""

    async def test_what_is_waited_for_keeps_its_distance(self, store: Store, clock: FakeClock, seconds: float) -> None:
        await finish_chat(store, clock.now(), "a", next_in=30.0)
        await store.stop_target(TargetStop(target="x", reason="r", detail="", since=0.0, until=clock.time() + 300))

        clock.jump(seconds)
        await store.clock_moved(seconds)

        assert await store.next_due(["sales"]) == pytest.approx(clock.time() + 30)
        assert (await store.stops())["x"].until == pytest.approx(clock.time() + 300)
        await clock.advance(30)
        assert len(await claim(store)) == 1

    async def test_a_request_that_was_sent_a_moment_ago_still_was(self, store: Store, clock: FakeClock, seconds: float) -> None:
        await finish_chat(store, clock.now(), "a")
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        row = await store.record_sent(row, epoch=job.epoch, pending=[("phone", "+7")])

        clock.jump(seconds)
        await store.clock_moved(seconds)

        sent = await store.operation(row.id)
        assert sent is not None
        assert sent.sent_at == pytest.approx(clock.time())
        [identity] = await store.identities("sales", [("phone", "+7")])
        assert identity.written_at == pytest.approx(clock.time())
        await clock.advance(LEASE - 1)
        assert await claim(store) == []
        await clock.advance(2)
        assert [job.id for job in await claim(store)] == [job.id]

    async def test_so_was_one_of_a_job_that_a_person_has_left_out_since(
        self, store: Store, clock: FakeClock, seconds: float
    ) -> None:
        """The next job of the chat settles it."""
        await finish_chat(store, clock.now(), "a")
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(NOTE))
        await store.record_sent(row, epoch=job.epoch)
        await end(store, job, JobState.RETRYING)
        await store.skip([job.id], "by hand")

        clock.jump(seconds)
        await store.clock_moved(seconds)

        sent = await store.operation(row.id)
        assert sent is not None
        assert sent.sent_at == pytest.approx(clock.time())

    async def test_set_and_set_back_is_as_if_nothing_had_been(
        self, store: Store, store_url: str, clock: FakeClock, seconds: float
    ) -> None:
        """With a restart in between, which looks at the newest job to find out about jumps."""
        await finish_chat(store, clock.now(), "a")
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        await store.record_sent(row, epoch=job.epoch)
        await finish_chat(store, clock.now(), "b", next_in=30.0)
        for by in (seconds, -seconds):
            clock.jump(by)
            await store.clock_moved(by)
            for _ in range(2):
                await store.close()
                store = open_store(store_url, clock=clock)
                await store.open()

        sent = await store.operation(row.id)
        assert sent is not None
        assert sent.sent_at == pytest.approx(clock.time())
        assert [one.id for one in await claim(store)] == [job.id]
        await clock.advance(30)
        assert len(await claim(store)) == 1
        await store.close()

    @pytest.mark.parametrize("boot", ["", "another start of the machine"])
    async def test_a_request_that_was_under_way_as_the_machine_went_down_is_not_taken_for_a_later_one(
        self, store: Store, store_url: str, clock: FakeClock, seconds: float, boot: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """After a start of the machine only what lies in the future shows that the clock went back."""
        await finish_chat(store, clock.now(), "a")
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(CREATE))
        await store.record_sent(row, epoch=job.epoch)
        await store.close()

        monkeypatch.setattr(jumps, "BOOT", tmp_path / "boot_id")
        if boot:
            (tmp_path / "boot_id").write_text(boot, encoding="ascii")
        clock.jump(seconds)
        again = open_store(store_url, clock=clock)
        await again.open()

        sent = await again.operation(row.id)
        assert sent is not None
        assert sent.sent_at == pytest.approx(clock.time() if seconds < 0 else clock.time() - seconds)
        assert [one.id for one in await claim(again)] == [job.id]
        await again.close()

    async def test_a_clock_that_went_back_while_nobody_looked_delays_nothing(
        self, store: Store, store_url: str, clock: FakeClock, seconds: float
    ) -> None:
        await finish_chat(store, clock.now(), "a")
        assert len(await claim(store)) == 1
        await finish_chat(store, clock.now(), "b", next_in=30.0)
        await store.close()

        clock.jump(seconds)
        again = open_store(store_url, clock=clock)
        await again.open()

        await clock.advance(31)
        assert len(await claim(again)) == 2
        await again.close()


class TestRestart:
    async def test_everything_is_there_after_a_restart(self, store_url: str, clock: FakeClock) -> None:
        first = open_store(store_url, clock=clock)
        await first.open()
        await first.accept(delivery("unsorted", at=clock.now()))
        await finish_chat(first, clock.now())
        [job] = await claim(first)
        [row] = await first.record_plan(job, plan_of(NOTE))
        await first.record_sent(row, epoch=job.epoch)
        await first.close()

        second = open_store(store_url, clock=clock)
        await second.open()
        try:
            assert [one.dedupe_key for one in await second.received(10)] == ["unsorted"]
            assert (await second.accept(delivery("unsorted", at=clock.now()))).duplicate
            [again] = await claim(second)
            assert (again.id, again.plan) == (job.id, plan_of(NOTE))
            assert again.epoch > job.epoch
            assert [one.state for one in await second.operations(job.id)] == [OperationState.SENT]
        finally:
            await second.close()


class TestPeoplesData:
    """What was erased is gone from every table, and known again by its marks."""

    async def test_all_of_it_goes_in_one_commit_and_is_known_again(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "1", "secret words", contacts=(
            VisitorContacts(source="shop", visitor_id="v1", phones=("+79161234567",)),
        ))  # fmt: skip
        await finish_chat(store, clock.now(), "2", "other words", visitor_id="v2")
        [job] = [one for one in await claim(store) if one.chat_id == "1"]
        rows = await store.record_plan(job, plan_of(CREATE, NOTE))
        sent = await store.record_sent(rows[0], epoch=job.epoch, pending=[("phone", "+79161234567")])
        await store.settle(sent, OperationState.DONE, record_id="17", entity="client", message_keys=("m1",))
        await store.record_sent(rows[1], epoch=job.epoch, client="client:17")
        await end(store, job, JobState.HELD, "unknown_outcome")
        stored = await store.chat_of("shop", "1")
        assert stored is not None
        what = Forgetting(
            chats={stored.row: "forgotten-a"}, deliveries={1: "forgotten-b"}, visitors=(("shop", "v1"),),
            identities=(("sales", "phone", "+79161234567"),), marks=frozenset({"m", "n"}),
        )  # fmt: skip

        assert (await store.forget(what)).busy == ()

        assert await store.chat_of("shop", "1") is None
        assert await store.contacts_of("shop", "v1") is None
        assert await store.identities("sales", [("phone", "+79161234567")]) == []
        after = await store.job(job.id)
        assert after is not None
        assert (after.state, after.reason, after.chat_id, after.plan) == (JobState.SKIPPED, "forgotten", "forgotten-a", None)
        emptied = await store.chat(stored.row)
        assert (emptied.chat.messages, emptied.chat.visitor.id) == ((), None)
        raw = await store.reading().delivery(1)
        assert raw is not None
        assert (raw["body"], raw["dedupe_key"]) == (None, "forgotten-b")
        ids = await store.reading()._rows("SELECT record_id, client FROM operations", [])
        assert {(row["record_id"], row["client"]) for row in ids} == {("", "")}
        assert await store.tombstones(["m", "x"]) == {"m": clock.time()}
        assert await store.chat_of("shop", "2") is not None

    async def test_nothing_is_erased_while_one_of_the_jobs_is_being_worked_on(self, store: Store, clock: FakeClock) -> None:
        await finish_chat(store, clock.now(), "1")
        [job] = await claim(store)

        erased = await store.forget(Forgetting(chats={1: "forgotten-a"}, marks=frozenset({"m"})))

        assert erased.busy == (job.id,)
        assert not await store.any_tombstone()
        assert await store.chat_of("shop", "1") is not None

    async def test_what_comes_once_more_under_an_erased_key_takes_the_place_of_the_first(
        self, store: Store, clock: FakeClock
    ) -> None:
        first = await store.accept(delivery("k", at=clock.now()))
        await store.forget(Forgetting(deliveries={first.id: "forgotten-b"}))
        again = await store.accept(delivery("k", at=clock.now()))
        assert not again.duplicate

        await store.record_sorted(
            [Sorted(delivery=again.id, state="skipped", reason="forgotten", erase=True, alias="forgotten-b")]
        )

        [row] = await store.reading().deliveries()
        whole = await store.reading().delivery(row["id"])
        assert whole is not None
        assert (whole["dedupe_key"], whole["body"], whole["reason"]) == ("forgotten-b", None, "forgotten")

    async def test_tombstones_and_the_list_of_who_did_what_last_as_long_as_keys(self, store: Store, clock: FakeClock) -> None:
        await store.forget(Forgetting(marks=frozenset({"m"})))
        await store.record_audit(AuditEntry(at=clock.time(), who="cli:me", what="erased", about="person 1"))
        await store.prune(Keep(raw_since=clock.time() + 9, chats_since=clock.time() + 9, keys_since=clock.time() - 1), 10)
        assert await store.any_tombstone()
        assert [row["about"] for row in await store.personal().audit()] == ["person 1"]

        await store.prune(Keep(raw_since=0, chats_since=0, keys_since=clock.time() + 1), 10)

        assert not await store.any_tombstone()
        assert await store.personal().audit() == []


class TestAgreements:
    async def test_each_change_builds_on_the_one_before_however_many_come_at_once(self, store: Store) -> None:
        async def add(number: int) -> int:
            return await store.agree("sum", lambda held, _: (str(int(held or 0) + number), int(held or 0)))

        before = await asyncio.gather(*(add(1) for _ in range(20)))

        assert sorted(before) == list(range(20))
        assert (await store.agreed(0.0))[0] == {"sum": "20"}

    async def test_only_what_has_changed_since_is_told_and_what_time_it_is(self, store: Store, clock: FakeClock) -> None:
        await store.agree("one", lambda _, now: (repr(now), None))
        found, first = await store.agreed(0.0)
        assert found.keys() == {"one"}
        assert 0 <= first - float(found["one"]) < 60  # a database has a clock of its own, which goes on
        await clock.advance(1)
        await store.agree("other", lambda _, now: ("x", None))

        found, second = await store.agreed(first)

        assert found == {"other": "x"}
        assert second > first

    async def test_a_change_that_fails_changes_nothing(self, store: Store) -> None:
        def fails(held: str, now: float) -> tuple[str, None]:
            raise ValueError(held)

        await store.agree("name", lambda _, now: ("kept", None))
        with pytest.raises(ValueError, match="kept"):
            await store.agree("name", fails)

        assert (await store.agreed(0.0))[0] == {"name": "kept"}
