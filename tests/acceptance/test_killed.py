"""Killed again and again under load, with a CRM that lags and loses answers."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from running import Crm, Service, eventually, finished

#: marker kinds of the sandbox by which a note's outcome can be settled, as a small mapping of one's own over the shipped one
NOTE_MARKERS: dict[str, dict[str, Any]] = {
    "field": {},
    "text": {
        "note": {
            "marker": {
                "kind": "text", "get": "/notes", "query": {"q": "{marker}"}, "records": "items", "text": "text",
                "of": "client_id", "id": "id",
            }
        }
    },
    "scan": {
        "note": {
            "marker": {
                "kind": "scan", "get": "/clients/{client.id}/notes", "query": {"limit": "50"}, "records": "items", "text": "text",
                "of": "client_id", "id": "id", "at": "created_at",
            }
        }
    },
}  # fmt: skip


async def kill_under_load(service: Service, crm: Crm, *, kills: int, seed: int, at_once: int) -> int:
    """Post without a pause, kill at random moments; gives how many chats were acknowledged."""
    chance = random.Random(seed)
    acknowledged: set[int] = set()
    going = True

    async def sender(number: int) -> None:
        count = 0
        while going:
            count += 1
            event = finished(number * 10_000 + count)
            status, _ = await service.post(event)
            if status == 200:
                acknowledged.add(event["chat_id"])
            else:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.05 * chance.random())

    await service.start()
    senders = [asyncio.create_task(sender(number + 1)) for number in range(at_once)]
    for _ in range(kills):
        await asyncio.sleep(0.1 + 0.6 * chance.random())
        await service.killed()
        await service.start()
    await asyncio.sleep(0.3)
    going = False
    await asyncio.gather(*senders)

    async def all_there() -> bool:
        return bool((await crm.audit())["notes"] >= len(acknowledged))

    await eventually(all_there, f"{len(acknowledged)} notes", patience=180)
    return len(acknowledged)


async def check(service: Service, crm: Crm, kind: str, *, kills: int, at_once: int) -> None:
    if NOTE_MARKERS[kind]:
        folder = service.folder / "mappings" / "crms"
        folder.mkdir(parents=True)
        other = {"mapping_language": "1", "extends": "sandbox", "title": "Sandbox", **NOTE_MARKERS[kind]}
        (folder / "other.yaml").write_text(json.dumps(other), encoding="utf-8")
        service.config["targets"]["sales"]["crm"] = "other"
    service.config["targets"]["sales"]["consistency_delay"] = "1s"
    await crm.faults(index_lag=0.3, latency=[0.0, 0.05], drop_after_commit=0.03, seed=1)

    acknowledged = await kill_under_load(service, crm, kills=kills, seed=7, at_once=at_once)

    await crm.faults()
    assert await service.stop() == 0
    audit = await crm.audit()
    assert acknowledged > kills
    doubled = [name for name in ("doubled_clients", "doubled_notes", "doubled_deals", "doubled_tasks") if audit[name]]
    assert doubled == [], audit["examples"]
    # what was posted and never acknowledged may be there too; what was acknowledged is, once
    assert audit["notes"] >= acknowledged
    assert audit["clients"] == audit["notes"]


async def test_killed_six_times_under_load(service: Service, crm: Crm) -> None:
    await check(service, crm, "field", kills=6, at_once=8)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", NOTE_MARKERS)
async def test_killed_three_hundred_times_under_load(service: Service, crm: Crm, kind: str) -> None:
    await check(service, crm, kind, kills=333, at_once=64)
