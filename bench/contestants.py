"""What is measured, as processes of their own: the CRM, the floor, and `chat2crm serve`; and what a process has used."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECRET = "bench-bench-bench-bench"
TICKS = os.sysconf("SC_CLK_TCK")
#: how long a process may take to come up, go down, or bring everything to the CRM without a new note, in seconds
PATIENCE = 60.0


def interpreter() -> str:
    """What is measured is also this: one built without optimisation takes a tenth more."""
    folder = "" if sys.base_prefix == sys.prefix else f" of {sys.base_prefix}"
    return f"{platform.python_implementation()} {platform.python_version()}{folder}, SQLite {sqlite3.sqlite_version}"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(slots=True)
class Process:
    """One process on one port, its output in a file."""

    command: Sequence[str]
    port: int
    log: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    folder: Path = HERE.parent
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            environ = {**os.environ, **self.environ}
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environ, cwd=self.folder)

    def stop(self) -> None:
        """Raises RuntimeError if it does not go, or not well."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise RuntimeError(f"{self.command}: did not stop; see {self.log}") from None
        self._process = None
        if code not in {0, -signal.SIGTERM}:
            raise RuntimeError(f"{self.command}: ended with {code}; see {self.log}")

    def cpu_seconds(self) -> float:
        """In user and system mode together, of all its threads."""
        after_name = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def memory(self) -> tuple[float, float]:
        """Resident now, and the most there was, in MB."""
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{self._pid}/status").read_text().splitlines() if ":" in line)
        now, most = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return now, most

    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def _pid(self) -> int:
        assert self._process is not None, "start it first"
        return self._process.pid

    async def first_answer(self, request: bytes) -> None:
        """Returns as soon as this request gets a 200. Raises RuntimeError if the process ends or the patience does."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not self.ended():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request)
                line = await reader.readline()
                writer.close()
                if b" 200 " in line:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.005)
        raise RuntimeError(f"{self.command}: gives no 200; see {self.log}")


@dataclass(slots=True)
class Crm:
    process: Process

    @classmethod
    def of(cls, folder: Path) -> Crm:
        port = free_port()
        return cls(Process([sys.executable, str(HERE / "crm.py"), str(port)], port, folder / "crm.log"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.process.port}"

    async def start(self) -> None:
        self.process.start()
        await self.process.first_answer(b"GET /figures HTTP/1.1\r\nHost: crm\r\nConnection: close\r\n\r\n")

    async def figures(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._ask, "/figures", None)

    async def forget(self) -> None:
        await asyncio.to_thread(self._ask, "/forget", b"")

    def _ask(self, path: str, body: bytes | None) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, data=body, timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    async def until(self, chats: int) -> float:
        """Wait for notes of so many chats; gives when the last came, by our monotonic clock. Raises RuntimeError."""
        before, quiet_since = -1, time.monotonic()
        while True:
            told = await self.figures()
            now = time.monotonic()
            if told["chats"] >= chats:
                return now - float(told["since_last_note"])
            if told["chats"] != before:
                before, quiet_since = told["chats"], now
            if now - quiet_since > PATIENCE:
                raise RuntimeError(f"{told['chats']} of {chats} chats have a note, and no more come")
            await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Contestant:
    """Somebody who takes deliveries at one address and brings them to the CRM."""

    name: str
    #: its store; kept between rounds where it holds a history
    store: Path
    checkout: Path = HERE.parent

    def process(self, crm: Crm, folder: Path) -> Process:
        port = free_port()
        log = folder / f"{self.name.replace(' ', '_')}.log"
        if self.name == FLOOR:
            return Process([sys.executable, str(HERE / "floor.py"), str(port), str(self.store), crm.url], port, log)
        config = folder / f"config-{port}.yaml"
        config.write_text(json.dumps(_config(self.store, port, crm.url)), encoding="utf-8")
        environ = {"BENCH_KEY": "k" * 40, "BENCH_SECRET": SECRET, "BENCH_TOKEN": "bench"}
        return Process([sys.executable, "-m", "bridge", "-c", str(config), "serve"], port, log, environ, self.checkout)


FLOOR = "floor"


def url_of(process: Process, contestant: Contestant) -> str:
    return f"http://127.0.0.1:{process.port}/hooks/shop/{'secret' if contestant.name == FLOOR else SECRET}"


def _config(store: Path, port: int, crm_url: str) -> dict[str, Any]:
    """As a business would have it, but for the CRM."""
    return {
        "store": f"sqlite:///{store}", "key": "${BENCH_KEY}", "timezone": "Europe/Moscow", "language": "en",
        "receive": {"host": "127.0.0.1", "port": str(port)}, "ops": {"host": "127.0.0.1", "port": str(free_port())},
        "sources": {"shop": {"provider": "jivo", "secret": "${BENCH_SECRET}", "region": "RU", "target": "crm"}},
        "targets": {"crm": {"crm": str(HERE / "plain.yaml"), "url": crm_url, "token": "${BENCH_TOKEN}", "mode": "write"}},
    }
