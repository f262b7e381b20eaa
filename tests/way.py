"""The whole way of a chat within one process: a real store, the real pipeline, a real CRM to write to, a clock of the test's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import running
from fakes import FakeClock

from bridge.config import Settings, load
from bridge.connections.sources import Source, load_sources
from bridge.connections.targets import Target, load_targets
from bridge.model import ALIVE, Delivery, JobState
from bridge.pipeline import Pipeline
from bridge.sandbox import API_KEY, Running, start
from bridge.sandbox.switches import read_switches
from bridge.sort import Sorter
from bridge.store import Job, Outcome, Store, open_store
from bridge.worker import Worker

ENVIRON = {"C2C_KEY": "k" * 40, "C2C_SECRET": "s3cret-s3cret-s3cret", "C2C_TOKEN": API_KEY, "C2C_WRONG": "wrong-key",
           "C2C_OAUTH": "our-secret", "C2C_WEBHOOK": "7/the-code"}  # fmt: skip


@dataclass(slots=True)
class Way:
    clock: FakeClock
    store: Store
    settings: Settings
    sources: dict[str, Source]
    targets: dict[str, Target]
    crm: Running
    worker: Worker
    sorter: Sorter
    outcomes: list[Outcome] = field(default_factory=list)
    _posted: int = 0

    def finished(self, job: Job, outcome: Outcome, seconds: float) -> None:
        self.outcomes.append(outcome)

    async def post(self, event: Mapping[str, Any], *, source: str = "shop") -> None:
        """As the receiver would keep it; every one is another delivery."""
        self._posted += 1
        await self.store.accept(Delivery(
            source=source, dedupe_key=str(self._posted), received_at=self.clock.now(), body=json.dumps(event).encode(),
        ))  # fmt: skip
        await self.sorter.sort()

    async def work(self, rounds: int = 20) -> list[Outcome]:
        """Run what is due until nothing is; gives the outcomes of these attempts."""
        before = len(self.outcomes)
        for _ in range(rounds):
            if not await self.worker._start_due():
                break
            await self.worker.drain(30)
        return self.outcomes[before:]

    async def jobs(self) -> list[Job]:
        rows = await self.store.reading().jobs()
        found = [await self.store.job(row["id"]) for row in rows]
        return [job for job in reversed(found) if job is not None]

    async def states(self) -> list[tuple[JobState, str]]:
        return [(job.state, job.reason) for job in await self.jobs()]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """What the CRM's database holds."""
        found = self.crm.parts.records.db.execute(f"SELECT * FROM {table}").fetchall()
        return [dict(row) for row in found]

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What a person does in the CRM by hand."""
        headers = {"X-Api-Key": API_KEY}
        async with aiohttp.ClientSession() as session, session.request(
            method, f"{self.crm.url}/api/v1{path}", json=body, headers=headers
        ) as answer:
            assert answer.status < 300, await answer.text()
            found: dict[str, Any] = await answer.json() if answer.status != 204 else {}
            return found

    def faults(self, **switches: Any) -> None:
        self.crm.parts.faults.set(read_switches(switches))

    async def change_target(self, **changes: Any) -> None:
        """As a person does: correct the config and start anew."""
        path = self.settings.origin
        config = json.loads(path.read_text(encoding="utf-8"))
        config["targets"]["sales"].update(changes)
        path.write_text(json.dumps(config), encoding="utf-8")
        self.settings = load(path, ENVIRON)
        for one in self.targets.values():
            await one.crm.close()
        self.targets = load_targets(self.settings, self.clock, store=self.store)
        await self.restart()

    async def restart(self) -> None:
        """As after kill -9: whatever was in memory is gone."""
        self.worker = _worker(self)


def _worker(way: Way) -> Worker:
    pipeline = Pipeline.of(way.store, way.clock, way.settings, way.sources, way.targets)
    return Worker(way.store, way.clock, pipeline, way.settings.retry, way, known_targets=lambda: way.targets, lease=60.0)


@asynccontextmanager
async def on_the_way(folder: Path, clock: FakeClock, *, source: Mapping[str, Any] | None = None,
                     target: Mapping[str, Any] | None = None, crm_options: Mapping[str, Any] | None = None,
                     **top: Any) -> AsyncIterator[Way]:
    """`source`, `target` and `top` are laid over a plain configuration, None takes a key out of it; `crm_options` are those of
    the sandbox's `start`.
    """
    async with start(**(crm_options or {})) as crm:
        config = {
            "store": f"sqlite:///{folder}/chat2crm.db", "key": "${C2C_KEY}", "language": "en", "timezone": "Europe/Moscow",
            "sources": {"shop": {
                "provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales", **(source or {}),
            }},
            "targets": {"sales": {
                "crm": "sandbox", "url": crm.url, "token": "${C2C_TOKEN}", "mode": "write", "timeout": "5s",
                "commits_within": "60s", "consistency_delay": "5s", **(target or {}),
            }},
            **top,
        }  # fmt: skip
        config["targets"] = {
            name: {key: value for key, value in one.items() if value is not None}
            for name, one in config["targets"].items()  # type: ignore[union-attr]
        }
        (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        settings = load(folder / "config.yaml", ENVIRON)
        store = open_store(settings.store, clock=clock)
        await store.open()
        sources, targets = load_sources(settings), load_targets(settings, clock, store=store)
        way = Way(
            clock=clock, store=store, settings=settings, sources=sources, targets=targets, crm=crm,
            worker=None, sorter=Sorter(store, clock, settings, sources),  # type: ignore[arg-type]
        )  # fmt: skip
        way.worker = _worker(way)
        # chats of these tests end when the clock stands, so the store must not look younger than they are
        store.born_at = 0.0
        try:
            yield way
        finally:
            for one in way.targets.values():
                await one.crm.close()
            # which may be another by now, opened anew
            await way.store.close()


def finished(number: int, clock: FakeClock, **more: Any) -> dict[str, Any]:
    """A chat that ended just now by the test's clock."""
    event = running.finished(number, **more)
    for place, message in enumerate(event["chat"]["messages"]):
        message["timestamp"] = int(clock.time()) - 60 + place
    return event


def mapping(folder: Path, name: str, text: str) -> str:
    """A mapping of the user's own beside the config; gives its name."""
    place = folder / "mappings" / "crms"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.yaml").write_text(f"mapping_language: 1\nextends: sandbox\n{text}", encoding="utf-8")
    return name


async def to_the_end(way: Way, hours: float = 2.0) -> None:
    """Work and let time pass until every job is over or waits for a person."""
    until = way.clock.time() + hours * 3600
    while True:
        await way.work()
        alive = [job.next_at for job in await way.jobs() if job.state in ALIVE]
        if not alive or min(alive) > until:
            return
        await way.clock.advance(max(1.0, min(alive) - way.clock.time()))
