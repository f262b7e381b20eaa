"""The two doors: one to the internet for webhooks, one for the operations pages.

The public one is open first and closed first: what a provider sends once and never repeats is lost only while nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bridge.bare import BareRunner, Handler, bare
from bridge.config import Settings
from bridge.doorway import Doorway, Limits
from bridge.errors import ConfigError
from bridge.porch import GuardedSite

#: seconds for which a connection of the ops page's listener is kept that says nothing; the public one's doorway has its own
KEPT_ALIVE = 75.0
#: connections to the public one that wait to be taken; where these places run out, an honest sender's next try is a second away
BACKLOG = 4096
_SERVER: Mapping[str, Any] = {"access_log": None, "keepalive_timeout": KEPT_ALIVE, "auto_decompress": False}


class Doors:
    """Each is opened once, however often it is asked for."""

    def __init__(
        self, settings: Settings, public: Callable[[Doorway], Handler], ops: Callable[[], web.Application]
    ) -> None:
        self._settings = settings
        self._behind_public, self._behind_ops = public, ops
        self._public: _Listener | None = None
        self._ops: _Listener | None = None

    async def open_public(self) -> None:
        """Raises ConfigError if the port cannot be had; so does `open`."""
        if self._public is None:
            receive, doorway = self._settings.receive, Doorway(_limits(self._settings))
            runner = bare(self._behind_public(doorway), shutdown_timeout=receive.drain, **_SERVER)
            self._public = await _listen(runner, receive.host, receive.port, doorway)

    async def open(self) -> None:
        """Both."""
        await self.open_public()
        if self._ops is None:
            runner = BareRunner(self._behind_ops(), handle_signals=False, shutdown_timeout=1.0, **_SERVER)
            self._ops = await _listen(runner, self._settings.ops.host, self._settings.ops.port)

    def ports(self) -> tuple[int, int]:
        """The public one's, and that of the pages; 0 where it is not open."""
        return self._public.port if self._public else 0, self._ops.port if self._ops else 0

    async def close_public(self) -> None:
        if self._public is not None:
            await self._public.close()
        self._public = None

    async def close(self) -> None:
        """Both."""
        await self.close_public()
        if self._ops is not None:
            await self._ops.close()
        self._ops = None


@dataclass(frozen=True, slots=True)
class _Listener:
    runner: web.BaseRunner
    port: int
    doorway: Doorway | None = None

    async def close(self) -> None:
        if self.doorway is not None:
            self.doorway.close()
        await self.runner.cleanup()


async def _listen(runner: web.BaseRunner, host: str, port: int, doorway: Doorway | None = None) -> _Listener:
    await runner.setup()
    site = (
        web.TCPSite(runner, host, port, backlog=1024) if doorway is None
        else GuardedSite(runner, host, port, doorway, backlog=BACKLOG)
    )  # fmt: skip
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"{host}:{port}: cannot be listened on: {error.strerror or error}. Is another chat2crm running, or the port taken?"
        ) from error
    return _Listener(runner, runner.addresses[0][1], doorway)


def _limits(settings: Settings) -> Limits:
    receive = settings.receive
    return Limits(
        connections=receive.connections, per_address=receive.connections_per_address, rate=receive.refused_per_address,
        burst=10 * receive.refused_per_address, patience=receive.timeout, proxies=receive.trusted_proxies,
    )  # fmt: skip
