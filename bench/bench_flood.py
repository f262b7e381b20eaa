"""What a flood does to honest senders: thousands of connections that send their headers a byte at a time, and unsigned posts as
fast as they are answered, while signed chats go on coming in.

    .venv/bin/python bench/bench_flood.py [--slow 10000] [--addresses 4] [--seconds 20] [--rounds 5] [--first]

The service is a process of its own with its default limits. Quiet and flood take turns, round by round: printed is how long a
signed delivery took to be answered (that is, to be on disk) in either, their ratio, and the service's memory. Everything runs on
this one machine, so the attackers run with the lowest priority: from elsewhere they would take no processor away from the
service. What else the machine does, and what the attackers' own connections cost its kernel, shows in a second service that is
posted to at the same time and attacked by nobody ("twin"). Look at the median of the ratios and how many are above the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import os
import random
import resource
import select
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

KEY = base64.b64encode(b"a key for signing, thirty-two b.").decode()
#: signed deliveries a second
HONEST = 20
#: the slowest hundredth under the flood may take so many times as long as when it is quiet
LIMIT = 3.0
#: seconds between two rounds
SETTLES = 3.0
#: posts under way at once from each attacking address
ABREAST = 16


def signed(number: int) -> bytes:
    """A whole request, as an honest sender posts it."""
    body = json.dumps(
        {
            "type": "chat.finished",
            "data": {
                "id": str(number),
                "messages": [
                    {"role": "visitor", "text": f"Здравствуйте, мой номер +7916{number:07d}", "at": "2026-11-21T12:00:00Z"}
                ]
                * 10,
            },
        }
    ).encode()
    stamp = str(int(time.time()))
    signature = hmac.digest(base64.b64decode(KEY), b".".join((f"m{number}".encode(), stamp.encode(), body)), sha256)
    head = (
        f"POST /hooks/own HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"webhook-id: m{number}\r\nwebhook-timestamp: {stamp}\r\n"
        f"webhook-signature: v1,{base64.b64encode(signature).decode()}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


async def ask(port: int, request: bytes, source: str) -> tuple[int, float]:
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        writer.write(request)
        line = await asyncio.wait_for(reader.readline(), 30)
        return int(line.split()[1]), time.perf_counter() - began
    finally:
        writer.close()


async def honest(port: int, seconds: float, first: int) -> list[float]:
    """Seconds that each signed delivery took; raises if one was not taken. Each comes over a connection of its own."""
    took: list[float] = []

    async def one(number: int) -> None:
        status, seconds_taken = await ask(port, signed(number), "127.0.0.1")
        if status != 200:
            raise SystemExit(f"a signed delivery was answered {status}")
        took.append(seconds_taken)

    tasks = []
    until = time.perf_counter() + seconds
    number = first
    while time.perf_counter() < until:
        tasks.append(asyncio.create_task(one(number)))
        number += 1
        await asyncio.sleep(1 / HONEST)
    await asyncio.gather(*tasks)
    return took


# -- the attackers: a process of their own -----------------------------------------------------------------------------


class SlowOnes(threading.Thread):
    """Connections whose headers never end: a byte each, every five seconds. Bare sockets, for they share the machine with what
    they attack. Whoever is sent away comes again.
    """

    def __init__(self, port: int, count: int) -> None:
        super().__init__(daemon=True)
        self.port, self.count = port, count
        self.sockets: dict[int, tuple[int, socket.socket]] = {}

    def run(self) -> None:
        poll, missing = select.epoll(), deque(range(self.count))
        while True:
            for _ in range(min(len(missing), 150)):
                number = missing.popleft()
                one = socket.socket()
                one.setblocking(False)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with suppress(OSError):
                    one.bind((f"127.0.{1 + number // 200}.{1 + number % 200}", 0))
                    one.connect_ex(("127.0.0.1", self.port))
                    poll.register(one, select.EPOLLRDHUP | select.EPOLLERR | select.EPOLLHUP)
                    self.sockets[one.fileno()] = (number, one)
            for file, _ in poll.poll(0, 1000):
                number, one = self.sockets.pop(file)
                one.close()
                missing.append(number)
            for _, one in [*self.sockets.values()][int(time.monotonic() * 20) % 100 :: 100]:
                with suppress(OSError):
                    one.send(b"x" if random.random() < 0.9 else b"POST /hooks/own HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            time.sleep(0.05)


async def flood(port: int, source: str, counts: list[int]) -> None:
    """Unsigned posts, as fast as they are answered."""
    body = b'{"type": "chat.finished", "data": {"id": "1"}}'
    request = b"POST /hooks/own HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def one() -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
                while True:
                    writer.write(request)
                    await reader.readuntil(b"\r\n\r\n")
                    counts[0] += 1
            await asyncio.sleep(0.1)

    await asyncio.gather(*(one() for _ in range(ABREAST)))


async def attack(port: int, slow: int, addresses: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, 19)  # who attacks from elsewhere takes no processor away from the service
    counts = [0]
    slowly = SlowOnes(port, slow)
    slowly.start()
    tasks = [asyncio.create_task(flood(port, f"127.9.0.{number + 1}", counts)) for number in range(addresses)]
    while True:
        await asyncio.sleep(1)
        print(json.dumps({"slow": len(slowly.sockets), "posts": counts[0]}), flush=True)
        if any(task.done() for task in tasks):
            raise SystemExit("an attacker has given up")


# -- putting it together -----------------------------------------------------------------------------------------------


def config(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        json.dumps(
            {
                "store": f"sqlite:///{folder}/chat2crm.db",
                "key": "${B_KEY}",
                "receive": {"host": "127.0.0.1", "port": 0},
                "ops": {"port": 0},
                "sources": {"own": {"provider": "generic", "secret": "${B_SIGNING}", "target": "sales", "region": "RU"}},
                "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${B_KEY}"}},
            }
        ),
        encoding="utf-8",
    )
    return path


async def service(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge",
        "-c",
        str(config(folder)),
        "serve",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "B_KEY": "k" * 40, "B_SIGNING": f"whsec_{KEY}"},
    )
    assert process.stderr is not None
    async for raw in process.stderr:
        line = json.loads(raw)
        if line.get("event") == "service.started":
            asyncio.get_running_loop().create_task(_drain(process.stderr))
            return process, line["port"]
    raise SystemExit("the service did not start")


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


def memory(pid: int) -> float:
    """MiB that are the process's own."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def at(values: Sequence[float], share: float) -> float:
    """Milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass(frozen=True)
class Round:
    """Seconds that each signed delivery took: quiet, under the flood, and meanwhile by the twin."""

    quiet: Sequence[float]
    flood: Sequence[float]
    twin: Sequence[float]
    standing: int
    #: a second
    posts: float
    #: MiB, and the share of a processor
    memory: float
    busy: float

    @property
    def ratio(self) -> float:
        return at(self.flood, 0.99) / at(self.quiet, 0.99)

    @property
    def to_twin(self) -> float:
        return at(self.flood, 0.99) / at(self.twin, 0.99)


def busy(pid: int) -> float:
    """Processor seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measured(ports: Sequence[int], pid: int, slow: int, addresses: int, seconds: float, first: int) -> Round:
    """One round. `ports`: of the service that is attacked, whose process is `pid`, and of its twin."""
    quiet, _ = await asyncio.gather(*(honest(port, seconds, first) for port in ports))
    attackers = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--attack", str(ports[0]), "--slow", str(slow), "--addresses", str(addresses),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert attackers.stdout is not None
    told = {"slow": 0, "posts": 0}
    try:
        until = time.perf_counter() + 30
        while told["slow"] < 0.95 * slow and time.perf_counter() < until:
            told = json.loads(await attackers.stdout.readline())
        began, before, used = time.perf_counter(), told["posts"], busy(pid)
        flood, twin = await asyncio.gather(*(honest(port, seconds, first + 100_000) for port in ports))
        passed, used = time.perf_counter() - began, busy(pid) - used
        while attackers.stdout._buffer:  # type: ignore[attr-defined]  # noqa: SLF001 - what has been printed meanwhile
            told = json.loads(await attackers.stdout.readline())
    finally:
        attackers.kill()
        await attackers.wait()
    return Round(quiet, flood, twin, told["slow"], (told["posts"] - before) / passed, memory(pid), used / passed)


