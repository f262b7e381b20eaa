"""A real Firebird within the test's own process, and an endpoint before it that carries out what it is sent over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib.util
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ctypes.util import find_library
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

#: where Debian and its kin keep the engine
ENGINES = ("/usr/lib/*/firebird/*/plugins/libEngine*.so", "/opt/firebird/plugins/libEngine*.so")


def what_is_missing() -> str | None:
    """Why there is no Firebird here, with the remedy; None if there is one."""
    if importlib.util.find_spec("firebird") is None or importlib.util.find_spec("firebird.driver") is None:
        return "the driver firebird-driver is not installed: make setup"
    if find_library("fbclient") is None or not any(list(Path("/").glob(pattern[1:])) for pattern in ENGINES):
        return "no Firebird is installed: .ci/firebird as root, or apt-get install firebird3.0-server-core (4.0 on newer Debians)"
    return None


def _driver() -> Any:
    # before the library is loaded: what it shares between processes would lie in /tmp, and belong to who came first
    os.environ.setdefault("FIREBIRD_LOCK", tempfile.mkdtemp(prefix="fb"))
    from firebird import driver

    driver.driver_config.stream_blob_threshold.value = 10_000_000
    return driver


@dataclass
class Database:
    """One file. `query` is what the endpoint does with a statement: a connection of its own, committed at once."""

    path: Path
    _driver: Any = field(default_factory=_driver)

    @classmethod
    def made(cls, path: Path, schema: str, *, charset: str) -> Database:
        made = cls(path)
        made._driver.driver_config.db_defaults.db_charset.value = charset
        with made._driver.create_database(str(path), user="SYSDBA", charset="UTF8") as connection:
            for statement in schema.split(";"):
                if statement.strip():
                    connection.execute_immediate(statement)
                    connection.commit()
        return made

    def query(self, sql: str, params: list[Any] | None = None) -> Any:
        with self._driver.connect(str(self.path), user="SYSDBA", charset="UTF8") as connection:
            cursor = connection.cursor()
            cursor.execute(sql, params or [])
            names = [column[0].lower() for column in cursor.description or ()]
            rows = [dict(zip(names, map(_json, row), strict=True)) for row in (cursor.fetchall() if names else ())]
            single = cursor.statement.type is self._driver.types.StatementType.EXEC_PROCEDURE
            connection.commit()
        # RETURNING gives one row as an object, as the driver of the endpoint does
        return rows[0] if single and rows else rows

    def fits(self, sql: str) -> None:
        """Raises DatabaseError if the database does not understand it."""
        with self._driver.connect(str(self.path), user="SYSDBA", charset="UTF8") as connection:
            connection.cursor().prepare(sql).free()


def _json(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") + "Z" if isinstance(value, dt.datetime) else value


@dataclass
class Endpoint:
    """`POST /api/dbase/query` as the published endpoint answers it."""

    database: Database
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    #: beginnings of statements whose next answer is lost, after they were carried out
    swallow: list[str] = field(default_factory=list)

    def sent(self, beginning: str) -> int:
        return sum(body["sql"].startswith(beginning) for body in self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if body["client__db_path"] != str(self.database.path):
            return _failed("Database connection failed", 'I/O error during "open" operation')
        try:
            rows = await asyncio.to_thread(self.database.query, body["sql"], body.get("params"))
        except Exception as error:  # noqa: BLE001 - whatever the database says is the answer
            return _failed("Query execution failed", ", ".join(line.lstrip("-") for line in str(error).splitlines()))
        lost = next((beginning for beginning in self.swallow if body["sql"].startswith(beginning)), None)
        if lost is not None:
            self.swallow.remove(lost)
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(rows)


def _failed(error: str, details: str) -> web.Response:
    return web.json_response({"error": error, "details": details}, status=500)


@asynccontextmanager
async def endpoint_to(database: Database) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(database)
    app = web.Application(client_max_size=100 * 1024)  # as the endpoint's own limit
    app.router.add_post("/api/dbase/query", endpoint.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield endpoint
    finally:
        await runner.cleanup()
