"""The real store, worker and pipeline through deliveries, crashes, lost answers and leases, replays, clock jumps in any order."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import interleaved
import pytest
import structlog
from fakes import FakeClock, settle
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from interleaved import Killed, LaggingCrm
from running import finished
from way import ENVIRON

from bridge.clock import Clock, Steady
from bridge.config import load
from bridge.connections.sources import load_sources
from bridge.connections.targets import load_targets
from bridge.crm.call import Guard
from bridge.crm.look import Look
from bridge.model import Delivery, Operation, OperationKind, Step
from bridge.pipeline import Pipeline, client_locks
from bridge.sort import Sorter
from bridge.store import Job, Outcome
from bridge.store.sqlite import SqliteStore, engine
from bridge.worker import Worker

T = TypeVar("T")
PHONE = "+79160000001"
LEASE = 60.0
CHATS = (1, 2, 3)
HOUR = 3600.0
LEFT_OUT = "by hand"
#: what becomes of a request: as it should be · carried out, answer lost · never arrived · carried out much later · the process is
#: killed before, after · the process stands still before it is sent, for longer than its lease · meanwhile the clock is set, and
#: the answer lost
FATES = ("go", "lost", "never", "late", "kill before", "kill after", "freeze", "ahead", "back")
#: what happens while the CRM is asked whether something is there
LOOKS = ("go", "go", "ahead", "back", "kill")
SET = {"ahead": HOUR, "back": -HOUR}


class NeverSet(Clock):
    """The CRM's own clock."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()