async def main(slow: int, addresses: int, seconds: float, rounds: int) -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files[0] < files[1]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    slow = min(slow, files[1] - 512)
    print(f"open files allowed: {files[1]}; {slow} slow connections, unsigned posts from {addresses} address(es)")
    print("round  quiet p50   p99  flood p50   p99  slowest  twin p99  ratio  to twin  standing  posts/s  MiB  busy")
    done: list[Round] = []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        process, port = await service(Path(folder))
        twin, twins = await service(Path(beside))
        try:
            await asyncio.gather(honest(port, 2, 9_000_000), honest(twins, 2, 9_000_000))
            for number in range(rounds):
                one = await measured((port, twins), process.pid, slow, addresses, seconds, 200_000 * number)
                done.append(one)
                print(
                    f"{number + 1:5}  {at(one.quiet, 0.5):9.1f} {at(one.quiet, 0.99):5.1f}"
                    f"  {at(one.flood, 0.5):9.1f} {at(one.flood, 0.99):5.1f}  {at(one.flood, 1):7.1f}"
                    f"  {at(one.twin, 0.99):8.1f}  {one.ratio:5.2f}  {one.to_twin:7.2f}"
                    f"  {one.standing:8}  {one.posts:7.0f}  {one.memory:3.0f}  {100 * one.busy:3.0f}%",
                    flush=True,
                )
                await asyncio.sleep(SETTLES)
        finally:
            for running in (process, twin):
                running.terminate()
                await running.wait()
    for name, ratios in (("quiet", [one.ratio for one in done]), ("its twin meanwhile", [one.to_twin for one in done])):
        above = sum(ratio > LIMIT for ratio in ratios)
        print(f"p99 under the flood / {name}: median of the rounds {median(ratios):.2f}, above {LIMIT:g} in {above} of {rounds}")
    flood, quiet, beside_it = ([each for one in done for each in getattr(one, name)] for name in ("flood", "quiet", "twin"))
    slowest = [at(values, 0.99) for values in (flood, quiet, beside_it)]
    print("all rounds together, p99: flood {:.1f} ms, quiet {:.1f}, twin {:.1f}".format(*slowest))
    print(f"memory (RSS): at the most {max(one.memory for one in done):.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", type=int, default=10_000)
    parser.add_argument("--addresses", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", action="store_true", help="go before whatever else this machine does (root)")
    parser.add_argument("--attack", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.first:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    asyncio.run(
        attack(given.attack, given.slow, given.addresses) if given.attack
        else main(given.slow, given.addresses, given.seconds, given.rounds)
    )  # fmt: skip
