"""Deliveries, claims, crashes, lease expiries and replays in any order, against a model of what must hold.

Over a store of several replicas two have it open, and which of them does the next thing is drawn, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fakes import FakeClock
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from store_materials import LEASE, claim, delivery, end, finish_chat, plan_of

from bridge.errors import StaleLease
from bridge.model import JobState, OperationKind, OperationState
from bridge.store import Job, Store, open_store

T = TypeVar("T")
CHATS = ("a", "b", "c")
PHONES = [("phone", "+79160000001"), ("phone", "+79160000002")]


class StoreMachine(RuleBasedStateMachine):
    """`held` is what workers believe to hold; some of them are zombies by now. The model knows better."""

    replicas = 1
    #: a start voids all leases; else a replica that ends gives back its own, and those of one that is killed run out
    alone = True

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stores: list[Store] = []
        self.turn = 0
        #: job → the replica that has claimed it last; one that was killed gives nothing back any more
        self.claimed_by: dict[int, Store] = {}
        self.clock = FakeClock()
        self.texts: dict[str, list[str]] = {name: [] for name in CHATS}
        self.held: list[Job] = []
        #: job → epoch and when its lease ends
        self.owner: dict[int, tuple[int, float]] = {}
        self.done: set[int] = set()
        self.settled: dict[int, OperationState] = {}
        self.keys: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def url(self) -> str:
        """Of an empty store, the same one from then on."""
        raise NotImplementedError

    @initialize()
    def start(self) -> None:
        self.stores = [self.opened() for _ in range(self.replicas)]

    @property
    def store(self) -> Store:
        return self.stores[self.turn]

    def opened(self) -> Store:
        store = open_store(self.url(), clock=self.clock)
        self.run(store.open())
        return store

    def teardown(self) -> None:
        for store in self.stores:
            self.run(store.close())
        self.loop.close()

    @precondition(lambda self: self.replicas > 1)
    @rule(turn=st.integers(0, 1))
    def another_replica_goes_on(self, turn: int) -> None:
        self.turn = turn

    @rule(key=st.sampled_from(["k1", "k2", "k3"]))
    def a_delivery_comes(self, key: str) -> None:
        accepted = self.run(self.store.accept(delivery(key, source="blog", at=self.clock.now())))
        assert accepted.duplicate == (key in self.keys)
        self.keys.add(key)

    @rule(name=st.sampled_from(CHATS))
    def a_chat_ends(self, name: str) -> None:
        self.texts[name].append(f"text {len(self.texts[name])}")
        for other in self.stores:
            if other is not self.store:  # it looks, finds nothing more of the source, and leaves it to whoever does
                self.run(other.received(1))
        self.run(finish_chat(self.store, self.clock.now(), name, *self.texts[name]))

    @rule(limit=st.integers(1, 3))
    def a_worker_claims(self, limit: int) -> None:
        for job in self.run(claim(self.store, limit)):
            known = self.owner.get(job.id)
            assert job.id not in self.done
            assert known is None or (job.epoch > known[0] and known[1] < self.clock.time()), "claimed while somebody held it"
            self.owner[job.id] = (job.epoch, self.clock.time() + LEASE)
            self.claimed_by[job.id] = self.store
            self.held.append(job)

    def mine(self, job: Job) -> bool:
        return self.owner.get(job.id, (0, 0.0))[0] == job.epoch

    @precondition(lambda self: self.held)
    @rule(data=st.data(), state=st.sampled_from([JobState.DONE, JobState.RETRYING, JobState.HELD, JobState.WAITING]))
    def a_worker_ends(self, data: st.DataObject, state: JobState) -> None:
        job = data.draw(st.sampled_from(self.held))
        self.held.remove(job)
        try:
            self.run(end(self.store, job, state, next_at=self.clock.time() + 5))
        except StaleLease:
            assert not self.mine(job)
            return
        assert self.mine(job)
        del self.owner[job.id]
        if state is JobState.DONE:
            self.done.add(job.id)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), send=st.booleans())
    def a_worker_plans_and_sends(self, data: st.DataObject, send: bool) -> None:
        job = data.draw(st.sampled_from(self.held))
        earlier = self.run(self.store.operations(job.id))
        if any(row.state in {OperationState.SENT, OperationState.DONE} for row in earlier):
            return
        try:
            rows = self.run(self.store.record_plan(job, plan_of(OperationKind.CREATE, OperationKind.NOTE)))
            for row in (*earlier, *rows):  # in the place of an earlier plan's, sometimes under their numbers
                self.settled.pop(row.id, None)
            if send:
                row = self.run(self.store.record_sent(rows[0], epoch=job.epoch, pending=PHONES))
                self.settled[row.id] = OperationState.SENT
        except StaleLease:
            assert not self.mine(job)
        else:
            assert self.mine(job)

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), state=st.sampled_from([OperationState.DONE, OperationState.VOID]))
    def somebody_finds_out(self, data: st.DataObject, state: OperationState) -> None:
        number = data.draw(st.sampled_from(sorted(self.settled)))
        row = self.run(self.store.operation(number))
        assert row is not None
        self.run(self.store.settle(row, state, record_id="c1", entity="client"))
        if self.settled[number] is OperationState.SENT:
            self.settled[number] = state
        known = self.run(self.store.operation(number))
        assert known is not None
        assert known.state is self.settled[number]

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE + 1]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule(gives_back=st.booleans())
    def the_process_ends(self, gives_back: bool) -> None:
        if not (gives_back or self.alone):
            # all but the sources that it reads the deliveries of: this machine has no word for waiting until those lapse
            shifts = self.store._shifts  # type: ignore[attr-defined]
            self.store._give_back = lambda db: shifts.give_back(db, shifts.everything()[0])  # type: ignore[attr-defined]
        ended = self.store
        self.run(ended.close())
        self.stores[self.turn] = self.opened()
        # who held a lease before holds none now
        if self.alone:
            self.owner = dict.fromkeys(self.owner, (-1, 0.0))
        elif gives_back:
            self.owner |= {job: (-1, 0.0) for job in self.owner if self.claimed_by.get(job) is ended}

    @precondition(lambda self: self.owner or self.done)
    @rule(data=st.data(), again=st.booleans())
    def a_person_replays(self, data: st.DataObject, again: bool) -> None:
        job_id = data.draw(st.sampled_from(sorted({*self.owner, *self.done})))
        before = self.run(self.store.job(job_id))
        assert before is not None
        left_to_later = any(self.writes_for(before, later) for later in self.every_job() if later.revision > before.revision)
        sent_round = self.run(self.store.replay([job_id], again=again))
        assert bool(sent_round) == (before.state is not JobState.RUNNING and not left_to_later)
        if sent_round:
            self.owner.pop(job_id, None)
            self.done.discard(job_id)
            if again:
                rows = [number for number in self.settled if self.run(self.store.operation(number)).job == job_id]  # type: ignore[union-attr]
                for number in rows:
                    if self.settled[number] is OperationState.SENT:
                        self.settled[number] = OperationState.VOID

    def every_job(self) -> list[Job]:
        found = [self.run(self.store.job(number)) for number in self.run(self.store.reading().job_ids())]
        return [job for job in found if job is not None]

    def begun(self, job: Job) -> bool:
        rows = self.run(self.store.reading()._rows("SELECT state FROM operations WHERE job = ?", [job.id]))  # type: ignore[attr-defined]
        return any(row["state"] in {"sent", "done"} for row in rows)

    def writes_for(self, job: Job, later: Job) -> bool:
        if (job.chat_row, job.target) != (later.chat_row, later.target):
            return False
        under_way = later.state not in {JobState.DONE, JobState.SKIPPED, JobState.DEAD}
        return (self.begun(later) and later.state is not JobState.DONE) or (under_way and not self.begun(job))

    @invariant()
    def every_pending_contact_point_leads_to_an_operation_that_is_under_way(self) -> None:
        if not self.stores:
            return
        for identity in self.run(self.store.identities("sales", PHONES)):
            if identity.operation is not None:
                row = self.run(self.store.operation(identity.operation))
                assert row is not None
                assert row.state is OperationState.SENT
            else:
                assert identity.client_id

    @invariant()
    def at_most_one_job_of_a_lane_runs(self) -> None:
        if not self.stores:
            return
        rows = self.run(self.store.reading().jobs(states=["running"], limit=100))
        lanes = [(row["chat_row"], row["target"]) for row in rows]
        assert len(lanes) == len(set(lanes))