class Fated(LaggingCrm):
    """The CRM of the state search, with the fates that come next."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(NeverSet(clock), PHONE)
        self.machine = clock
        self.fates: list[str] = []
        self.looks: list[str] = []
        self.thaw = asyncio.Event()
        self.process = 0

    def seen_by(self, process: int) -> OfProcess:
        return OfProcess(self, process)


class OfProcess:
    """The CRM as one process reaches it: not at all after that was killed."""

    def __init__(self, crm: Fated, process: int) -> None:
        self._crm = crm
        self._process = process

    def __getattr__(self, name: str) -> Any:
        if self._crm.process != self._process:
            raise Killed
        return getattr(self._crm, name)

    async def perform(self, operation: Operation, scope: Mapping[str, Any], steps: list[Step], *,
                      guard: Guard, again_headers: Mapping[str, str] | None = None) -> str:  # fmt: skip
        crm = self._crm
        if crm.process != self._process:
            raise Killed
        fate = crm.fates.pop(0) if crm.fates else "go"
        if fate == "kill before":
            crm.process += 1
            raise Killed
        if fate == "freeze":
            await crm.thaw.wait()
            if crm.process != self._process:
                raise Killed
        crm.machine.jump(SET.get(fate, 0.0))
        word = "late" if fate in SET else fate if fate in {"lost", "never", "late"} else "go"
        with mock.patch.object(interleaved, "point", mock.AsyncMock(return_value=word)):
            made = await crm.perform(operation, scope, steps, guard=guard, again_headers=again_headers)
        if fate == "kill after":
            crm.process += 1
            raise Killed
        return made

    async def look(self, operation: Operation, scope: Mapping[str, Any], steps: list[Step], **more: Any) -> Look:
        crm = self._crm
        fate = crm.looks.pop(0) if crm.looks else "go"
        if crm.process != self._process or fate == "kill":
            crm.process = max(crm.process, self._process + 1)
            raise Killed
        crm.machine.jump(SET.get(fate, 0.0))
        return await crm.look(operation, scope, steps, **more)


class ServiceMachine(RuleBasedStateMachine):
    """One new person, three chats that go on and come again. The model: what was said, and that each of it is told once."""

    DEAL = "new_client"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        # nobody asks a killed process how its attempts ended
        self.loop.set_exception_handler(lambda *_: None)
        self.folder = tempfile.TemporaryDirectory()
        self.patches = [
            mock.patch.object(interleaved, "point", mock.AsyncMock(return_value="go")),
            mock.patch.object(client_locks, "PATIENCE", 0.0),
            # every commit within the turn that asked for it, so that nothing has to be waited for
            mock.patch.object(engine, "SLOW_COMMIT", float("inf")),
        ]
        for one in self.patches:
            one.start()
        self.clock = FakeClock()
        self.crm = Fated(self.clock)
        config = {
            "store": f"sqlite:///{self.folder.name}/x.db", "key": "${C2C_KEY}", "language": "en", "retry": {"longest": "60s"},
            "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales"}},
            "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}", "mode": "write",
                                  "deal": self.DEAL, "missed": "none", "timeout": "20s"}},
        }  # fmt: skip
        path = Path(self.folder.name) / "config.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        self.settings = load(path, ENVIRON)
        self.sources = load_sources(self.settings)
        self.said: dict[int, list[str]] = {}
        self.events: list[dict[str, Any]] = []
        self.run(self.begin())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def begin(self) -> None:
        """A process starts on the store."""
        clock = Steady(self.clock)
        self.store = SqliteStore(Path(self.folder.name) / "x.db", clock=clock)
        await self.store.open()
        self.store.born_at = 0.0
        self.alive = self.crm.process
        [target] = load_targets(self.settings, clock).values()
        targets = {"sales": replace(target, crm=self.crm.seen_by(self.alive))}  # type: ignore[arg-type]
        made = Pipeline.of(self.store, clock, self.settings, self.sources, targets)
        self.worker = Worker(self.store, clock, made, self.settings.retry, self, known_targets=lambda: targets, lease=LEASE)
        self.sorter = Sorter(self.store, clock, self.settings, self.sources)

    def finished(self, job: Job, outcome: Outcome, seconds: float) -> None: ...

    async def worked(self) -> None:
        """What is due is carried out, as far as it goes."""
        await self.worker._start_due()
        await self.at_work()

    async def at_work(self) -> None:
        for _ in range(1000):
            if self.crm.process != self.alive:
                await self.buried()
                return
            if not self.worker._running or self.crm_frozen():
                return
            await settle(5)
        pytest.fail("an attempt stands still, and nobody knows why")

    def crm_frozen(self) -> bool:
        """Whoever is still at work stands still."""
        waiting = len(self.crm.thaw._waiters)  # type: ignore[attr-defined]
        return waiting > 0 and waiting >= len(self.worker._running)

    async def buried(self, *, clock_set: float = 0.0) -> None:
        """The killed process is gone: its attempts write nothing more, its locks are nobody's. Another one starts."""
        self.crm.thaw.set()
        for _, task in list(self.worker._running.values()):
            task.cancel()
        await settle(50)
        await self.store.close()
        self.crm.thaw = asyncio.Event()
        self.crm.fates.clear()
        self.crm.looks.clear()
        self.clock.jump(clock_set)
        await self.begin()

    # -- what happens --

    @rule(chat=st.sampled_from(CHATS))
    def a_chat_ends_or_goes_on(self, chat: int) -> None:
        lines = self.said.setdefault(chat, [])
        lines.append(f"Line {len(lines)} of chat {chat}." + ("" if lines else f" My number is {PHONE}"))
        event = finished(chat_id=chat, number=100 + chat, text=lines[0], extra=tuple(lines[1:]), missed=True)
        for place, message in enumerate(event["chat"]["messages"]):
            message["timestamp"] = 1_795_250_000 + chat * 1000 + 10 * place
        self.events.append(event)
        self.arrives(event)

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def a_delivery_comes_again(self, data: st.DataObject) -> None:
        self.arrives(data.draw(st.sampled_from(self.events)))

    def arrives(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        key = str(len(body)) + str(event["chat_id"])
        self.run(self.store.accept(Delivery(source="shop", dedupe_key=key, received_at=self.clock.now(), body=body)))
        self.run(self.sorter.sort())

    @rule(fates=st.lists(st.sampled_from(FATES), max_size=4), looks=st.lists(st.sampled_from(LOOKS), max_size=2))
    def the_worker_works(self, fates: list[str], looks: list[str]) -> None:
        self.crm.fates[:], self.crm.looks[:] = fates, looks
        self.run(self.worked())

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE + 1, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule(seconds=st.sampled_from([HOUR, -HOUR]))
    def the_clock_is_set(self, seconds: float) -> None:
        """The worker notices when it looks for what is due."""
        self.clock.jump(seconds)

    @rule(clock_set=st.sampled_from([0.0, 0.0, HOUR, -HOUR]))
    def the_process_is_killed(self, clock_set: float) -> None:
        self.crm.process += 1
        self.run(self.buried(clock_set=clock_set))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def a_person_replays(self, data: st.DataObject) -> None:
        ids = self.run(self.store.reading().job_ids())
        self.run(self.store.replay([data.draw(st.sampled_from(ids))]))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def a_person_leaves_a_job_out(self, data: st.DataObject) -> None:
        ids = self.run(self.store.reading().job_ids())
        self.run(self.store.skip([data.draw(st.sampled_from(ids))], LEFT_OUT))

    @rule()
    def who_stood_still_goes_on(self) -> None:
        self.run(self.thawed())

    async def thawed(self) -> None:
        self.crm.thaw.set()
        self.crm.thaw = asyncio.Event()
        await settle()
        await self.at_work()

    # -- what must hold --

    @invariant()
    def nothing_is_there_twice(self) -> None:
        made = Counter((record.kind, record.marker) for record in self.crm.records)
        assert max(made.values(), default=0) <= 1, self.crm.records
        kinds = Counter(record.kind for record in self.crm.records)
        assert kinds["create"] <= 1, self.crm.records
        assert kinds["deal"] <= 1, self.crm.records

    def teardown(self) -> None:
        """When all is well again everything comes to its end, and is told once."""
        try:
            self.run(self.to_the_end())
        finally:
            self.crm.process += 1
            self.run(self.store.close())
            for one in self.patches:
                one.stop()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
            self.folder.cleanup()

    async def to_the_end(self) -> None:
        self.crm.fates.clear()
        self.crm.looks.clear()
        left: list[Any] = []
        for _ in range(60):  # twenty minutes: less than a clock that was set takes to catch up
            # refused as long as a later job is writing the chat: a person would come back to it
            out = [row["id"] for row in await self.store.reading().jobs(limit=1000) if row["reason"] == LEFT_OUT]
            await self.store.replay(out)
            await self.thawed()
            await self.sorter.sort()
            await self.worked()
            left = [row for row in await self.store.reading().counts() if row["state"] not in {"done", "skipped"}]
            if not left and not out:
                break
            await self.clock.advance(20)
        assert left == []
        self.nothing_is_there_twice()
        notes = [record for record in self.crm.records if record.kind == "note"]
        assert len({record.client for record in notes}) <= 1
        for chat, lines in self.said.items():
            stored = await self.store.chat_of("shop", str(chat))
            assert stored is not None
            assert len(await self.store.delivered(stored.row, "sales")) == len(lines)
        rows = await self.store.reading()._rows("SELECT job, position, kind, record_id FROM operations WHERE state = 'done'", [])
        assert {row["record_id"] for row in rows} == {record.id for record in self.crm.records}
        told: dict[str, tuple[str, ...]] = {}
        for row in rows:
            job = await self.store.job(row["job"])
            if row["kind"] == OperationKind.NOTE and job is not None and job.plan is not None:
                told[row["record_id"]] = job.plan.operations[row["position"]].message_keys
        assert len(told) == len(notes)
        lines = Counter(key for keys in told.values() for key in keys)
        assert max(lines.values(), default=1) == 1, "a line stands in two notes"


class OneDealMachine(ServiceMachine):
    """Each of the chats opens a deal unless there is one."""

    DEAL = "if_none_open"


MACHINES = pytest.mark.parametrize("machine", [ServiceMachine, OneDealMachine], ids=lambda machine: machine.DEAL)


@pytest.fixture
def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@MACHINES
def test_whatever_happens_in_whatever_order_each_line_is_told_once_and_nothing_stalls(
    quiet: None, machine: type[ServiceMachine]
) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


@pytest.mark.torture
@pytest.mark.timeout(7200)
@MACHINES
def test_the_same_two_thousand_times(quiet: None, machine: type[ServiceMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=2000, stateful_step_count=40, deadline=None))

