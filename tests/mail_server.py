"""A small mail server for tests, on a free port; it can be told where to refuse, to break off, or to fall silent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Server:
    """Speaks as much of the protocol as handing in a mail takes. `says` puts its own line in place of the usual answer to a word;
    None breaks the connection there. `silent`: it takes that word and never answers.
    """

    says: Mapping[str, str | None] = field(default_factory=dict)
    silent: str = ""
    offers: tuple[str, ...] = ("AUTH PLAIN LOGIN",)
    context: ssl.SSLContext | None = None
    heard: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._say(writer, "connect", "220 mail.example ESMTP"):
            return
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            word = line.partition(" ")[0].upper()
            self.heard.append(line if word != "AUTH" else "AUTH")
            if word == "DATA":
                if not await self._say(writer, "DATA", "354 go on"):
                    return
                self.taken.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                word = "."
            lines = {
                "EHLO": "\r\n".join(["250-mail.example", *(f"250-{offer}" for offer in self.offers), "250 SIZE 10000000"]),
                "AUTH": "235 2.7.0 welcome", "STARTTLS": "220 ready", "QUIT": "221 bye", ".": "250 2.0.0 Ok: queued as 4X1",
            }  # fmt: skip
            if not await self._say(writer, word, lines.get(word, "250 Ok")):
                return
            if word == "STARTTLS":
                assert self.context is not None
                await writer.start_tls(self.context)

    async def _say(self, writer: asyncio.StreamWriter, word: str, usual: str) -> bool:
        if word == self.silent:
            await asyncio.Event().wait()
        line = self.says.get(word, usual)
        if line is not None:
            writer.write(line.encode() + b"\r\n")
            await writer.drain()
        return line is not None


@asynccontextmanager
async def mail_server(*, tls: ssl.SSLContext | None = None, **given: Any) -> AsyncIterator[Server]:
    made = Server(**given)
    under_way: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.current_task())  # type: ignore[arg-type]
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            await made.serve(reader, writer)
        if made.context is None:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        else:  # streams that began in clear never say that they are closed
            writer.transport.abort()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=tls)
    made.url = f"{'smtps' if tls else 'smtp'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
