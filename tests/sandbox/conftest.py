"""A sandbox on a free port, and a caller that speaks JSON to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bridge.sandbox import API_KEY, Running, start


@dataclass
class Said:
    status: int
    body: Any
    headers: Any


class Caller:
    """Every request on a connection of its own: a pool would repeat what the sandbox dropped."""

    def __init__(self, crm: Running, session: aiohttp.ClientSession) -> None:
        self.crm = crm
        self.session = session

    async def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = API_KEY,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
        json: Any = None,
        within: float = 20,
    ) -> Said:
        sent = ({"X-Api-Key": key} if key else {}) | (headers or {})
        url = self.crm.url + (path if path.startswith("/_") else f"/api/v1{path}")
        async with self.session.request(
            method, url, headers=sent, data=data, json=json, timeout=aiohttp.ClientTimeout(within)
        ) as response:
            raw = await response.read()
            body = await response.json() if raw and response.content_type == "application/json" else raw
            return Said(response.status, body, response.headers)

    async def get(self, path: str, **options: Any) -> Said:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Said:
        return await self.ask("POST", path, json=json, **options)

    async def made(self, path: str, json: Any) -> dict[str, Any]:
        said = await self.post(path, json)
        assert said.status == 201, said.body
        return said.body

    async def faults(self, **switches: Any) -> None:
        said = await self.ask("PUT", "/_faults", json=switches)
        assert said.status == 200, said.body

    async def audit(self, query: str = "") -> dict[str, Any]:
        return (await self.get(f"/_audit{query}")).body

    async def page(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.crm.url + path, headers=headers) as response:
            return response.status, await response.text()


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with start() as running, aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        session._retry_connection = False  # aiohttp would send a GET once more, and meet the next fault
        yield Caller(running, session)
