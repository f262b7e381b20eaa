"""A TCP proxy that breaks connections at a given byte, in the ways networks do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["reset", "close", "black_hole", "drip", "delay"]
Way = Literal["request", "answer"]


@dataclass(slots=True)
class Fault:
    """What happens after so many bytes of the request or of the answer of one exchange; afterwards all is well again."""

    kind: Kind
    way: Way
    #: bytes that still go through
    after: int
    #: which exchange, from 1, counted over all connections
    exchange: int = 1
    #: delay: how long; drip: between two bytes; in seconds
    seconds: float = 0.2


@dataclass(slots=True)
class Proxy:
    """`faults` are taken away as they happen. `happened` counts them."""

    upstream: tuple[str, int]
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    happened: int = 0
    exchanges: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.close()
            return
        current = _Exchange()
        tasks = [
            asyncio.create_task(self._pump("request", reader, up_writer, (writer, up_writer), current)),
            asyncio.create_task(self._pump("answer", up_reader, writer, (writer, up_writer), current)),
        ]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
            for one in (writer, up_writer):
                with contextlib.suppress(Exception):
                    one.close()

    async def _pump(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter], current: _Exchange,
    ) -> None:
        while data := await reader.read(65536):
            if way == "request" and current.answered:
                current.begin()
            if way == "request" and current.number == 0:
                self.exchanges += 1
                current.number = self.exchanges
            passed = current.bytes[way]
            fault = self._due(way, current.number, passed, len(data))
            if fault is None:
                writer.write(data)
                await writer.drain()
            else:
                here = max(0, fault.after - passed)
                await self._strike(fault, data[:here], data[here:], writer, both)
            current.bytes[way] += len(data)
            current.answered = current.answered or way == "answer"

    def _due(self, way: Way, number: int, passed: int, coming: int) -> Fault | None:
        for fault in self.faults:
            if fault.way == way and fault.exchange <= number and fault.after <= passed + coming:
                self.faults.remove(fault)
                self.happened += 1
                return fault
        return None

    async def _strike(
        self, fault: Fault, before: bytes, rest: bytes, writer: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        if before:
            writer.write(before)
            await writer.drain()
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            writer.write(rest)
        elif fault.kind == "drip":
            for place in range(len(rest)):
                writer.write(rest[place : place + 1])
                await writer.drain()
                if place < 50:
                    await asyncio.sleep(fault.seconds / 50)
        elif fault.kind == "black_hole":
            await asyncio.sleep(3600)
        elif fault.kind == "reset":
            for one in both:
                raw = one.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionResetError
        else:
            raise ConnectionAbortedError


@dataclass(slots=True)
class _Exchange:
    """Keep-alive connections carry one exchange after another."""

    number: int = 0
    answered: bool = False
    bytes: dict[str, int] = field(default_factory=lambda: {"request": 0, "answer": 0})

    def begin(self) -> None:
        self.number, self.answered = 0, False
        self.bytes = {"request": 0, "answer": 0}


@asynccontextmanager
async def fault_proxy(url: str) -> AsyncIterator[Proxy]:
    """Between whoever calls `proxy.url` and the server at `url`."""
    host, _, port = url.removeprefix("http://").partition(":")
    proxy = Proxy((host, int(port)))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(proxy._tasks):
            task.cancel()
