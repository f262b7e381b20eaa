"""In front of the public listener: who may hold a connection, for how long, and how often.

When places run short those go that have waited longest for a request; one that is being answered never does. Whoever proves
nothing is answered only so often, in `turns`, and never turned away for it: behind one address may stand many senders, an honest
one among them. Connections are taken, and given a handler of requests, by `porch`.
"""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from bridge.door.turns import Turns
from bridge.networks import Network, household, is_in, is_public

#: seconds between two looks for connections that wait too long, and how many of them go at once: thousands that came together
#: also run out of time together, and whoever is being served is not to wait while all of them are put away
SWEEP = 0.05
SWEPT = 50
#: files and connections that the process needs beside those of the public listener
SPARE_FILES = 256
#: who was answered this has proved nothing; what is out of room or a fault is ours
REFUSALS = frozenset({400, 404, 405, 408, 413})
OUR_FAULT = 500
#: whoever runs us asks here whether we live, and puts an end to us if nobody answers; from near by they stand in no line
HEALTH = "/healthz"
_ASKS_FOR_HEALTH = f"GET {HEALTH} ".encode()
#: set where a request was found authentic: True, or False if that is only because its source asks for no proof
PROVED = web.RequestKey("proved", bool)


class Guest(Protocol):
    """A connection."""

    @property
    def address(self) -> str: ...
    def send_away(self) -> None:
        """Close it; nothing of it is told to the doorway any more."""
    def go(self) -> bool:
        """Have its request answered, which stood in line. False: there is nobody any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    #: at once, from everywhere
    connections: int = 10_000
    #: at once, from one address
    per_address: int = 256
    #: requests without proof a second that one address is answered, and how many more in one go
    rate: float = 10.0
    burst: float = 100.0
    #: seconds for a request's headers, and for which a connection is kept that says nothing
    patience: float = 15.0
    #: addresses of proxies: many senders stand behind each, who are told apart by what the proxy says of them
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


class _Waiting:
    """A request that waits for its turn behind a handler of its own."""

    __slots__ = ("turn",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.turn: asyncio.Future[None] = loop.create_future()

    def go(self) -> bool:
        if self.turn.done():
            return False
        self.turn.set_result(None)
        return True


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
        self._turns = Turns(limits.rate, limits.burst)
        #: connections whose whole head stands in line
        self._in_line: set[Guest] = set()
        #: those whose turn it was, and whose request nobody has looked at yet
        self._called: set[Guest] = set()
        self._sweeping = self._loop.create_task(self._sweep(), name="doorway")
        #: connections that had to make place, or waited too long
        self.turned_away = 0
        #: called for each connection that comes, before anything is known of it
        self.on_coming: Callable[[], None] | None = None

    def close(self) -> None:
        """Nobody is served any more who has not begun to ask."""
        self._sweeping.cancel()
        self._turns.close()
        for guest in self._standing - set(self._by_transport.values()):
            self._send_away(guest)

    async def in_turn(self, request: web.BaseRequest, handler: Any) -> web.StreamResponse:
        """Has each request wait for its turn, and tells a connection that is being answered from one that waits."""
        guest = self._by_transport.get(request.transport) if request.transport is not None else None
        if guest is None:
            answer: web.StreamResponse = await handler(request)
            return answer
        came_from = sender(guest.address, request.headers.getall("X-Forwarded-For", []), self._limits.proxies)
        # a proxy that asks for itself; whom it forwards to us has an address of their own
        is_proxy = self._is_proxy(came_from)
        address = household(came_from)
        if guest in self._called:
            self._called.discard(guest)
        elif not is_proxy and not (request.path == HEALTH and _is_near(came_from)):
            # its body is not read meanwhile, and it makes place like any that waits
            await self._turn_of(address)
        self._stop_waiting(guest)
        try:
            response: web.StreamResponse = await handler(request)
            if is_proxy:
                pass
            elif request.get(PROVED):
                self._turns.proved(address)
            elif response.status >= OUR_FAULT or (PROVED in request and response.status not in REFUSALS):
                self._turns.give_back(address)
            elif response.status in REFUSALS:
                self._turns.refused(address)
                if not self._is_proxy(guest.address):  # its next request stands in line where that costs next to nothing
                    response.force_close()
        finally:
            if guest in self._standing:
                self._wait(guest)
        return response

    async def _turn_of(self, address: str) -> None:
        waiting = _Waiting(self._loop)
        if not self._turns.ask(address, waiting):
            try:
                await waiting.turn
            finally:
                self._turns.leave(address, waiting)

    # -- what connections tell -----------------------------------------------------------------------------------------

    def came(self, guest: Guest) -> bool:
        """False: there is no place for it."""
        if self.on_coming is not None:
            self.on_coming()
        home = household(guest.address)
        theirs = self._of.get(home)
        if theirs is not None and theirs.standing >= self._limits.per_address and not self._is_proxy(guest.address):
            self._send_away(next(iter(theirs.waiting), None))
        if len(self._standing) >= self._most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                self.turned_away += 1
                return False
            self._send_away(longest)
        self._of.setdefault(home, _Sender()).standing += 1
        self._standing.add(guest)
        self._wait(guest)
        return True

    def may_go(self, guest: Guest, head: bytes) -> bool:
        """Its first head is whole: whether it is given a handler of requests now. If not, it is told when."""
        if self._is_proxy(guest.address):  # who has sent this stands in its headers, and is asked for by `in_turn`
            return True
        if head.startswith(_ASKS_FOR_HEALTH) and _is_near(guest.address):
            self._called.add(guest)
            return True
        if self._turns.ask(household(guest.address), guest):
            self._called.add(guest)
            return True
        self._in_line.add(guest)
        return False

    def is_called(self, guest: Guest) -> None:
        """It stood in line, and is given a handler of requests now."""
        self._in_line.discard(guest)
        self._called.add(guest)

    def is_served(self, guest: Guest, transport: asyncio.BaseTransport) -> None:
        """From here on it has a handler of requests."""
        self._by_transport[transport] = guest

    def went(self, guest: Guest, transport: asyncio.BaseTransport | None = None) -> None:
        if transport is not None:
            self._by_transport.pop(transport, None)
        if guest not in self._standing:
            return
        self._standing.discard(guest)
        self._called.discard(guest)
        home = household(guest.address)
        if guest in self._in_line:
            self._in_line.discard(guest)
            self._turns.leave(home, guest)
        self._stop_waiting(guest)
        theirs = self._of[home]
        theirs.standing -= 1
        if not theirs.standing:
            del self._of[home]

    def _wait(self, guest: Guest) -> None:
        self._waiting[guest] = self._loop.time()
        self._of[household(guest.address)].waiting[guest] = None

    def _stop_waiting(self, guest: Guest) -> None:
        if self._waiting.pop(guest, None) is not None:
            self._of[household(guest.address)].waiting.pop(guest, None)

    def _send_away(self, guest: Guest | None) -> None:
        if guest is not None:
            self.turned_away += 1
            self.went(guest)
            guest.send_away()

    def _is_proxy(self, address: str) -> bool:
        return is_in(address, self._limits.proxies)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            until = self._loop.time() - self._limits.patience
            for _ in range(min(SWEPT, len(self._waiting))):
                guest, since = next(iter(self._waiting.items()))
                if since > until:
                    break
                self._send_away(guest)


def _is_near(address: str) -> bool:
    """On this machine or in a private network."""
    try:
        return not is_public(address)
    except ValueError:
        return False


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
