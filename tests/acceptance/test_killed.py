"""Killed again and again under load, with CRMs that lag and lose answers, one for each way to find again what was written."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from marked import KINDS, write_mappings
from running import BOTH, BOTH_IN_THE_LONG_RUN, Crm, Service, crm_at, eventually, finished

log = logging.getLogger(__name__)

#: of the long run: a thousand take a quarter of an hour on two processors, over PostgreSQL longer, so fewer may be asked for
#: (CHAT2CRM_KILLS=300 make torture ARGS=…); seen with `--log-cli-level INFO`
KILLS = int(os.environ.get("CHAT2CRM_KILLS", "1000"))
DOUBLED = ("doubled_clients", "doubled_notes", "doubled_deals", "doubled_tasks")
#: seconds a stop may take
STOP = 10.0
Crms = dict[str, Crm]


@pytest.fixture
async def crms(service: Service) -> AsyncIterator[Crms]:
    """A CRM for each kind of marker, with a chat connection of its own; new clients get a deal, missed chats a task."""
    async with AsyncExitStack() as stack:
        made = {kind: await stack.enter_async_context(crm_at(service.folder / f"{kind}.db")) for kind in KINDS}
        write_mappings(service.folder / "mappings" / "crms")
        plain_source, plain_target = service.config["sources"].pop("shop"), service.config["targets"].pop("sales")
        for kind, crm in made.items():
            service.config["sources"][kind] = {**plain_source, "target": kind}
            service.config["targets"][kind] = {
                **plain_target, "crm": f"by_{kind}", "url": crm.url, "consistency_delay": "1s", "deal": "new_client",
                "missed": "task",
            }  # fmt: skip
        yield made


class Load:
    """Posts to all sources in turn; remembers what was acknowledged."""

    def __init__(self, service: Service, *, at_once: int, seed: int) -> None:
        self.service = service
        self.chance = random.Random(seed)
        self.acknowledged: Counter[str] = Counter()
        #: of them, those that nobody answered, by a CRM that can be asked what became of the task
        self.missed = 0
        self.going = True
        #: about twenty chats a second in all: what is killed again and again must be able to keep up
        self.pause = at_once / 10
        self._tasks = [asyncio.create_task(self._send(number + 1)) for number in range(at_once)]

    async def _send(self, number: int) -> None:
        count = 0
        while self.going:
            count += 1
            kind = KINDS[(number + count) % len(KINDS)]
            missed = (number + count) % 3 == 0
            event = finished(number * 10_000 + count, missed=missed)
            status, _ = await self.service.post(event, source=kind)
            if status == 200:
                self.acknowledged[kind] += 1
                self.missed += missed and kind != "none"
            else:
                await asyncio.sleep(0.02)
            await asyncio.sleep(self.pause * self.chance.random())

    async def _all_heard(self) -> bool:
        return self.missed > 0 and all(self.acknowledged[kind] for kind in KINDS)

    async def end(self) -> None:
        """Once each of the sources has had a chat acknowledged, and one of them a missed one, however slow the machine is."""
        await eventually(self._all_heard, "every source has taken a chat")
        self.going = False
        await asyncio.gather(*self._tasks)


async def trouble(crms: Crms, **more: Any) -> None:
    for crm in crms.values():
        await crm.faults(index_lag=0.3, drop_after_commit=0.03, seed=1, **{"latency": [0.0, 0.05], **more})


async def check(service: Service, crms: Crms, acknowledged: Counter[str]) -> None:
    """All that was acknowledged has come to an end, and nothing is there twice."""
    for crm in crms.values():
        await crm.faults()
    await service.at_rest(patience=600)
    assert await service.stop() == 0
    tasks = 0
    for kind, crm in crms.items():
        jobs = service.rows("SELECT state, reason, plan FROM jobs WHERE target = ?", kind)
        for job in jobs:
            job["chat"] = json.loads(job["plan"])["chat_marker"] if job["plan"] else None
        states = Counter(job["state"] for job in jobs)
        # what was posted and never acknowledged may be there too; what was acknowledged is
        assert len(jobs) >= acknowledged[kind] > 0, kind
        assert set(states) <= ({"done", "held"} if kind == "none" else {"done"}), (kind, states)
        assert {job["reason"] for job in jobs if job["state"] == "held"} <= {"unknown_outcome"}
        await _nothing_twice(kind, crm)
        notes = Counter(note["chat"] for note in crm.rows("SELECT json_extract(custom, '$.chat') AS chat FROM notes"))
        for job in jobs:
            assert notes[job["chat"]] == 1 or (job["state"] == "held" and notes[job["chat"]] <= 1), (kind, job)
        audit = await crm.audit()
        log.info("%s: %d acknowledged, %s, %d notes", kind, acknowledged[kind], dict(states), audit["notes"])
        if kind != "none":
            missed = crm.rows("SELECT count(*) AS n FROM notes WHERE json_extract(custom, '$.missed') = 'true'")[0]["n"]
            assert missed == audit["tasks"], kind
            tasks += missed
            assert audit["clients"] == audit["deals"] == audit["notes"] == len(jobs), kind
    assert tasks > 0


async def _nothing_twice(kind: str, crm: Crm) -> None:
    audit = await crm.audit()
    doubled = {name: audit[name] for name in DOUBLED if audit[name]}
    assert not doubled, (kind, doubled, audit["examples"])


async def killed_under_load(service: Service, crms: Crms, *, kills: int, at_once: int) -> None:
    await trouble(crms)
    await service.start()
    load = Load(service, at_once=at_once, seed=7)
    for number in range(kills):
        log.info("kill %d of %d, %d chats acknowledged", number + 1, kills, load.acknowledged.total())
        await asyncio.sleep(0.1 + 0.6 * load.chance.random())
        await service.killed()
        await service.start()
    await asyncio.sleep(0.3)
    await load.end()
    assert load.acknowledged.total() > kills
    await check(service, crms, load.acknowledged)


@BOTH
async def test_killed_six_times_under_load(service: Service, crms: Crms) -> None:
    await killed_under_load(service, crms, kills=6, at_once=8)


@pytest.mark.torture
@pytest.mark.timeout(7200)
@BOTH
async def test_killed_a_thousand_times_under_load(service: Service, crms: Crms) -> None:
    await killed_under_load(service, crms, kills=KILLS, at_once=64)


async def stopped_under_load(service: Service, crms: Crms, *, stops: int, at_once: int) -> None:
    """Some of the CRMs' answers take longer than the service may wait for them."""
    await trouble(crms, latency=[{"operation": "note.create", "seconds": [0.0, 7.0]}])
    for target in service.config["targets"].values():
        target.update(timeout="20s", commits_within="9s")
    await service.start()
    load = Load(service, at_once=at_once, seed=7)
    for _ in range(stops):
        await asyncio.sleep(1 + load.chance.random())
        assert service.process is not None
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(service.process.wait(), 60) == 0
        assert time.monotonic() - began <= STOP
        await service.start()
    await load.end()
    await check(service, crms, load.acknowledged)


@pytest.mark.timeout(240)
@BOTH_IN_THE_LONG_RUN
async def test_stopped_in_good_order_under_load(service: Service, crms: Crms) -> None:
    await stopped_under_load(service, crms, stops=1, at_once=8)


@pytest.mark.torture
@pytest.mark.timeout(7200)
@BOTH
async def test_stopped_thirty_times_under_load(service: Service, crms: Crms) -> None:
    await stopped_under_load(service, crms, stops=30, at_once=64)
