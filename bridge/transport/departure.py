"""When a request leaves: after its connection was made, and with the word of whoever counts what is sent.

To connect takes longer than a turn under a limit lasts, so the turn is asked for again in the moment before the first byte.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import aiohttp
from aiohttp.connector import Connection

#: awaited when a request's connection is there and nothing of it was sent yet; may take its time, or stop it by raising
MayLeave = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Leaves as soon as it can."""


class _Departure:
    def __init__(self, may_leave: MayLeave) -> None:
        self._may_leave = may_leave
        #: the request may have left
        self.over = False

    async def comes(self) -> None:
        await self._may_leave()
        self.over = True


_departure: ContextVar[_Departure | None] = ContextVar("departure", default=None)


@contextmanager
def leaving_when(may_leave: MayLeave) -> Iterator[None]:
    """A request sent within this leaves when `may_leave` has returned, and not at all if that raises: to connect to a server may
    take longer than the moment lasts for which one has a turn.
    """
    token = _departure.set(_Departure(may_leave))
    try:
        yield
    finally:
        _departure.reset(token)


def departed() -> bool:
    """Whether the request that is being sent may have left: true where nobody is asked whether it may."""
    departure = _departure.get()
    return departure is None or departure.over


class DepartingRequest(aiohttp.ClientRequest):
    """Asks, with its connection in hand, whether it may leave."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        departure = _departure.get()
        if departure is not None:
            await departure.comes()
        return await super().send(conn)
