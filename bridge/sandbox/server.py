"""Puts the sandbox together, and runs it inside another program: `async with start() as crm: crm.url`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from bridge.clock import Clock
from bridge.errors import ConfigError
from bridge.sandbox.api import Api
from bridge.sandbox.control import Control
from bridge.sandbox.face import Face, MakeFace
from bridge.sandbox.faults import Faults
from bridge.sandbox.gate import Gate, Traffic
from bridge.sandbox.pages import Pages, zone_called
from bridge.sandbox.records import Records
from bridge.sandbox.refusals import BadRequest
from bridge.sandbox.switches import Switches, read_switches

API_KEY = "sandbox-key"
READ_KEY = "sandbox-read-key"
LARGEST_BODY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """What a program that runs the sandbox in its own process can reach into."""

    records: Records
    faults: Faults
    traffic: Traffic
    face: Face


PARTS = web.AppKey("parts", Parts)


@dataclass(frozen=True, slots=True)
class Running:
    url: str
    parts: Parts
    api_key: str = API_KEY


def make_app(
    *,
    db: str | Path = ":memory:",
    api_key: str = API_KEY,
    read_key: str = READ_KEY,
    switches: Switches | Mapping[str, Any] | None = None,
    timezone: str = "UTC",
    face: MakeFace | None = None,
    clock: Clock | None = None,
) -> web.Application:
    """Make the application. `switches` as in `PUT /_faults`; `timezone` is that of the pages; `face` stands in for the API, and
    keys are its business then; `clock` is what times are taken from.

    Raises ConfigError for switches or a time zone that do not exist, StoreError for a database that cannot be used.
    """
    try:
        given = switches if isinstance(switches, Switches) else read_switches(switches or {})
    except BadRequest as error:
        raise ConfigError(str(error)) from error
    zone = zone_called(timezone)
    clock = clock or Clock()
    faults = Faults(given, clock=clock.monotonic)
    records = Records(db, clock=clock.time)
    shown = face(records, faults) if face is not None else Api(records, faults, api_key=api_key, read_key=read_key)
    parts = Parts(records, faults, Traffic(clock.monotonic), shown)
    pages = Pages(records, zone)
    app = web.Application(client_max_size=LARGEST_BODY)
    app[PARTS] = parts
    # these first: a face may take every other address
    Control(records, faults, parts.traffic).add_to(app.router)
    pages.add_to(app.router)
    gate = Gate(faults, parts.traffic, shown.refuse)
    for method, path, operation, kind, work in shown.routes():
        app.router.add_route(method, path, gate.guard(operation, kind, work))

    async def close(_: web.Application) -> None:
        records.close()

    app.on_cleanup.append(close)
    return app


@asynccontextmanager
async def start(*, host: str = "127.0.0.1", port: int = 0, api_key: str = API_KEY, **options: Any) -> AsyncIterator[Running]:
    """Run a sandbox until the block is left. Port 0 takes a free one; other options are those of `make_app`.

    Raises OSError if the port is taken.
    """
    app = make_app(api_key=api_key, **options)
    # A client that gives up does not undo what it asked for: aiohttp lets handlers finish unless told otherwise.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        yield Running(f"http://{shown}:{bound}", app[PARTS], api_key)
    finally:
        await runner.cleanup()
