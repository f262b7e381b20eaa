"""A listener for one source that stores nothing: it answers as the mapping says and hands over what came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click
from aiohttp import web

from bridge import parse
from bridge.connections.sources import Source
from bridge.errors import NotUnderstood
from bridge.model import Delivery


@dataclass(slots=True)
class Listener:
    port: int = 0
    came: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)


@asynccontextmanager
async def listen(source: Source, host: str, port: int, max_body: int) -> AsyncIterator[Listener]:
    """Listen until the block is left. Whether a delivery is authentic is not asked: the scheme may not be known yet."""
    listener = Listener()

    async def hook(request: web.Request) -> web.Response:
        delivery = Delivery(
            source=source.name, dedupe_key="", received_at=datetime.now(UTC), method=request.method,
            query=request.query_string, headers=dict(request.headers), body=await request.read(),
        )  # fmt: skip
        try:
            payload = parse.decode(delivery, source.mapping, source.view.limits)
        except NotUnderstood:
            payload = None
        seen = parse.glance(payload, delivery, source.mapping, source.view, keys=source.keys)
        if not seen.handshake:
            listener.came.put_nowait(delivery)
        kind = {"Content-Type": seen.answer.content_type} if seen.answer.content_type else {}
        return web.Response(status=seen.answer.status, body=seen.answer.body, headers={**seen.answer.headers, **kind})

    app = web.Application(client_max_size=max_body)
    for path in (f"/hooks/{source.name}", f"/hooks/{source.name}/{{secret}}"):
        app.router.add_route("*", path, hook)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        listener.port = runner.addresses[0][1]
        yield listener
    except OSError as error:
        raise click.UsageError(f"{host}:{port} cannot be listened on: {error.strerror or error}. Is the service running on it?"
                               ) from error  # fmt: skip
    finally:
        await runner.cleanup()
