from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock, settle
from replicas import Database
from scripted import DONE, Make, Scripted, Watching, at_work, once, only_job, until, worker_maker
from store_materials import finish_chat

from bridge.errors import AccessRefused, Blocked, NoAnswer, NoRoom, Rejected, StaleLease
from bridge.model import JobState
from bridge.pacing.breaker import FAILURES, FIRST_REST
from bridge.pipeline.attempt import Attempting
from bridge.store import Job, Outcome, Store, TargetStop
from bridge.worker import POLL
from bridge.worker.endings import ACCESS_REST


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def make(store: Store, clock: FakeClock, watching: Watching) -> Make:
    return worker_maker(store, clock, watching)


class TestLeases:
    async def test_a_long_attempt_keeps_its_job(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())
        going_on = asyncio.Event()
        seen: list[Attempting] = []

        async def script(attempt: Attempting) -> Outcome:
            seen.append(attempt)
            await going_on.wait()
            attempt.require_lease(20)
            return DONE

        async with at_work(worker := make(script, lease=60.0)):
            await until(lambda: bool(seen))
            for _ in range(10):
                leased = seen[0].lease_until
                await clock.advance(20)
                await until(lambda leased=leased: seen[0].lease_until > leased)
            going_on.set()
            await until(lambda: not worker._running)

        assert len(seen) == 1
        assert (await only_job(store)).state is JobState.DONE

    async def test_an_attempt_whose_lease_was_taken_is_broken_off_and_writes_nothing(
        self, store: Store, clock: FakeClock, make: Make, watching: Watching
    ) -> None:
        await finish_chat(store, clock.now())
        ended: list[str] = []

        async def script(attempt: Attempting) -> Outcome:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("broken off")
                raise
            raise AssertionError

        async with at_work(worker := make(script, lease=60.0)):
            await until(lambda: bool(worker._running))
            job = await only_job(store)
            clock.jump(61)  # to the database its lease is over
            [taken] = await store.claim(owner="other", lease=60.0, room={"sales": 1})
            await clock.advance(20)
            await until(lambda: bool(ended))
            await until(lambda: not worker._running)

        assert (taken.id, taken.epoch) == (job.id, job.epoch + 1)
        assert watching.outcomes == []
        assert (await only_job(store)).state is JobState.RUNNING

    async def test_what_a_worker_says_too_late_is_refused(
        self, store: Store, clock: FakeClock, make: Make, watching: Watching
    ) -> None:
        await finish_chat(store, clock.now())

        async def script(attempt: Attempting) -> Outcome:
            clock.jump(61)
            await store.claim(owner="other", lease=60.0, room={"sales": 1})
            return DONE

        await once(make(script))

        assert (await only_job(store)).state is JobState.RUNNING
        assert watching.outcomes == []

    async def test_the_lease_counts_from_before_it_was_asked_for(
        self, store: Store, clock: FakeClock, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A commit may take long; what the store has written began when it was asked."""
        await finish_chat(store, clock.now())
        real = store.claim

        async def slow(**how: Any) -> list[Job]:
            jobs = await real(**how)
            await clock.advance(30)
            return jobs

        monkeypatch.setattr(store, "claim", slow)
        left: list[float] = []

        async def script(attempt: Attempting) -> Outcome:
            left.append(attempt.lease_until - clock.monotonic())
            return DONE

        await once(make(script, lease=60.0))

        assert left == [30.0]

    async def test_a_worker_that_takes_its_own_job_up_again_breaks_off_the_old_attempt(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        """As after the process stood still: the lease is over, and nobody else was there to take the job."""
        await finish_chat(store, clock.now())
        attempts: list[Attempting] = []

        async def script(attempt: Attempting) -> Outcome:
            attempts.append(attempt)
            if len(attempts) == 1:
                await asyncio.Event().wait()
            await settle()
            assert worker._running[attempt.job.id][0] is attempt
            return DONE

        worker = make(script)
        await worker._start_due()
        await settle()
        await clock.advance(61)

        assert await once(worker) == 1

        assert [attempt.job.epoch for attempt in attempts] == [1, 2]
        assert (await only_job(store)).state is JobState.DONE
        assert worker._running == {}

    async def test_a_renewal_that_comes_too_late_does_not_break_off_the_attempt_that_has_begun_since(
        self, store: Store, clock: FakeClock, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As after the machine slept: leases are renewed and jobs claimed in the same moment."""
        await finish_chat(store, clock.now())
        attempts: list[Attempting] = []
        go = asyncio.Event()
        real = store.renew

        async def late(held: Any, lease: float) -> Any:
            await clock.advance(61)
            await worker._start_due()
            answered = await real(held, lease)
            go.set()
            return answered

        async def script(attempt: Attempting) -> Outcome:
            attempts.append(attempt)
            await go.wait()
            await settle()
            return DONE

        worker = make(script, lease=60.0)
        await worker._start_due()
        await settle()
        monkeypatch.setattr(store, "renew", late)
        renewing = asyncio.create_task(worker._renew_for_ever())
        await settle()
        await clock.advance(20)
        await until(go.is_set)
        renewing.cancel()
        await worker.drain(10)

        assert [attempt.job.epoch for attempt in attempts] == [1, 2]
        assert (await only_job(store)).state is JobState.DONE

    async def test_an_attempt_that_is_broken_off_before_it_began_leaves_its_place(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        await finish_chat(store, clock.now())
        worker = make()

        await worker._start_due()
        for _, task in worker._running.values():
            task.cancel()
        await worker.drain(10)

        assert worker._running == {}
        await clock.advance(61)
        assert await once(worker) == 1
        assert (await only_job(store)).state is JobState.DONE

    @pytest.mark.parametrize("seconds", [3600.0, -3600.0])
    async def test_a_clock_that_is_set_takes_no_lease_away_and_delays_nothing(
        self, store: Store, clock: FakeClock, make: Make, seconds: float
    ) -> None:
        await finish_chat(store, clock.now(), "a")
        go = asyncio.Event()

        async def script(attempt: Attempting) -> Outcome:
            if attempt.job.chat_id == "a":
                await go.wait()
            return DONE

        worker = make(script)
        assert await worker._start_due() == 1
        await finish_chat(store, clock.now(), "b", next_in=30.0)
        clock.jump(seconds)

        assert await worker._start_due() == 0
        await clock.advance(29)
        assert await worker._start_due() == 0
        await clock.advance(1)
        assert await worker._start_due() == 1
        go.set()
        await worker.drain(10)
        rows = await store.reading().jobs()
        assert [(row["state"], row["attempts"]) for row in rows] == [("done", 1), ("done", 1)]

    async def test_a_stale_lease_within_the_pipeline_leaves_the_job_to_whoever_has_it(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        await finish_chat(store, clock.now())
        await once(make(StaleLease()))
        assert (await only_job(store)).state is JobState.RUNNING
        await clock.advance(61)

        await once(make())

        assert (await only_job(store)).state is JobState.DONE


class TestTheStoreIsInTrouble:
    async def test_an_attempt_that_cannot_be_recorded_is_taken_up_again_after_its_lease(
        self, store: Store, clock: FakeClock, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await finish_chat(store, clock.now())

        async def full(*_: object) -> None:
            raise NoRoom

        with monkeypatch.context() as broken:
            broken.setattr(store, "finish", full)
            await once(make())
        assert (await only_job(store)).state is JobState.RUNNING
        await clock.advance(61)

        await once(make())

        assert (await only_job(store)).state is JobState.DONE

    @pytest.mark.parametrize("trouble", [NoRoom(), sqlite3.OperationalError("disk I/O error"), RuntimeError("a fault of ours")])
    @pytest.mark.parametrize("method", ["claim", "stops", "next_due"])
    async def test_the_worker_goes_on_when_it_is_over(
        self, store: Store, clock: FakeClock, make: Make, monkeypatch: pytest.MonkeyPatch, method: str, trouble: Exception
    ) -> None:
        failed = 0

        async def broken(*_: object, **__: object) -> None:
            nonlocal failed
            failed += 1
            raise trouble

        pipeline = Scripted()
        async with at_work(make(pipeline)) as working:
            with monkeypatch.context() as trial:
                trial.setattr(store, method, broken)
                await until(lambda: bool(failed))
                await clock.advance(POLL)
            await finish_chat(store, clock.now())
            await until_run(pipeline, clock)

            assert not working.done()

    @pytest.mark.parametrize("trouble", [NoRoom(), RuntimeError("a fault of ours")])
    async def test_leases_are_renewed_again_when_it_is_over(
        self, store: Store, clock: FakeClock, make: Make, monkeypatch: pytest.MonkeyPatch, trouble: Exception
    ) -> None:
        await finish_chat(store, clock.now())
        going_on = asyncio.Event()

        async def script(attempt: Attempting) -> Outcome:
            await going_on.wait()
            attempt.require_lease(40)
            return DONE

        async def broken(*_: object) -> set[int]:
            raise trouble

        async with at_work(worker := make(script, lease=60.0)):
            await until(lambda: bool(worker._running))
            with monkeypatch.context() as trial:
                trial.setattr(store, "renew", broken)
                await clock.advance(20)
            await clock.advance(20)
            # a commit may take a thread, which no clock of ours moves on
            await until(lambda: all(attempt.lease_until > clock.monotonic() + 40 for attempt, _ in worker._running.values()))
            going_on.set()
            await until(lambda: not worker._running)

        assert (await only_job(store)).state is JobState.DONE


async def until_run(pipeline: Scripted, clock: FakeClock) -> None:
    async with asyncio.timeout(10):
        while not pipeline.ran:
            await clock.advance(POLL)
            await asyncio.sleep(0.001)


class TestTargets:
    async def test_a_target_that_is_slow_takes_no_place_from_another(self, store: Store, clock: FakeClock, make: Make) -> None:
        for chat in range(5):
            await finish_chat(store, clock.now(), str(chat), targets=("slow",))
        await finish_chat(store, clock.now(), "last", targets=("sales",))
        never = asyncio.Event()

        async def script(attempt: Attempting) -> Outcome:
            if attempt.job.target == "slow":
                await never.wait()
            return DONE

        worker = make(script, targets=("slow", "sales"), concurrency=2)
        await worker._start_due()
        await until(lambda: len(worker._running) == 2)

        assert {attempt.job.target for attempt, _ in worker._running.values()} == {"slow"}
        assert [row["state"] for row in await store.reading().jobs(target="sales")] == ["done"]
        await worker.drain(0)

    async def test_a_refused_key_rests_the_target_then_one_job_tries(self, store: Store, clock: FakeClock, make: Make) -> None:
        for chat in range(3):
            await finish_chat(store, clock.now(), str(chat))
        refused = make(Scripted(AccessRefused("no rights")), concurrency=1)
        await once(refused)
        assert await once(refused) == 0
        await clock.advance(ACCESS_REST)

        let_in = make(concurrency=16)
        assert await once(let_in) == 1

        assert await store.stops() == {}
        assert await once(let_in) == 2

    async def test_a_probe_that_is_refused_rests_it_once_more(self, store: Store, clock: FakeClock, make: Make) -> None:
        for chat in range(3):
            await finish_chat(store, clock.now(), str(chat))
        worker = make(AccessRefused("no rights"), concurrency=1)
        await once(worker)
        await clock.advance(ACCESS_REST)

        assert await once(worker) == 1
        assert await once(worker) == 0

    async def test_a_ban_is_not_tried_again_by_itself(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())
        await once(make(Blocked()))
        await clock.advance(30 * 86400)
        assert await once(make()) == 0

        await store.go("sales")

        assert await once(make()) == 1

    async def test_a_stopped_target_gets_no_job_of_a_worker_that_vanished_either(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        await finish_chat(store, clock.now())
        await store.claim(owner="vanished", lease=60.0, room={"sales": 1})
        await store.stop_target(TargetStop(target="sales", reason="crm_blocked", detail="", since=clock.time()))
        await clock.advance(61)

        assert await once(make()) == 0

    async def test_a_row_of_failures_rests_a_target_then_one_job_probes_and_the_others_follow(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        for chat in range(FAILURES + 3):
            await finish_chat(store, clock.now(), str(chat))
        pipeline = Scripted(NoAnswer())
        worker = make(pipeline, concurrency=FAILURES)
        await once(worker)
        assert await once(worker) == 0
        await clock.advance(FIRST_REST)

        pipeline.script = DONE
        assert await once(worker) == 1

        assert await once(worker) > 1

    async def test_of_two_replicas_one_probes_a_target_that_has_rested_and_both_go_on_when_it_is_back(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        for chat in range(FAILURES + 6):
            await finish_chat(store, clock.now(), str(chat))
        database, pipeline = Database(clock, longest=0.0), Scripted(NoAnswer())
        boards = [database.replica(number)[0] for number in (1, 2)]
        one, other = (make(pipeline, concurrency=3, board=board, name=board.owner) for board in boards)

        async def hear() -> None:
            for board in (*boards, *boards):
                await board.exchange()

        assert [await once(one), await once(other)] == [3, 3]
        await hear()
        assert [await once(one), await once(other)] == [0, 0], "the failures of both count"
        await clock.advance(FIRST_REST)
        pipeline.script = DONE

        assert [await one._start_due(), await other._start_due()] == [1, 0]
        await one.drain(30)
        await hear()
        assert await once(other) == 3

    async def test_of_two_replicas_one_tries_whether_a_refused_key_is_right_by_now(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        for chat in range(4):
            await finish_chat(store, clock.now(), str(chat))
        database, pipeline = Database(clock, longest=0.0), Scripted(AccessRefused())
        one, other = (make(pipeline, concurrency=1, board=database.replica(number)[0]) for number in (1, 2))
        assert await once(one) == 1
        assert await once(other) == 0, "a stop is in the store, and holds for all at their next look"
        await clock.advance(ACCESS_REST)
        pipeline.script = DONE

        assert [await other._start_due(), await one._start_due()] == [1, 0]
        await other.drain(30)
        assert await store.stops() == {}
        assert await once(one) == 1

    async def test_an_answer_that_is_an_error_of_the_job_closes_the_breaker(
        self, store: Store, clock: FakeClock, make: Make
    ) -> None:
        for chat in range(FAILURES + 1):
            await finish_chat(store, clock.now(), str(chat))
        pipeline = Scripted(NoAnswer())
        worker = make(pipeline, concurrency=FAILURES)
        await once(worker)
        await clock.advance(FIRST_REST)
        pipeline.script = Rejected()

        await once(worker)

        assert worker.breakers.state("sales") == "closed"

    async def test_a_resting_target_is_not_asked_for_again_and_again(
        self, store: Store, clock: FakeClock, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await finish_chat(store, clock.now())
        await store.stop_target(TargetStop(target="sales", reason="crm_blocked", detail="", since=clock.time()))
        looks = 0
        real = store.stops

        async def counted() -> dict[str, TargetStop]:
            nonlocal looks
            looks += 1
            return await real()

        monkeypatch.setattr(store, "stops", counted)
        async with at_work(make()):
            await until(lambda: clock.sleepers >= 2)
            for _ in range(100):
                await clock.advance(POLL / 100)

            assert looks <= 3


class TestStopping:
    async def test_what_is_under_way_may_end(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())
        going_on = asyncio.Event()

        async def script(attempt: Attempting) -> Outcome:
            await going_on.wait()
            return DONE

        worker = make(script)
        await worker._start_due()
        asyncio.get_running_loop().call_later(0.01, going_on.set)

        await worker.drain(10)

        assert (await only_job(store)).state is JobState.DONE

    async def test_what_does_not_end_in_time_is_broken_off_and_uses_up_no_attempt(
        self, tmp_path: Path, clock: FakeClock, store: Store, make: Make
    ) -> None:
        await finish_chat(store, clock.now())

        async def script(attempt: Attempting) -> Outcome:
            await asyncio.Event().wait()
            return DONE

        worker = make(script)
        await worker._start_due()
        await worker.drain(0.01)
        await store.close()
        await store.open()  # the next start

        job = await only_job(store)
        assert (job.state, job.attempts) == (JobState.PENDING, 0)

    async def test_no_job_is_begun_after_the_word_to_stop(self, store: Store, clock: FakeClock, make: Make) -> None:
        await finish_chat(store, clock.now())
        stopping = asyncio.Event()
        stopping.set()
        pipeline = Scripted()

        await make(pipeline).work(stopping)

        assert pipeline.ran == []

    async def test_news_wakes_it_at_once(self, store: Store, clock: FakeClock, make: Make) -> None:
        pipeline = Scripted()
        async with at_work(worker := make(pipeline)):
            await until(lambda: clock.sleepers >= 2)
            await finish_chat(store, clock.now())
            worker.news.set()

            await until(lambda: bool(pipeline.ran))

    async def test_it_wakes_by_itself_when_something_falls_due(self, store: Store, clock: FakeClock, make: Make) -> None:
        pipeline = Scripted()
        await finish_chat(store, clock.now(), next_in=0.5)
        async with at_work(make(pipeline)):
            await until(lambda: clock.sleepers >= 2)
            assert pipeline.ran == []

            await clock.advance(0.5)

            await until(lambda: bool(pipeline.ran))
