"""The service as a real process, a real CRM for it to write to, and chats to send."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from forked import Forked, fork

from bridge.sandbox import API_KEY, make_app

SECRET = "s3cret-s3cret-s3cret-s3cret"
KEY = "k" * 40
#: how long a test waits for what must happen, in seconds; nothing is asserted about how fast it was
PATIENCE = 60.0

#: a test that has to hold whichever database the store is in
BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"])
#: the same; over PostgreSQL only in the long run, since others show the like of it in the short one
BOTH_IN_THE_LONG_RUN = pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=pytest.mark.torture)])
#: of a request to the CRM, its own number
NUMBER = web.RequestKey("number", int)
Hook = Callable[[web.Request, str], Awaitable[None] | None]


def environ() -> dict[str, str]:
    return {**os.environ, "C2C_KEY": KEY, "C2C_SECRET": SECRET, "C2C_TOKEN": API_KEY, "COVERAGE_PROCESS_START": ""}


@dataclass(slots=True)
class Crm:
    """The sandbox in this process, with a hook that sees each of the service's requests come and go."""

    url: str = ""
    db: Path | None = None
    hook: Hook | None = None
    requests: int = 0
    session: aiohttp.ClientSession | None = None

    async def ask(self, path: str, **query: str) -> Any:
        assert self.session is not None
        async with self.session.get(self.url + path, params=query, headers={"X-Api-Key": API_KEY}) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("/_audit")
        return found

    async def clients(self) -> list[dict[str, Any]]:
        found = await self.ask("/api/v1/clients", limit="200")
        items: list[dict[str, Any]] = found["items"]
        return items

    async def notes(self, client_id: str) -> list[dict[str, Any]]:
        found = await self.ask(f"/api/v1/clients/{client_id}/notes", limit="200")
        items: list[dict[str, Any]] = found["items"]
        return items

    async def faults(self, **switches: Any) -> None:
        assert self.session is not None
        async with self.session.put(self.url + "/_faults", json=switches) as answer:
            assert answer.status == 200, await answer.text()

    async def seed(self, *clients: Mapping[str, Any]) -> list[str]:
        assert self.session is not None
        async with self.session.post(self.url + "/_seed", json={"clients": list(clients)}) as answer:
            assert answer.status in {200, 201}, await answer.text()
            found = await answer.json()
        return [str(one) for one in found["clients"]]

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """What its own database says."""
        assert self.db is not None
        return asked(self.db, sql, *values)

    def watch(self) -> Any:
        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            counted = request.path.startswith("/api/v1") and request.headers.get("User-Agent") == "chat2crm"
            if not counted:
                response: web.StreamResponse = await handler(request)
                return response
            self.requests += 1
            # its own number: a request that took too long ends when later ones have come already
            request[NUMBER] = self.requests
            await self._call(request, "before")
            response = await handler(request)
            await self._call(request, "after")
            return response

        return watch

    async def _call(self, request: web.Request, moment: str) -> None:
        if self.hook is not None:
            waiting = self.hook(request, moment)
            if waiting is not None:
                await waiting


@asynccontextmanager
async def crm_at(db: Path) -> AsyncIterator[Crm]:
    """A sandbox in this process, on a port of its own, with its records in that file."""
    made = Crm(db=db)
    app = make_app(db=db)
    app.middlewares.insert(0, made.watch())
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession() as session:
            made.session = session
            yield made
    finally:
        await runner.cleanup()


