"""Load: finished chats, each one another person's, posted over connections that stay open, each waiting for its answer.

    python bench/load.py URL [--chats 1000] [--connections 16] [--prefix a]

An event is about 2 kB and holds 12 messages; the visitor's phone and e-mail stand in the visitor's words alone, and an operator
names a number of the shop's. The client is written on bare sockets, because it shares the machine with what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: seconds by which the chat service's clock is ahead
AHEAD = 1200
#: who says what, in this order, 25 seconds apart
TALK: Sequence[tuple[str, str]] = (
    ("agent", "Hello, this is Vera of the lamp shop. If we lose each other, the shop's number is +7 495 120-30-40."),
    ("visitor", "Hi! I saw the brass floor lamp on your page, do you still have two of them?"),
    ("agent", "Let me look. Yes, two are left in the store and one more is on its way from the works."),
    ("visitor", "Good. Could somebody bring both to Kazan before the end of next week?"),
    ("agent", "That should be possible. Whom may our driver call, and where shall I send the bill?"),
    ("visitor", "Call me at {phone}"),
    ("visitor", "and the bill please to {email}"),
    ("agent", "Noted, thank you. The driver rings half an hour before he arrives, on a working day."),
    ("visitor", "Which bulbs do I need for them, and are they part of the price or do I buy them apart?"),
    ("agent", "Two E27 bulbs each, warm white, and the first ones come with the lamp at no cost."),
    ("visitor", "Perfect, that is all I wanted to know. Have a nice evening!"),
    ("agent", "You too, and write again whenever something is unclear."),
)


def chat(number: int, chat_id: str) -> bytes:
    """A chat_finished event of the person with this number (up to ten million of them)."""
    # by a clock ahead of ours: what may be older than the store is looked for in the CRM before it is written, and in its first
    # quarter of an hour a store takes that of every chat; these are to be as cheap as those of all later hours
    ended = math.ceil(time.time()) + AHEAD
    digits = f"{number:07d}"
    phone = f"+7 (917) {digits[:3]}-{digits[3:5]}-{digits[5:]}"
    messages = [
        {
            "type": role, "message": text.format(phone=phone, email=f"buyer{number}@example.org"),
            "timestamp": ended - 25 * (len(TALK) - 1 - place),
        }
        | ({"agent_id": "31"} if role == "agent" else {})
        for place, (role, text) in enumerate(TALK)
    ]  # fmt: skip
    return json.dumps({
        "event_name": "chat_finished", "chat_id": chat_id, "widget_id": "lamps", "user_token": None,
        "visitor": {"name": f"Buyer {number}", "number": str(number), "chats_count": 1},
        "agents": [{"id": "31", "name": "Vera", "email": "vera@lamps.example", "phone": "+74951203040"}],
        "page": {"url": "https://lamps.example/floor/brass", "title": "Brass floor lamp"},
        "session": {"utm_json": {"source": "search", "campaign": "lamps"}},
        "chat": {"messages": messages, "rate": None, "blacklisted": False},
    }).encode()  # fmt: skip


@dataclass(slots=True)
class Load:
    """What came of it. Times in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def acks_per_second(self) -> float:
        return self.statuses[200] / self.seconds

    def percentile(self, part: float) -> float:
        """The smallest latency that so large a part of all stays within."""
        return sorted(self.latencies)[max(0, math.ceil(part * len(self.latencies)) - 1)]


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one's answer is complete."""

    def __init__(self, requests: Iterator[bytes], load: Load) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._requests, self._load = requests, load
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
        if length is None:
            self._fail("an answer without Content-Length")
        elif len(body) >= length:
            self._load.latencies.append(time.perf_counter() - self._sent_at)
            self._load.statuses[int(lines[0].split()[1])] += 1
            self._received = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was closed ({exc or 'by the other side'})")

    def _fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(why))


async def drive(url: str, bodies: Sequence[bytes], connections: int) -> Load:
    """Post all bodies over so many connections at once. Raises OSError if a connection breaks."""
    at = urlsplit(url)
    head = f"POST {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
    # laid out beforehand, so that the measured time holds none of it
    laid_out = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    return await send(at.hostname or "", at.port or 80, laid_out, connections)


async def send(host: str, port: int, laid_out: Sequence[bytes], connections: int) -> Load:
    """The same with requests that are laid out to the last byte."""
    requests = iter(laid_out)
    load = Load()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    opened = await asyncio.gather(
        *(loop.create_connection(lambda: _Connection(requests, load), host, port) for _ in range(connections))
    )
    await asyncio.gather(*(connection.ended for _, connection in opened))
    load.seconds = time.perf_counter() - began
    return load


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--chats", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--prefix", default=f"{time.time():.0f}", help="of the chat ids; the same again is a redelivery")
    asked = parser.parse_args()
    bodies = [chat(number, f"{asked.prefix}-{number}") for number in range(asked.chats)]
    load = asyncio.run(drive(asked.url, bodies, asked.connections))
    print(json.dumps({
        "acks_per_second": round(load.acks_per_second, 1), "p50_ms": round(1000 * load.percentile(0.5), 2),
        "p99_ms": round(1000 * load.percentile(0.99), 2), "statuses": dict(load.statuses),
    }))  # fmt: skip
    sys.exit(0 if set(load.statuses) == {200} else 1)


if __name__ == "__main__":
    main()
