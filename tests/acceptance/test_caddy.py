"""Restarted under steady posting behind the Caddy that is delivered: no post is refused, and no secret stands in its log."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from ports import free_port
from real_caddy import caddy, proxy_before
from running import SECRET, Crm, Service, finished


async def posted_over_restarts(
    service: Service, crm: Crm, folder: Path, *, restarts: int, at_once: int, pause: float = 0.05, kill: bool = False
) -> Counter[int]:
    """How the posts were answered, while the service was ended and started again so often."""
    caddy()
    service.config["receive"] = {"host": "127.0.0.1", "port": str(free_port()), "trusted_proxies": ["127.0.0.0/8"]}
    await service.start()
    statuses: Counter[int] = Counter()
    going = True
    async with proxy_before(folder, service.port) as proxy, aiohttp.ClientSession() as session:

        async def sender(number: int) -> None:
            count = 0
            while going:
                count += 1
                event = finished(number * 10_000 + count)
                url = f"http://127.0.0.1:{proxy.port}/hooks/shop/{SECRET}"
                async with session.post(url, data=json.dumps(event).encode()) as answer:
                    statuses[answer.status] += 1
                await asyncio.sleep(pause)

        senders = [asyncio.create_task(sender(number + 1)) for number in range(at_once)]
        for _ in range(restarts):
            await asyncio.sleep(0.5)
            await (service.killed() if kill else service.stop())
            await service.start()
        await asyncio.sleep(0.5)
        going = False
        await asyncio.gather(*senders)
        said = proxy.said()

    assert SECRET not in said
    assert "/hooks/" not in said
    assert '"status":200' in said, "it has an access log"
    await service.at_rest()
    audit = await crm.audit()
    assert audit["notes"] == audit["clients"] >= statuses[200]
    assert (audit["doubled_notes"], audit["doubled_clients"]) == (0, 0)
    return statuses


async def test_behind_the_delivered_caddy_a_restart_refuses_no_post(service: Service, crm: Crm, tmp_path: Path) -> None:
    statuses = await posted_over_restarts(service, crm, tmp_path, restarts=2, at_once=4)
    assert set(statuses) == {200}


async def test_what_is_under_way_when_it_is_killed_is_all_that_is_refused(service: Service, crm: Crm, tmp_path: Path) -> None:
    statuses = await posted_over_restarts(service, crm, tmp_path, restarts=2, at_once=4, kill=True)
    assert set(statuses) <= {200, 502}
    assert statuses[502] <= 2 * 4


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_nor_in_fifty_restarts(service: Service, crm: Crm, tmp_path: Path) -> None:
    statuses = await posted_over_restarts(service, crm, tmp_path, restarts=50, at_once=16)
    assert set(statuses) == {200}
