"""The real store, worker and pipeline through deliveries, crashes, lost answers and leases, replays, clock jumps in any order."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
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

from bridge import pipeline
from bridge.clock import Clock
from bridge.config import load
from bridge.model import Delivery, Operation, Step
from bridge.pipeline import Pipeline
from bridge.sort import Sorter
from bridge.sources import load_sources
from bridge.store import Job, Outcome
from bridge.store.sqlite import SqliteStore
from bridge.targets import load_targets
from bridge.worker import Worker

T = TypeVar("T")
PHONE = "+79160000001"
LEASE = 60.0
CHATS = (1, 2, 3)
#: what becomes of a request: as it should be · carried out, answer lost · never arrived · carried out much later · the process is
#: killed before, after · the process stands still before it is sent, for longer than its lease
FATES = ("go", "lost", "never", "late", "kill before", "kill after", "freeze")


class Steady(Clock):
    """The CRM's own clock, which nobody sets."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()


class Fated(LaggingCrm):
    """The CRM of the state search, with the fates that come next."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(Steady(clock), PHONE)
        self.fates: list[str] = []
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
                      guard: Callable[[], None], again_headers: Mapping[str, str] | None = None) -> str:  # fmt: skip
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
        word = fate if fate in {"lost", "never", "late"} else "go"
        with mock.patch.object(interleaved, "point", mock.AsyncMock(return_value=word)):
            made = await crm.perform(operation, scope, steps, guard=guard, again_headers=again_headers)
        if fate == "kill after":
            crm.process += 1
            raise Killed
        return made


class ServiceMachine(RuleBasedStateMachine):
    """One new person, three chats that go on and come again. The model: what was said, and that each of it is told once."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        # nobody asks a killed process how its attempts ended
        self.loop.set_exception_handler(lambda *_: None)
        self.folder = tempfile.TemporaryDirectory()
        self.patches = [
            mock.patch.object(interleaved, "point", mock.AsyncMock(return_value="go")),
            mock.patch.object(pipeline, "PATIENCE", 0.001),
        ]
        for one in self.patches:
            one.start()
        self.clock = FakeClock()
        self.crm = Fated(self.clock)
        config = {
            "store": f"sqlite:///{self.folder.name}/x.db", "key": "${C2C_KEY}", "language": "en", "retry": {"longest": "60s"},
            "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales"}},
            "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "mode": "write", "deal": "new_client",
                                  "missed": "none", "timeout": "20s"}},
        }  # fmt: skip
        path = Path(self.folder.name) / "config.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")
        self.settings = load(path, ENVIRON)
        self.sources = load_sources(self.settings)
        self.said: dict[int, list[str]] = {}
        self.events: list[dict[str, Any]] = []
        self.store = SqliteStore(Path(self.folder.name) / "x.db", clock=self.clock)
        self.begin()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def begin(self) -> None:
        """A process starts on the store."""
        self.run(self.store.open())
        self.store.born_at = 0.0
        self.worker = self.another_worker()
        self.sorter = Sorter(self.store, self.clock, self.settings, self.sources)

    def another_worker(self) -> Worker:
        [target] = load_targets(self.settings, self.clock).values()
        targets = {"sales": replace(target, crm=self.crm.seen_by(self.crm.process))}  # type: ignore[arg-type]
        made = Pipeline.of(self.store, self.clock, self.settings, self.sources, targets)
        return Worker(self.store, self.clock, made, self.settings.retry, self, known_targets=lambda: targets, lease=LEASE)

    def finished(self, job: Job, outcome: Outcome, seconds: float) -> None: ...

    async def worked(self) -> None:
        """What is due is carried out, as far as it goes."""
        alive = self.crm.process
        if not await self.worker._start_due():
            return
        while self.worker._running and not self.crm_frozen():
            await asyncio.sleep(0.0005)
            await settle(5)
        if self.crm.process != alive:
            await self.buried()

    def crm_frozen(self) -> bool:
        """Whoever is still at work stands still."""
        waiting = len(self.crm.thaw._waiters)  # type: ignore[attr-defined]
        return waiting > 0 and waiting >= len(self.worker._running)

    async def buried(self) -> None:
        """The killed process is gone: its attempts write nothing more, its locks are nobody's."""
        self.crm.thaw.set()
        for _, task in list(self.worker._running.values()):
            task.cancel()
        await settle(50)
        await self.store.close()
        self.crm.thaw = asyncio.Event()
        self.crm.fates.clear()
        self.store = SqliteStore(self.store.path, clock=self.clock)
        await self.store.open()
        self.store.born_at = 0.0
        self.worker = self.another_worker()
        self.sorter = Sorter(self.store, self.clock, self.settings, self.sources)

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

    @rule(fates=st.lists(st.sampled_from(FATES), max_size=4))
    def the_worker_works(self, fates: list[str]) -> None:
        self.crm.fates[:] = fates
        self.run(self.worked())

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE + 1, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule(seconds=st.sampled_from([3600.0, -3600.0]))
    def the_clock_is_set(self, seconds: float) -> None:
        self.clock.jump(seconds)
        self.run(self.worker._mind_the_clock())

    @rule()
    def the_process_is_killed(self) -> None:
        self.crm.process += 1
        self.run(self.buried())

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def a_person_replays(self, data: st.DataObject) -> None:
        ids = self.run(self.store.reading().job_ids())
        self.run(self.store.replay([data.draw(st.sampled_from(ids))]))

    @rule()
    def who_stood_still_goes_on(self) -> None:
        self.run(self.thawed())

    async def thawed(self) -> None:
        self.crm.thaw.set()
        self.crm.thaw = asyncio.Event()
        await asyncio.sleep(0.002)
        await settle(50)

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
        left: list[Any] = []
        for _ in range(60):  # twenty minutes: less than a clock that was set takes to catch up
            await self.thawed()
            await self.sorter.sort()
            await self.worked()
            left = [row for row in await self.store.reading().counts() if row["state"] not in {"done", "skipped"}]
            if not left:
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
        rows = await self.store.reading()._rows("SELECT DISTINCT record_id FROM operations WHERE state = 'done'", [])
        assert {row["record_id"] for row in rows} == {record.id for record in self.crm.records}


@pytest.fixture
def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def test_whatever_happens_in_whatever_order_each_line_is_told_once_and_nothing_stalls(quiet: None) -> None:
    run_state_machine_as_test(ServiceMachine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_the_same_two_thousand_times(quiet: None) -> None:
    run_state_machine_as_test(ServiceMachine, settings=settings(max_examples=2000, stateful_step_count=40, deadline=None))

