"""The sandbox with another face: the same records, faults and counts under another API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import aiohttp
from aiohttp import web
from fakes import FakeClock

from bridge.sandbox import start
from bridge.sandbox.entities import CLIENT
from bridge.sandbox.face import Route
from bridge.sandbox.faults import Faults
from bridge.sandbox.records import Records
from bridge.sandbox.speech import filled_form


class Plain:
    """Makes a client of whatever is sent, and says everything as text."""

    def __init__(self, records: Records, faults: Faults) -> None:
        self.records = records

    def routes(self) -> Iterator[Route]:
        yield "POST", "/make", "client.create", "write", self.make

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        return web.Response(status=418, text=f"{status} {code}")

    def make(self, request: web.Request, body: bytes) -> web.Response:
        row = self.records.create(CLIENT, filled_form(CLIENT, {"name": body.decode()}))
        return web.Response(text=str(row["id"]))


async def test_another_face_has_the_same_records_and_counts_and_none_of_the_own_api() -> None:
    async with start(face=Plain) as crm, aiohttp.ClientSession(crm.url) as session:
        async with session.post("/make", data=b"Anna") as answer:
            assert (answer.status, await answer.text()) == (200, "1")
        async with session.get("/_audit") as answer:
            told = await answer.json()
            assert (told["clients"], told["requests"]) == (1, {"client.create": 1})
        async with session.get("/clients/1") as page:
            assert "Anna" in await page.text()
        async with session.get("/api/v1/clients") as answer:
            assert answer.status == 404
        assert isinstance(crm.parts.face, Plain)


async def test_a_fault_is_worded_by_the_face() -> None:
    switches = {"busy": {"times": 1}}
    async with (
        start(face=Plain, switches=switches) as crm,
        aiohttp.ClientSession(crm.url) as session,
        session.post("/make", data=b"Anna") as answer,
    ):
        assert (answer.status, await answer.text()) == (418, "429 too_many_requests")


async def test_times_and_limits_are_those_of_the_clock_that_was_given() -> None:
    clock = FakeClock()
    limit = {"rate_limit": {"requests": 1, "seconds": 60}}
    async with start(face=Plain, clock=clock, switches=limit) as crm, aiohttp.ClientSession(crm.url) as session:
        for status in (200, 418):
            async with session.post("/make", data=b"Anna") as answer:
                assert answer.status == status
        await clock.advance(61)
        async with session.post("/make", data=b"Anna") as answer:
            assert answer.status == 200
        rows = crm.parts.records.db.execute("SELECT created_at FROM clients ORDER BY id").fetchall()
        assert [row["created_at"] for row in rows] == [clock.time() - 61, clock.time()]
