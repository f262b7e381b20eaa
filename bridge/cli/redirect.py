"""Waits on this machine for the browser that a CRM sends back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from bridge.errors import ConfigError

_THANKS = (
    "<!doctype html><meta charset=utf-8><title>chat2crm</title><p>Thank you; the terminal says how it went. "
    "This window can be closed.<p>Спасибо, результат показан в терминале. Это окно можно закрыть."
)
_NOT_OURS = "This is not the answer that is waited for.\n"


@dataclass(frozen=True, slots=True)
class Listening:
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}{self.path}"


def can_listen(redirect_url: str) -> bool:
    """Whether the browser comes to this machine by itself, and without TLS."""
    parts = urlsplit(redirect_url)
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")


@asynccontextmanager
async def listening(
    where: Listening, is_answer: Callable[[Mapping[str, str]], Awaitable[bool]]
) -> AsyncIterator[asyncio.Future[dict[str, str]]]:
    """While it lasts, the first request that `is_answer` fulfils the future with its parameters; all others are sent away: any
    page in the same browser can ask for this address.

    Raises ConfigError if the port is taken.
    """
    answered: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def back(request: web.Request) -> web.Response:
        given = dict(request.query)
        if not await is_answer(given):
            return web.Response(status=400, text=_NOT_OURS)
        if not answered.done():
            answered.set_result(given)
        return web.Response(text=_THANKS, content_type="text/html", headers={"Referrer-Policy": "no-referrer"})

    app = web.Application()
    app.router.add_get(where.path, back)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)  # its lines would hold the code
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, where.host, where.port).start()
        except OSError as error:
            raise ConfigError(
                f"{where}: cannot be listened on ({error.strerror or error}); free the port, or paste what comes back with --code"
            ) from error
        yield answered
    finally:
        await runner.cleanup()
