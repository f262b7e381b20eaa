"""A balancer before replicas, and the cable between a replica and its database, that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Listens(Protocol):
    port: int


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[], bool]) -> None:
    while data := await reader.read(65536):
        while not passes():  # noqa: ASYNC110 - a cable that is cut tells nobody
            await asyncio.sleep(0.05)
        writer.write(data)
        await writer.drain()


async def _joined(one: Streams, other: Streams, passes: Callable[[], bool] = lambda: True) -> None:
    """Until either side ends."""
    pumps = [asyncio.create_task(_pump(one[0], other[1], passes)), asyncio.create_task(_pump(other[0], one[1], passes))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # all that cannot be broken off first
        for pump in pumps:
            pump.cancel()
        for _, writer in (one, other):
            writer.close()
        await asyncio.gather(*pumps, return_exceptions=True)
        await _closed(one[1], other[1])


async def _closed(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


@dataclass(slots=True)
class Balancer:
    """Each connection goes to the next of the replicas that takes one."""

    replicas: Sequence[Listens]
    port: int = 0
    taken: dict[int, int] = field(default_factory=dict)
    _turns: itertools.count[int] = field(default_factory=itertools.count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(self._turns)
        for number in range(len(self.replicas)):
            chosen = (first + number) % len(self.replicas)
            try:
                upstream = await asyncio.open_connection("127.0.0.1", self.replicas[chosen].port)
            except OSError:
                continue
            self.taken[chosen] = self.taken.get(chosen, 0) + 1
            with contextlib.suppress(OSError):
                await _joined((reader, writer), upstream)
            return
        await _closed(writer)


@dataclass(slots=True)
class Cable:
    """Between a replica and the database. `cut`: what is under way ends with a reset and nobody is let in; `dead`: nothing is
    heard of either side any more, and nobody says so.
    """

    upstream: tuple[str, int]
    port: int = 0
    cut: bool = False
    dead: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            await _closed(writer)
            return
        while self.dead:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
        try:
            upstream = await asyncio.open_connection(*self.upstream)
        except OSError:
            await _closed(writer)
            return
        both = {writer, upstream[1]}
        self._open |= both
        try:
            with contextlib.suppress(OSError):
                await _joined((reader, writer), upstream, lambda: not self.dead)
        finally:
            self._open -= both

    def tear(self) -> None:
        """Cut it now, in the middle of whatever is on its way."""
        self.cut = True
        for writer in list(self._open):
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                writer.transport.abort()

    def mend(self) -> None:
        self.cut = self.dead = False


@asynccontextmanager
async def listening(what: Balancer | Cable) -> AsyncIterator[None]:
    """On a port of its own."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await what.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    what.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        while tasks:
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed last is let go of in the loop's next turn
