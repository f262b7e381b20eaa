"""In front of the public listener: who may hold a connection, for how long, and how often.

When places run short those go that have waited longest for a request; one that is being answered never does. Whoever is refused
too often is answered more slowly, and never turned away: behind one address may stand many senders, an honest one among them.
Connections are taken, and given a handler of requests, by `porch`.
"""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from bridge.networks import Network, is_in

#: seconds between two looks for connections that wait too long, and how many of them go at once: thousands that came together
#: also run out of time together, and whoever is being served is not to wait while all of them are put away
SWEEP = 0.05
SWEPT = 50
#: files and connections that the process needs beside those of the public listener
SPARE_FILES = 256
#: seconds for which a request waits at the most because of what else came from its address, and because of what came from
#: everywhere while its address, too, was refused
LONGEST_REST, LONGEST_OF_ALL = 2.0, 4.0
#: refusals of all addresses together that are answered at once, for each that one address has
ALL = 20
#: its multiples lie evenly between whole numbers, however many there are
GOLDEN = 0.6180339887
#: addresses whose pace is remembered
ADDRESSES = 20_000

#: who was answered this has proved nothing; what is out of room or a fault is ours
REFUSALS = frozenset({400, 404, 405, 408, 413})


class Guest(Protocol):
    """A connection."""

    @property
    def address(self) -> str: ...
    def send_away(self) -> None:
        """Close it; nothing of it is told to the doorway any more."""


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


@dataclass(slots=True)
class _Sender:
    """All connections of one address."""

    standing: int = 0
    #: those of them that wait for a request, the longest first
    waiting: OrderedDict[Guest, None] = field(default_factory=OrderedDict)


class Doorway:
    """One listener's connections."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most = limits.most
        self._loop = asyncio.get_running_loop()
        #: those that wait for a request, the longest first, and since when
        self._waiting: OrderedDict[Guest, float] = OrderedDict()
        self._standing: set[Guest] = set()
        self._of: dict[str, _Sender] = {}
        self._by_transport: dict[asyncio.BaseTransport, Guest] = {}
        self._paces: OrderedDict[str, _Pace] = OrderedDict()
        self._pace_of_all = _Pace(ALL * limits.rate, ALL * limits.burst, LONGEST_OF_ALL, self._loop.time())
        self._sweeping = self._loop.create_task(self._sweep(), name="doorway")
        self._spread = 0.0
        #: connections that had to make place, or waited too long
        self.turned_away = 0

    def close(self) -> None:
        """Nobody is served any more who has not begun to ask."""
        self._sweeping.cancel()
        for guest in self._standing - set(self._by_transport.values()):
            self._send_away(guest)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Tells a connection that is being answered from one that waits."""
        guest = self._by_transport.get(request.transport) if request.transport is not None else None
        if guest is not None:
            rest = self._rest_of(guest.address)
            if rest > 0:  # its body is not read meanwhile, and it makes place like any that waits
                await asyncio.sleep(rest)
            self._stop_waiting(guest)
        try:
            response: web.StreamResponse = await handler(request)
            if guest is not None and response.status in REFUSALS:
                self._count_refusal(guest.address)
        finally:
            if guest is not None and guest in self._standing:
                self._wait(guest)
        return response

    # -- what connections tell -----------------------------------------------------------------------------------------

    def came(self, guest: Guest) -> bool:
        """False: there is no place for it."""
        theirs = self._of.get(guest.address)
        if theirs is not None and theirs.standing >= self._limits.per_address and not self._is_proxy(guest.address):
            self._send_away(next(iter(theirs.waiting), None))
        if len(self._standing) >= self._most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                self.turned_away += 1
                return False
            self._send_away(longest)
        self._of.setdefault(guest.address, _Sender()).standing += 1
        self._standing.add(guest)
        self._wait(guest)
        return True

    def is_served(self, guest: Guest, transport: asyncio.BaseTransport) -> None:
        """From here on it has a handler of requests."""
        self._by_transport[transport] = guest

    def went(self, guest: Guest, transport: asyncio.BaseTransport | None = None) -> None:
        if transport is not None:
            self._by_transport.pop(transport, None)
        if guest not in self._standing:
            return
        self._standing.discard(guest)
        self._stop_waiting(guest)
        theirs = self._of[guest.address]
        theirs.standing -= 1
        if not theirs.standing:
            del self._of[guest.address]

    def _wait(self, guest: Guest) -> None:
        self._waiting[guest] = self._loop.time()
        self._of[guest.address].waiting[guest] = None

    def _stop_waiting(self, guest: Guest) -> None:
        if self._waiting.pop(guest, None) is not None:
            self._of[guest.address].waiting.pop(guest, None)

    def _send_away(self, guest: Guest | None) -> None:
        if guest is not None:
            self.turned_away += 1
            self.went(guest)
            guest.send_away()

    def _rest_of(self, address: str) -> float:
        """Seconds. Whoever was not refused lately never waits, however many others are."""
        pace = self._paces.get(address)
        if pace is None:
            return 0.0
        now, own = self._loop.time(), pace.rest(self._loop.time())
        if pace.rested:
            return own
        # all of them have the same wait before them: spread out, so that they do not come back in the same moment either
        self._spread = (self._spread + GOLDEN) % 1.0
        return max(own, self._pace_of_all.rest(now) * (0.75 + self._spread / 2.0))

    def _is_proxy(self, address: str) -> bool:
        return is_in(address, self._limits.proxies)

    def _count_refusal(self, address: str) -> None:
        if self._is_proxy(address):
            return
        now = self._loop.time()
        pace = self._paces.pop(address, None) or _Pace(self._limits.rate, self._limits.burst, LONGEST_REST, now)
        self._paces[address] = pace
        while len(self._paces) > ADDRESSES:
            self._paces.popitem(last=False)
        pace.count(now)
        self._pace_of_all.count(now)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            until = self._loop.time() - self._limits.patience
            for _ in range(min(SWEPT, len(self._waiting))):
                guest, since = next(iter(self._waiting.items()))
                if since > until:
                    break
                self._send_away(guest)


class _Pace:
    """How many refusals are left; below nothing there is a wait."""

    __slots__ = ("_at", "_burst", "_left", "_longest", "_rate")

    def __init__(self, rate: float, burst: float, longest: float, now: float) -> None:
        self._rate, self._burst, self._longest = rate, burst, longest
        self._left, self._at = burst, now

    @property
    def rested(self) -> bool:
        """Nothing is owed any more."""
        return self._left >= self._burst

    def rest(self, now: float) -> float:
        """Seconds until it is above nothing again."""
        self._left, self._at = min(self._burst, self._left + (now - self._at) * self._rate), now
        return min(self._longest, max(0.0, -self._left / self._rate))

    def count(self, now: float) -> None:
        self.rest(now)
        self._left = max(self._left - 1, -self._longest * self._rate)


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
