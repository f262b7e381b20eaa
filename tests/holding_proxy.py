"""A small reverse proxy that holds requests while nobody listens behind it, as is advised for restarts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

#: seconds between two tries
PAUSE = 0.05


@dataclass(slots=True)
class Holding:
    port: int
    #: requests that were tried again
    held: int = 0


@asynccontextmanager
async def holding_proxy(upstream: Callable[[], int], *, patience: float = 60.0) -> AsyncIterator[Holding]:
    """`upstream` gives the port behind it, which changes with a restart. A request that was refused, or broken off before it
    was answered, is sent again; so is one that is told 503."""
    made = Holding(0)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0)) as session:

        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            until = asyncio.get_running_loop().time() + patience
            while asyncio.get_running_loop().time() < until:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    url = f"http://127.0.0.1:{upstream()}{request.path_qs}"
                    async with session.request(request.method, url, data=body) as answer:
                        if answer.status != 503:
                            return web.Response(status=answer.status, body=await answer.read())
                made.held += 1
                await asyncio.sleep(PAUSE)
            return web.Response(status=504)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        await web.SockSite(runner, listening).start()
        made.port = listening.getsockname()[1]
        try:
            yield made
        finally:
            await runner.cleanup()
