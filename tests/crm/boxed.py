"""A sandbox CRM over real connections, and a target that speaks to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from crm.speaking import crm_over

from bridge.clock import Clock
from bridge.crm.client import Crm
from bridge.model import Operation, OperationKind, Step
from bridge.sandbox import start
from bridge.transport import Transport

ANNA = {
    "visitor": {"id": "v1", "name": "Анна", "external_id": None}, "phones": ["+79161234567"], "emails": ["anna@example.com"],
    "chat": {"channel": "site", "ended_at": "2026-11-20T10:00:00+00:00", "marker": "c2c-aaaaaaaaaaaaaaaa"},
}  # fmt: skip
CREATE = Operation(kind=OperationKind.CREATE, marker="c2c-bbbbbbbbbbbbbbbb", scope=ANNA)
NOTE = Operation(
    kind=OperationKind.NOTE, marker="c2c-cccccccccccccccc",
    scope={**ANNA, "note": {"title": "Chat", "text": "10:00 hello\nc2c-aaaaaaaaaaaaaaaa c2c-cccccccccccccccc"}},
)  # fmt: skip


class Box:
    """A sandbox CRM, a target that speaks to it, and a hand on its switches."""

    def __init__(self, crm: Crm, http: httpx.AsyncClient) -> None:
        self.crm = crm
        self.http = http
        self.steps: list[Step] = []

    async def fault(self, **switches: Any) -> None:
        (await self.http.put("/_faults", json=switches)).raise_for_status()

    async def seeded(self, **client: Any) -> dict[str, Any]:
        (await self.http.post("/_seed", json=[{"name": "Анна", **client}])).raise_for_status()
        return {"client": {"id": "1", "entity": "client"}}

    async def audit(self) -> dict[str, Any]:
        counted: dict[str, Any] = (await self.http.get("/_audit")).json()
        return counted


@asynccontextmanager
async def box(mapping: str = "sandbox", **target: Any) -> AsyncIterator[Box]:
    async with start() as running, httpx.AsyncClient(base_url=running.url) as http:
        crm = crm_over(Transport(), mapping, clock=Clock(), url=running.url, token=running.api_key, **target)
        try:
            yield Box(crm, http)
        finally:
            await crm.close()
