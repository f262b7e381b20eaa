"""The way to a CRM, which notes when each request was sent: by the kernel's stamp on its bytes, not by when anybody got round to
reading them. On one machine that is the moment at which the sender let them go.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

#: Linux: each read tells when the last of its bytes came; the module `socket` does not name it
SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
_REQUEST = re.compile(rb"[A-Z]+ /")


@dataclass(slots=True)
class Wire:
    """To one address, for any number of connections."""

    upstream: tuple[str, int]
    url: str = ""
    #: of each request, in seconds since 1970
    sent: list[float] = field(default_factory=list)
    _ways: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, listening: socket.socket) -> None:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(listening)
            way = asyncio.create_task(self._way(client))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _way(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_INET) as server, contextlib.suppress(OSError):
            server.setblocking(False)
            await asyncio.get_running_loop().sock_connect(server, self.upstream)
            there, back = asyncio.create_task(self._there(client, server)), asyncio.create_task(_back(server, client))
            try:
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
                await asyncio.gather(there, back, return_exceptions=True)

    async def _there(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            data, stamps = await _stamped(client)
            if not data:
                return
            if _REQUEST.match(data):
                [(_, _, stamp)] = stamps
                seconds, nanoseconds = _STAMP.unpack(stamp)
                self.sent.append(seconds + nanoseconds / 1e9)
            await asyncio.get_running_loop().sock_sendall(server, data)

    async def close(self) -> None:
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)


async def _back(server: socket.socket, client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(server, 65536):
        await loop.sock_sendall(client, data)


async def _stamped(client: socket.socket) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    loop = asyncio.get_running_loop()
    while True:
        try:
            data, stamps, _, _ = client.recvmsg(65536, socket.CMSG_SPACE(_STAMP.size))
        except BlockingIOError:
            readable = asyncio.Event()
            loop.add_reader(client, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(client)
        else:
            return data, stamps


@asynccontextmanager
async def wire(host: str, port: int) -> AsyncIterator[Wire]:
    """Its `url` leads to that address."""
    made = Wire((host, port))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        # whoever is let in has it from the listener, before a byte can have come
        listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        accepting = asyncio.create_task(made.accept(listening))
        try:
            yield made
        finally:
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
            await made.close()
