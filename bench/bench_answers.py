"""How soon each provider is answered while the CRM and the provider's own API accept everything and answer nothing.

    python bench/bench_answers.py [--chats 2000] [--rounds 7] [--connections 64] [--only jivo crisp]

One service holds a source for every provider; each is posted its own recorded delivery, every time as another chat and with a
proof of its own, and all must be answered 200. The floor (see floor.py) takes its own chats turn about, with the same dead CRM.
Ends with 1 if a request was not answered as it must be; a figure over its target is said and ends nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from contestants import HERE, Process, free_port
from load import Load, chat, drive, send

from bridge.cli.samples.signing import CannotBeMade, Outgoing, proved, tail
from bridge.errors import NotAuthentic, NotUnderstood
from bridge.mapping.load import load_provider
from bridge.mapping.samples import Sample, read_samples
from bridge.mapping.schema import ProviderMapping
from bridge.model import Delivery
from bridge.parse import SourceView, decode, glance
from bridge.parse.source import LISTED
from bridge.verify import Incoming, verify

PROVIDERS = HERE.parent / "mappings" / "providers"
#: p99 of a provider to that of the floor in the same turn
MOST = 1.5
ENDS = {"chat_finished": 0, "message": 1}


@dataclass(frozen=True, slots=True)
class Trial:
    """A provider with the delivery that is sent over and over."""

    name: str
    mapping: ProviderMapping
    sample: Sample

    @property
    def keys(self) -> tuple[str, ...]:
        return self.sample.expected.keys if self.sample.expected else ()

    @property
    def settings(self) -> dict[str, Any]:
        return self.sample.expected.settings if self.sample.expected else {}

    def requests(self, base: str, first: int, count: int) -> list[bytes]:
        """So many deliveries, laid out; no two are the same to the receiver. Raises RuntimeError if that cannot be had."""
        made, known = [], set()
        for number in range(first, first + count):
            one = self._proved(self._another(number), base)
            known.add(self._key(one))
            made.append(_laid_out(one, base))
        if len(known) != count:
            raise RuntimeError(f"{self.name}: {count} deliveries have only {len(known)} dedupe keys")
        return made

    def _another(self, number: int) -> Outgoing:
        """The delivery about another chat: every id that tells it apart is another one."""
        expected = self.sample.expected
        assert expected is not None
        at = urlsplit(self.sample.url)
        _, _, inside = at.path.partition("/hooks/")
        body, headers = self.sample.body, dict(self.sample.headers)
        payload = decode(Delivery(source="x", dedupe_key="", received_at=datetime.now(UTC), body=body), self.mapping)
        told = expected.events[0]["chat"]
        ids = {str(told["chat_id"]), str(told.get("visitor", {}).get("id", "")),
               *(_plain(payload, part.source) for part in self.mapping.dedupe)}  # fmt: skip
        for old in sorted((one for one in ids if len(one) > 2 and re.search(r"\d", one)), key=len, reverse=True):
            body = body.replace(old.encode(), re.sub(r"\d+", lambda found: _as_wide(number, found[0]), old, count=1).encode())
        for part in self.mapping.dedupe:
            for name in re.findall(r"get\(headers, '([^']+)'\)", part.source):
                if name in headers:
                    headers[name] = f"{headers[name]}-{number}"
        kept = {name: value for name, value in headers.items() if name not in ("host", "content-length")}
        made = Outgoing(self.sample.method, kept, body, at.query, inside.partition("/")[2] or None)
        if self._key(made) == self._key(replace(made, body=self.sample.body, headers=dict(self.sample.headers))):
            # what tells it apart is more than ids: every long number in it, but those of a secret, is another one
            secret = " ".join(self.keys).encode()
            body = re.sub(rb"%[0-9A-F]{2}|\d{10,}", lambda one: one[0] if one[0] in secret or one[0][:1] == b"%" else
                          _as_wide(number, one[0].decode()).encode(), body)  # fmt: skip
        return replace(made, body=body)

    def _proved(self, request: Outgoing, base: str) -> Outgoing:
        url, now = base + tail(request), datetime.now(UTC)
        incoming = Incoming(request.headers, request.body, request.query, request.path_secret, request.method, url)
        try:
            delivery = Delivery(source=self.name, dedupe_key="", received_at=now, body=request.body)
            verify(self.mapping.verify, incoming, self.keys, now=now, payload=decode(delivery, self.mapping))
        except (NotAuthentic, NotUnderstood):
            settings = SimpleNamespace(secret=self.keys)
            source = SimpleNamespace(name=self.name, keys=self.keys, mapping=self.mapping, settings=settings)
            try:
                return proved(request, cast("Any", source), base_url=base, now=now)
            except CannotBeMade as error:
                raise RuntimeError(f"{self.name}: {error}") from error
        return request

    def _key(self, request: Outgoing) -> str:
        delivery = Delivery(source=self.name, dedupe_key="", received_at=datetime.now(UTC), method=request.method,
                            query=request.query, headers=dict(request.headers), body=request.body)  # fmt: skip
        view = SourceView(self.name, self.settings.get("fields", {}))
        return glance(decode(delivery, self.mapping), delivery, self.mapping, view, keys=self.keys).dedupe_key


def _as_wide(number: int, old: str) -> str:
    """Another number of the same length, if there is room for it."""
    return f"1{number:0{len(old) - 1}}"


def _plain(payload: Any, path: str) -> str:
    """What stands at a plain path; nothing where the expression is more than that."""
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return str(payload) if isinstance(payload, str | int) else ""


def _laid_out(request: Outgoing, base: str) -> bytes:
    at = urlsplit(base + tail(request))
    path = at.path + (f"?{at.query}" if at.query else "")
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"{request.method} {path} HTTP/1.1\r\nHost: {at.netloc}\r\n{headers}Content-Length: {len(request.body)}\r\n\r\n"
    return head.encode() + request.body


def trials(names: list[str]) -> Iterator[Trial]:
    for name in names:
        mapping = load_provider(PROVIDERS / f"{name}.yaml")
        fitting = [
            sample for sample in read_samples(PROVIDERS / name, mapping)
            if sample.method not in LISTED and sample.expected and sample.expected.events
            and sample.expected.events[0]["kind"] in ENDS and sample.event != "bad_secret"
        ]  # fmt: skip
        yield Trial(name, mapping, min(fitting, key=lambda one: (ENDS[one.expected.events[0]["kind"]], len(one.name))))


@asynccontextmanager
async def nobody_answers() -> Any:
    """An address that takes every request and answers none."""
    held: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        with contextlib.suppress(asyncio.CancelledError, OSError):
            while await reader.read(65536):
                pass

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in held:
            writer.close()


def service(folder: Path, dead: str, some: list[Trial]) -> Process:
    port, ops = free_port(), free_port()
    environ = {"BENCH_KEY": "k" * 40, "BENCH_TOKEN": "bench"}
    sources = {}
    for one in some:
        for number, key in enumerate(one.keys):
            environ[f"KEY_{one.name.upper()}_{number}"] = key
        secret = [f"${{KEY_{one.name.upper()}_{number}}}" for number in range(len(one.keys))]
        told = {"provider": one.name, "secret": secret, "token": "${BENCH_TOKEN}", "url": dead, "target": "crm"}
        sources[one.name] = told | one.settings
        if one.mapping.fetch or one.mapping.reconcile:
            overlay: dict[str, Any] = {"mapping_language": 1, "extends": one.name, "api": {"base_url": "{source.url}"}}
            overlay |= {"reconcile": "~"} if one.mapping.reconcile else {}
            _write(folder / "mappings" / "providers" / f"{one.name}.yaml", overlay)
    _write(folder / "config.yaml", {
        "store": f"sqlite:///{folder}/chat2crm.db", "key": "${BENCH_KEY}", "timezone": "Europe/Moscow", "language": "en",
        "receive": {"host": "127.0.0.1", "port": str(port)}, "ops": {"host": "127.0.0.1", "port": str(ops)}, "sources": sources,
        "targets": {"crm": {"crm": str(HERE / "plain.yaml"), "url": dead, "token": "${BENCH_TOKEN}", "mode": "write"}},
    })  # fmt: skip
    command = [sys.executable, "-m", "bridge", "-c", str(folder / "config.yaml"), "serve"]
    return Process(command, port, folder / "service.log", environ, HERE.parent)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, ensure_ascii=False, indent=1).replace('"~"', "~")
    path.write_text(text, encoding="utf-8")


async def measure(asked: argparse.Namespace, some: list[Trial]) -> dict[str, list[tuple[float, float, float]]]:
    """(p50, p99, p99 of the floor in the same turn) of each provider, round by round, in ms."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="chat2crm-bench-", dir=asked.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with nobody_answers() as dead:
            floor_port = free_port()
            command = [sys.executable, str(HERE / "floor.py"), str(floor_port), str(folder / "floor.db"), dead]
            floor = Process(command, floor_port, folder / "floor.log")
            ours = service(folder, dead, some)
            floor.start()
            ours.start()
            try:
                await ours.first_answer(b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
                await _ready(floor_port)
                for number in range(asked.rounds):
                    for one in some:
                        first = 1 + number * asked.chats
                        requests = one.requests(f"http://127.0.0.1:{ours.port}/hooks/{one.name}", first, asked.chats)
                        bodies = [chat(first + n, f"{one.name}-{first + n}") for n in range(asked.chats)]
                        below = await drive(f"http://127.0.0.1:{floor_port}/hooks/shop/secret", bodies, asked.connections)
                        took = await send("127.0.0.1", ours.port, requests, asked.connections)
                        _must_be_answered(one.name, took, asked.chats)
                        _must_be_answered("the floor", below, asked.chats)
                        times = took.percentile(0.5), took.percentile(0.99), below.percentile(0.99)
                        found[one.name].append((1000 * times[0], 1000 * times[1], 1000 * times[2]))
                    print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
            finally:
                for process in (floor, ours):
                    process.stop()
    return found


async def _ready(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("the floor did not come up")


def _must_be_answered(name: str, took: Load, chats: int) -> None:
    if dict(took.statuses) != {200: chats}:
        raise RuntimeError(f"{name} answered {dict(took.statuses)}, not {chats} times 200")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    # of a few hundred, one slow flush of the disk would decide what the slowest hundredth is
    parser.add_argument("--chats", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--only", nargs="+", metavar="PROVIDER", default=sorted(path.stem for path in PROVIDERS.glob("*.yaml")))
    parser.add_argument("--folder", type=Path, help="where the stores are made: the disk is part of what is measured")
    asked = parser.parse_args()
    try:
        found = asyncio.run(measure(asked, list(trials(asked.only))))
    except RuntimeError as error:
        sys.exit(str(error))
    print(f"{f'ms at {asked.connections} connections':26}{'p50':>9}{'p99':>9}{'floor p99':>11}{'ratio':>8}")
    for name, rounds in found.items():
        p50, p99, below = (statistics.median(one[place] for one in rounds) for place in range(3))
        ratio = statistics.median(one[1] / one[2] for one in rounds)
        print(f"{name:26}{p50:9.1f}{p99:9.1f}{below:11.1f}{ratio:8.2f}  {'met' if ratio <= MOST else 'MISSED'} (at most {MOST})")


if __name__ == "__main__":
    main()
