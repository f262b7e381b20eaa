"""A door that stands open for a test, with an answer behind it, and those who come to it from addresses of this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

from bridge.door.bare import bare
from bridge.door.doorway import PROVED, Doorway, Limits
from bridge.door.porch import GuardedSite

WHOLE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
LIMITS = Limits(connections=1000, per_address=500, patience=60.0)


@dataclass
class Door:
    port: int
    doorway: Doorway
    release: asyncio.Event
    #: GuardedSite, whose inside tests of the porch look into
    site: Any
    opened: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, sent: bytes = b"", *, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))
        self.opened.append(writer)
        writer.write(sent)
        return reader, writer

    async def ask(self, *, source: str = "127.0.0.1") -> bytes:
        reader, writer = await self.connect(WHOLE, source=source)
        line = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        return line

    async def in_line(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.doorway._in_line) != number:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)

    async def standing(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.doorway._standing) != number:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(limits: Limits = LIMITS) -> AsyncIterator[Door]:
    release = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        if request.path == "/slow":
            await release.wait()
        if request.path == "/wrong":
            return web.Response(text="ok", status=404)
        if request.path not in {"/free", "/healthz"}:
            request[PROVED] = request.path != "/open"
        return web.Response(text="ok")

    doorway = Doorway(limits)
    runner = bare(partial(doorway.in_turn, handler=answer), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = GuardedSite(runner, "127.0.0.1", 0, doorway, backlog=1024)
    await site.start()
    door = Door(runner.addresses[0][1], doorway, release, site)
    try:
        yield door
    finally:
        release.set()
        for writer in door.opened:
            writer.close()
        doorway.close()
        await runner.cleanup()


async def closed(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 10) == b""
    return True
