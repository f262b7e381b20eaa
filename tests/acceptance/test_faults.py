"""Every fault of a network, at every part of every call: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest
from fault_proxy import Fault, Kind, Way, fault_proxy
from running import Crm, Service, eventually, finished

#: find by phone, find by visitor, owner, create, note
CALLS = 5
#: nothing, within the head, within the body, all but the end
PLACES = (0, 60, 400, 100_000)


async def one_note(crm: Crm, notes: int) -> None:
    async def there() -> bool:
        return bool((await crm.audit())["notes"] >= notes)

    await eventually(there, f"{notes} note(s) in the CRM", patience=90)


async def check(service: Service, crm: Crm, faults: list[Fault]) -> None:
    """One service lives through all of them, a chat each."""
    service.config["targets"]["sales"]["timeout"] = "1s"
    async with fault_proxy(crm.url) as proxy:
        service.config["targets"]["sales"]["url"] = proxy.url
        await service.start()
        struck = 0
        for number, fault in enumerate(faults, start=1):
            proxy.faults = [Fault(fault.kind, fault.way, fault.after, proxy.exchanges + fault.exchange, fault.seconds)]
            assert (await service.post(finished()))[0] == 200
            await one_note(crm, number)
            struck += not proxy.faults
        audit = await crm.audit()
        assert (audit["clients"], audit["notes"]) == (len(faults), len(faults))
        assert not any(audit[name] for name in ("doubled_clients", "doubled_notes", "doubled_deals", "doubled_tasks"))
        # a fault beyond the end of what was sent does not happen; most of them do
        assert struck >= len(faults) // 2
        assert await service.stop() == 0


@pytest.mark.parametrize("way", get_args(Way))
@pytest.mark.parametrize("kind", ["reset", "close", "black_hole"])
async def test_the_writing_calls_broken_off(service: Service, crm: Crm, kind: Kind, way: Way) -> None:
    await check(service, crm, [Fault(kind, way, after, call) for call in (4, 5) for after in (0, 60)])


@pytest.mark.torture
@pytest.mark.parametrize("way", get_args(Way))
@pytest.mark.parametrize("kind", get_args(Kind))
async def test_every_call_broken_at_every_part(service: Service, crm: Crm, kind: Kind, way: Way) -> None:
    await check(service, crm, [Fault(kind, way, after, call) for call in range(1, CALLS + 1) for after in PLACES])


async def test_the_proxy_itself_lets_everything_through_when_nothing_is_wrong(service: Service, crm: Crm) -> None:
    async with fault_proxy(crm.url) as proxy:
        service.config["targets"]["sales"]["url"] = proxy.url
        await service.start()
        await asyncio.gather(*(service.post(finished()) for _ in range(10)))
        await one_note(crm, 10)
        assert proxy.exchanges >= 40
