"""In front of the public listener: who may hold a connection, for how long, and how often. Knows bytes and nothing of HTTP but
where its headers end.

Whoever sends slowly costs next to nothing: a connection has a request handler only from when its first headers are whole. When
places run short those go that have waited longest for a request; one that is being answered never does. Whoever is refused too
often is answered more slowly, and never turned away: behind one address may stand many senders, an honest one among them.
"""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bridge.networks import Network, is_in

#: bytes of headers, as the HTTP server behind this takes them too
MOST_HEADERS = 32 * 1024
#: seconds between two looks for connections that wait too long
SWEEP = 1.0
#: files and connections that the process needs beside those of the public listener
SPARE_FILES = 256
#: seconds for which a request waits at the most because of what else came from its address
LONGEST_REST = 2.0
#: addresses whose pace is remembered
ADDRESSES = 20_000
_END_OF_HEADERS = b"\r\n\r\n"

#: who was answered this has proved nothing; what is out of room or a fault is ours
REFUSALS = frozenset({400, 404, 405, 408, 413})

Factory = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Limits:
    #: at once, from everywhere
    connections: int = 10_000
    #: at once, from one address
    per_address: int = 256
    #: refusals a second that one address is answered at once, and how many more in one go
    rate: float = 10.0
    burst: float = 100.0
    #: seconds for a request's headers, and for which a connection is kept that says nothing
    patience: float = 15.0
    #: addresses of proxies: many senders stand behind each, so they have neither limit
    proxies: Sequence[Network] = ()

    @property
    def most(self) -> int:
        """Connections that this process can hold, by the limit of its open files."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return max(16, min(self.connections, files - SPARE_FILES))


class Doorway:
    """One listener's connections. `guarding` gives the factory that the event loop's server is made with."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most = limits.most
        self._loop = asyncio.get_running_loop()
        #: those that wait for a request, the longest first
        self._waiting: OrderedDict[Visit, float] = OrderedDict()
        self._of: dict[str, set[Visit]] = {}
        self._by_transport: dict[asyncio.BaseTransport, Visit] = {}
        self._paces: OrderedDict[str, _Pace] = OrderedDict()
        self._sweeping = self._loop.create_task(self._sweep(), name="doorway")
        #: connections that had to make place, or waited too long
        self.turned_away = 0

    def guarding(self, factory: Factory) -> Factory:
        return lambda: Visit(self, factory)

    def close(self) -> None:
        self._sweeping.cancel()
        for visit in [*self._by_transport.values()]:
            visit.close_if_headless()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Tells a connection that is being answered from one that waits."""
        visit = self._by_transport.get(request.transport) if request.transport is not None else None
        if visit is not None:
            pace = self._paces.get(visit.address)
            rest = pace.rest(self._loop.time(), self._limits) if pace is not None else 0.0
            if rest > 0:  # its body is not read meanwhile, and it makes place like any that waits
                await asyncio.sleep(rest)
            self._waiting.pop(visit, None)
        try:
            response: web.StreamResponse = await handler(request)
            if visit is not None and response.status in REFUSALS:
                self._count_refusal(visit.address)
        finally:
            if visit is not None and visit.open:
                self._waiting[visit] = self._loop.time()
        return response

    # -- what connections tell -----------------------------------------------------------------------------------------

    def came(self, visit: Visit) -> bool:
        """False: there is no place for it."""
        theirs = self._of.setdefault(visit.address, set())
        trusted = is_in(visit.address, self._limits.proxies)
        if not trusted and len(theirs) >= self._limits.per_address:
            self._send_away(next((one for one in self._waiting if one in theirs), None))
        if len(self._by_transport) >= self._most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                self.turned_away += 1
                self._drop_empty(visit.address)
                return False
            self._send_away(longest)
        self._of.setdefault(visit.address, theirs).add(visit)
        self._by_transport[visit.transport] = visit
        self._waiting[visit] = self._loop.time()
        return True

    def went(self, visit: Visit) -> None:
        self._waiting.pop(visit, None)
        self._by_transport.pop(visit.transport, None)
        if visit.address in self._of:
            self._of[visit.address].discard(visit)
            self._drop_empty(visit.address)

    def _drop_empty(self, address: str) -> None:
        if not self._of.get(address):
            self._of.pop(address, None)

    def _send_away(self, visit: Visit | None) -> None:
        if visit is not None:
            self.turned_away += 1
            visit.abort()
            self.went(visit)

    def _count_refusal(self, address: str) -> None:
        if is_in(address, self._limits.proxies):
            return
        now = self._loop.time()
        pace = self._paces.pop(address, None) or _Pace(self._limits.burst, now)
        self._paces[address] = pace
        while len(self._paces) > ADDRESSES:
            self._paces.popitem(last=False)
        pace.rest(now, self._limits)
        pace.left = max(pace.left - 1, -LONGEST_REST * self._limits.rate)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            until = self._loop.time() - self._limits.patience
            while self._waiting:
                visit, since = next(iter(self._waiting.items()))
                if since > until:
                    break
                self._send_away(visit)


@dataclass(slots=True)
class _Pace:
    """How many refusals an address has left; below nothing it waits."""

    left: float
    at: float

    def rest(self, now: float, limits: Limits) -> float:
        """Seconds until it is above nothing again."""
        self.left, self.at = min(limits.burst, self.left + (now - self.at) * limits.rate), now
        return min(LONGEST_REST, max(0.0, -self.left / limits.rate))


class Visit(asyncio.Protocol):
    """A connection; behind it, from its first whole headers on, the server's own handler of requests."""

    __slots__ = ("_begun", "_behind", "_doorway", "_factory", "address", "open", "transport")

    def __init__(self, doorway: Doorway, factory: Factory) -> None:
        self._doorway, self._factory = doorway, factory
        self._behind: Any = None
        self._begun = b""
        self.address = ""
        self.open = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self.open = self._doorway.came(self)
        if not self.open:
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self._behind is not None:
            self._behind.data_received(data)
            return
        if not self.open:
            return
        self._begun += data
        if _END_OF_HEADERS in self._begun or len(self._begun) > MOST_HEADERS or self._begun.count(b"\n\n"):
            begun, self._begun = self._begun, b""
            self._behind = self._factory()
            self._behind.connection_made(self.transport)
            self._behind.data_received(begun)

    def eof_received(self) -> bool | None:
        if self._behind is None:
            return False
        kept: bool | None = self._behind.eof_received()
        return kept

    def connection_lost(self, exc: BaseException | None) -> None:
        self.open = False
        self._doorway.went(self)
        if self._behind is not None:
            self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._behind is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        if self._behind is not None:
            self._behind.resume_writing()

    def abort(self) -> None:
        self.open = False
        self.transport.abort()

    def close_if_headless(self) -> None:
        """The server behind knows nothing of it, so nobody else will."""
        if self._behind is None:
            self.abort()


class GuardedSite(web.TCPSite):
    """A listener whose connections come through a doorway."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, doorway: Doorway, *, backlog: int) -> None:
        super().__init__(runner, host, port, backlog=backlog)
        self._doorway = doorway

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server = self._runner.server
        if server is None:
            raise AssertionError("the runner has been set up by then")
        self._server = await asyncio.get_running_loop().create_server(
            self._doorway.guarding(server), self._host, self._port, backlog=self._backlog
        )


def sender(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """The address that a request came from: the peer's, or, as far as each next one is a trusted proxy, the one it names.

    `forwarded`: the values of X-Forwarded-For. What an untrusted one wrote into it counts for nothing.
    """
    address = peer or ""
    for named in reversed([one.strip() for line in forwarded for one in line.split(",")]):
        if not is_in(address, proxies):
            break
        address = named
    return address
