"""The two doors: one to the internet for webhooks, one for the operations pages.

The public one is open first and closed first: what a provider sends once and never repeats is lost only while nobody listens.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bridge.config import Settings
from bridge.door.bare import BareRunner, Handler, bare
from bridge.door.doorway import Doorway, Limits
from bridge.door.porch import GuardedSite
from bridge.errors import ConfigError

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
        raise ConfigError(f"{host}:{port}: cannot be listened on: {_reason(error)}. {_remedy(error)}") from error
    return _Listener(runner, runner.addresses[0][1], doorway)


def _reason(error: OSError) -> str:
    """Without the sentence that asyncio puts round it; a name that nobody knows has a number of its own."""
    if error.errno is None or isinstance(error, socket.gaierror) or error.errno not in errno.errorcode:
        return str(error.strerror or error)
    return os.strerror(error.errno)


def no_address_of_ours(host: str) -> str | None:
    """What keeps a listener from this machine's `host`, whatever the port."""
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, proto, _, address in found:
            with socket.socket(family, kind, proto) as tried:
                tried.bind(address)
    except OSError as error:
        return f"{_reason(error)}. {_remedy(error)}"
    return None


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "Is another chat2crm running, or the port taken?"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 are the system's own; take another, and have a proxy pass it on"
    return "Is `host` an address of this machine? 0.0.0.0 stands for all of them, 127.0.0.1 for this machine alone"


def _limits(settings: Settings) -> Limits:
    receive = settings.receive
    return Limits(
        connections=receive.connections, per_address=receive.connections_per_address, rate=receive.refused_per_address,
        burst=10 * receive.refused_per_address, patience=receive.timeout, proxies=receive.trusted_proxies,
    )  # fmt: skip
