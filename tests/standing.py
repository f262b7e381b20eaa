"""Servers that stand beside a test in a thread of their own, for commands that run an event loop of theirs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from bridge.sandbox import Running, start

Given = TypeVar("Given")


@contextmanager
def standing(server: AbstractAsyncContextManager[Given]) -> Iterator[Given]:
    """Hold an asynchronous context open in another thread's loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    given = wait(server.__aenter__())
    try:
        yield given
    finally:
        wait(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


Sandbox = Running


@contextmanager
def standing_sandbox() -> Iterator[Sandbox]:
    with standing(start()) as running:
        yield running


@dataclass
class Taken:
    """What came to a listener that takes everything."""

    url: str = ""
    status: int = 200
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def _listener(taken: Taken) -> Any:
    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        taken.requests.append((request.method, request.raw_path, headers, await request.read()))
        return web.json_response({"result": "ok"}, status=taken.status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taken.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield taken
    finally:
        await runner.cleanup()


@contextmanager
def standing_listener() -> Iterator[Taken]:
    with standing(_listener(Taken())) as taken:
        yield taken
