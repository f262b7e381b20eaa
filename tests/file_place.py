"""Where files of chats lie: a real HTTP server of ours, and the ways in which such a place can be hostile."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


_HEADER = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
PNG = b"\x89PNG\r\n\x1a\n" + b"".join((
    _chunk(b"IHDR", _HEADER), _chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00")), _chunk(b"IEND", b""),
))  # fmt: skip
PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
PAGE = b"<!doctype html><title>Log in</title><script>alert(1)</script>"


@dataclass
class Place:
    url: str = ""
    #: path → what a request for it is answered: bytes, or a status
    files: dict[str, bytes | int] = field(default_factory=dict)
    #: the requests, in their order: path and headers
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    #: paths that stumble with 503 so often
    stumbles: dict[str, int] = field(default_factory=dict)
    #: how many bytes were handed to the wire
    sent: int = 0
    port: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, {name.lower(): value for name, value in request.headers.items()}))
        hostile = getattr(self, f"_{request.path.strip('/').replace('-', '_')}", None)
        if hostile is not None:
            response: web.StreamResponse = await hostile(request)
            return response
        if self.stumbles.get(request.path, 0) > 0:
            self.stumbles[request.path] -= 1
            return web.Response(status=503)
        found = self.files.get(request.path, 404)
        if isinstance(found, int):
            return web.Response(status=found)
        return web.Response(body=found, content_type="image/png")

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        """Says nothing of its length, and never ends by itself."""
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(PNG + b"x" * 65536)
                self.sent += 65536
        except ConnectionError:
            return response

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        """A byte now and then: each wait is short, the whole is not."""
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.02)
        except ConnectionError:
            return response

    async def _bomb(self, _: web.Request) -> web.StreamResponse:
        body = gzip.compress(b"\0" * 50_000_000)
        self.sent += len(body)
        return web.Response(body=body, headers={"Content-Encoding": "gzip"}, content_type="image/png")

    async def _to(self, request: web.Request) -> web.StreamResponse:
        """/to?where=URL leads there."""
        return web.Response(status=302, headers={"Location": request.query["where"]})

    async def _round(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/round"})

    async def _said_large(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**12)})
        await response.prepare(request)
        return response

    async def _breaks(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(PNG)
        assert request.transport is not None
        request.transport.abort()
        return response


@asynccontextmanager
async def file_place(**files: bytes | int) -> AsyncIterator[Place]:
    """A place on 127.0.0.1; `files` are at /NAME, with an underscore for a dot."""
    place = Place(files={f"/{name.replace('_', '.')}": body for name, body in files.items()})
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", place.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    place.port = runner.addresses[0][1]
    place.url = f"http://127.0.0.1:{place.port}"
    try:
        yield place
    finally:
        await runner.cleanup()


class Rebinding(AbstractResolver):
    """Gives a name other addresses each time it is asked, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        found: list[Any] = [
            {"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0,
             "flags": socket.AI_NUMERICHOST}
            for address in addresses
        ]  # fmt: skip
        return found

    async def close(self) -> None:
        """Nothing is open."""