def asked(path: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a database that another process may have open."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql, values)]


def in_database(url: str, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a database of PostgreSQL; marks of values are `?`."""
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(url, autocommit=True, connect_timeout=5, row_factory=dict_row) as connection:
        return connection.execute(sql.replace("?", "%s"), values).fetchall()  # type: ignore[call-overload,no-any-return]


def lapse(url: str) -> None:
    """Once the server has let go of every connection of the service: its leases and locks are over."""
    import psycopg

    until = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        while connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'chat2crm'"
        ).fetchone():
            assert time.monotonic() < until, "a process that was killed still has its connections"
            time.sleep(0.01)
        connection.execute("UPDATE jobs SET lease_until = 0 WHERE state = 'running'")
        connection.execute("UPDATE locks SET until = 0")


@dataclass(slots=True)
class Service:
    """`chat2crm serve` as a process of its own, that can be killed and started again on the same store."""

    folder: Path
    crm: Crm
    config: dict[str, Any] = field(default_factory=dict)
    #: of the store, where that is in PostgreSQL: an address that the test may use as well
    database: str = ""
    #: a command that starts the service's
    wrapper: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | Forked | None = None
    port: int = 0
    ops_port: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    _reading: asyncio.Task[None] | None = None
    _session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        (self.folder / "config.yaml").write_text(json.dumps(self.config, ensure_ascii=False), encoding="utf-8")
        arguments = ("-c", str(self.folder / "config.yaml"), "serve")
        if self.wrapper:
            self.process = await asyncio.create_subprocess_exec(
                *self.wrapper, sys.executable, "-m", "bridge", *arguments,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environ(),
            )  # fmt: skip
        else:
            self.process = await fork(*arguments, environ=environ())
        started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self.process, started))
        line = await asyncio.wait_for(started, PATIENCE)
        self.port, self.ops_port = line["port"], line["ops_port"]
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))

    async def _read(self, process: asyncio.subprocess.Process | Forked, started: asyncio.Future[dict[str, Any]]) -> None:
        assert process.stdout is not None
        told: list[str] = []
        async for raw in process.stdout:
            text = raw.decode()
            told.append(text)
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                self.lines.append(line)
                if line.get("event") == "service.started" and not started.done():
                    started.set_result(line)
        if not started.done():
            started.set_exception(AssertionError("the service did not start:\n" + "".join(told)))

    def kill(self) -> None:
        """As the kernel would: nothing is put away."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)

    async def killed(self) -> None:
        assert self.process is not None
        self.kill()
        await self.died()

    async def died(self) -> None:
        """Once it is gone. What it had in hand is free as if its leases were over: there is no other replica whose it could be,
        and a test need not wait a minute for that.
        """
        assert self.process is not None
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        if self._reading is not None:
            await self._reading
        if self.database:
            await asyncio.to_thread(lapse, self.database)

    async def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        if self._reading is not None:
            await self._reading
        return code

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.killed()
        if self._session is not None:
            await self._session.close()

    async def post(self, event: Mapping[str, Any] | bytes, *, source: str = "shop", secret: str = SECRET) -> tuple[int, str]:
        """Status and body; 0 if there was no answer."""
        assert self._session is not None
        data = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
        try:
            async with self._session.post(f"http://127.0.0.1:{self.port}/hooks/{source}/{secret}", data=data) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError):
            return 0, ""

    @property
    def store(self) -> Path:
        return self.folder / "chat2crm.db"

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """What its store says."""
        return in_database(self.database, sql, *values) if self.database else asked(self.store, sql, *values)

    async def at_rest(self, *, patience: float | None = None) -> None:
        """Until every delivery is read, and every job is over or waits for a person."""

        async def over() -> bool:
            left = self.rows(
                "SELECT (SELECT count(*) FROM deliveries WHERE state IN ('received', 'fetching')) + "
                "(SELECT count(*) FROM jobs WHERE state IN ('pending', 'running', 'retrying', 'waiting')) AS n"
            )
            return bool(left[0]["n"] == 0)

        def why_not() -> str:
            states = self.rows(
                "SELECT 'delivery' AS what, state, '' AS reason, count(*) AS n, min(id) AS first FROM deliveries GROUP BY state "
                "UNION ALL SELECT 'job', state, reason, count(*), min(id) FROM jobs GROUP BY state, reason"
            )
            return "\n".join(map(str, [*states, *self.lines[-30:]]))

        await eventually(over, "nothing is on its way any more", patience=patience or PATIENCE, told=why_not)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") == name]


_numbers = itertools.count(1)


def finished(
    number: int | None = None, *, phone: str | None = None, text: str | None = None, chat_id: int | None = None,
    extra: tuple[str, ...] = (), name: str | None = "Иван Тестов", missed: bool = False, **visitor: Any,
) -> dict[str, Any]:
    """A finished chat of one provider, as it is really posted. The phone stands in what the visitor wrote; `missed`: nobody
    answered.
    """
    number = number if number is not None else next(_numbers)
    phone = phone if phone is not None else f"+7916{number:07d}"
    at = int(time.time()) + 1
    said = [text if text is not None else f"Здравствуйте, есть доставка? Мой номер {phone}", *extra]
    messages: list[dict[str, Any]] = [
        {"message": line, "timestamp": at + 10 * place, "type": "visitor"} for place, line in enumerate(said)
    ]
    reply = "Добрый день! Перезвоните нам: +7 495 000-11-22"
    if not missed:
        messages.insert(1, {"message": reply, "timestamp": at + 5, "type": "agent", "agent_id": 3599})
    return {
        "event_name": "chat_finished", "widget_id": "3948", "chat_id": chat_id if chat_id is not None else number,
        "visitor": {"name": name, "number": f"v{number}", **visitor},
        "agents": [{"id": "3599", "name": "Оператор Тестовый", "email": "agent@shop.example", "phone": "+74950001122"}],
        "page": {"url": "https://shop.example/catalog/1", "title": "Товар"},
        "session": {"geoip": {"country_code": "RU"}},
        "chat": {"messages": messages, "blacklisted": False, "rate": "positive"},
    }  # fmt: skip


async def eventually(
    holds: Callable[[], Awaitable[bool]], what: str, *, patience: float = PATIENCE, told: Callable[[], str] = str
) -> None:
    """Ask again and again until it holds; where it never does, `told` says how things stand instead."""
    until = time.monotonic() + patience
    while not await holds():
        if time.monotonic() > until:
            pytest.fail(f"after {patience:g} s still not: {what}\n{told()}")
        await asyncio.sleep(0.05)
