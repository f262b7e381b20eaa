"""Killed and started again under steady posting, behind a proxy that holds requests meanwhile: no post is refused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import aiohttp
import pytest
from holding_proxy import holding_proxy
from running import BOTH, BOTH_IN_THE_LONG_RUN, SECRET, Crm, Service, finished


async def no_post_refused(service: Service, crm: Crm, *, restarts: int, at_once: int) -> None:
    await service.start()
    statuses: Counter[int] = Counter()
    going = True
    async with holding_proxy(lambda: service.port) as proxy, aiohttp.ClientSession() as session:

        async def sender(number: int) -> None:
            count = 0
            while going:
                count += 1
                event = finished(number * 10_000 + count)
                url = f"http://127.0.0.1:{proxy.port}/hooks/shop/{SECRET}"
                async with session.post(url, data=json.dumps(event).encode()) as answer:
                    statuses[answer.status] += 1
                await asyncio.sleep(0.1)

        senders = [asyncio.create_task(sender(number + 1)) for number in range(at_once)]
        for number in range(restarts):
            await asyncio.sleep(0.3)
            await (service.killed() if number % 2 else service.stop())
            await asyncio.sleep(0.1)  # so that somebody posts meanwhile
            await service.start()
        await asyncio.sleep(0.3)
        going = False
        await asyncio.gather(*senders)

    assert set(statuses) == {200}
    assert proxy.held > 0
    await service.at_rest(patience=60 + 6 * restarts)  # what was put off while it started has to be caught up with
    audit = await crm.audit()
    assert audit["notes"] == audit["clients"] == statuses[200]
    assert (audit["doubled_notes"], audit["doubled_clients"]) == (0, 0)


@BOTH_IN_THE_LONG_RUN
async def test_behind_a_proxy_that_holds_requests_no_post_is_refused(service: Service, crm: Crm) -> None:
    await no_post_refused(service, crm, restarts=2, at_once=4)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@BOTH
async def test_nor_in_a_hundred_restarts(service: Service, crm: Crm) -> None:
    await no_post_refused(service, crm, restarts=100, at_once=32)
