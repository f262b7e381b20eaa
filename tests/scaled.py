"""Three real replicas over one real PostgreSQL, behind a balancer; what is between them can be cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psycopg
from balancer import Balancer, Cable, listening
from psycopg.rows import dict_row
from running import PATIENCE, SECRET, Crm, Service, eventually


@dataclass(slots=True)
class Scaled:
    #: of the database itself, past all cables
    url: str
    replicas: list[Service]
    #: each replica's way to the database
    cables: list[Cable]
    balancer: Balancer
    session: aiohttp.ClientSession
    #: how each post was answered; 0: not at all
    answers: dict[int, int] = field(default_factory=dict)

    async def start(self) -> None:
        await asyncio.gather(*(one.start() for one in self.replicas))

    async def stop(self) -> None:
        """In good order, all of them."""
        codes = await asyncio.gather(*(one.stop() for one in self.replicas))
        assert set(codes) == {0}, [(code, one.lines[-5:]) for code, one in zip(codes, self.replicas, strict=True)]

    async def post(self, event: Mapping[str, Any], *, source: str = "shop") -> int:
        """The answer's status; 0 if there was none."""
        data = json.dumps(event, ensure_ascii=False).encode()
        status = 0
        try:
            async with self.session.post(f"http://127.0.0.1:{self.balancer.port}/hooks/{source}/{SECRET}", data=data) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        self.answers[status] = self.answers.get(status, 0) + 1
        return status

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """What the store says."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5, row_factory=dict_row) as connection:
            return connection.execute(sql, values).fetchall()  # type: ignore[call-overload,no-any-return]

    def change(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql)  # type: ignore[call-overload]

    async def at_rest(self, *, patience: float = PATIENCE) -> None:
        """Until every delivery is read, and every job is over or waits for a person."""

        async def over() -> bool:
            [left] = self.rows(
                "SELECT (SELECT count(*) FROM deliveries WHERE state IN ('received', 'fetching')) + "
                "(SELECT count(*) FROM jobs WHERE state IN ('pending', 'running', 'retrying', 'waiting')) AS n"
            )
            return bool(left["n"] == 0)

        await eventually(over, "nothing is on its way any more", patience=patience)


@asynccontextmanager
async def scaled(
    folder: Path, crm: Crm, url: str, /, *, through: str = "", many: int = 3, directly: bool = False, **target: Any
) -> AsyncIterator[Scaled]:
    """Configured, not started. `through`: by which address the replicas come to the database; `directly`: without a cable that
    could be cut; `target`: what is other than usual of the one target.
    """
    async with AsyncExitStack() as stack:
        cables, replicas = [], []
        for number in range(many):
            store = through or url
            if not directly:
                parts = urlsplit(store)
                assert parts.hostname is not None
                cable = Cable((parts.hostname, parts.port or 5432))
                await stack.enter_async_context(listening(cable))
                cables.append(cable)
                store = parts._replace(netloc=f"{parts.username}@127.0.0.1:{cable.port}").geturl()
            home = folder / f"replica{number + 1}"
            home.mkdir()
            replica = Service(home, crm)
            replica.config = configured(store, crm, target)
            stack.push_async_callback(replica.close)
            replicas.append(replica)
        balancer = Balancer(replicas)
        await stack.enter_async_context(listening(balancer))
        # each post on a connection of its own, so that each goes to another replica
        connector = aiohttp.TCPConnector(force_close=True, limit=200)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
        )
        yield Scaled(url, replicas, cables, balancer, session)


def configured(store: str, crm: Crm, target: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "store": store, "key": "${C2C_KEY}", "timezone": "Europe/Moscow", "language": "ru",
        "receive": {"host": "127.0.0.1", "port": "0"}, "ops": {"host": "127.0.0.1", "port": "0"},
        "retry": {"first": "100ms", "longest": "1s"},
        "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales"}},
        "targets": {
            "sales": {
                "crm": "sandbox", "url": crm.url, "token": "${C2C_TOKEN}", "mode": "write", "timeout": "5s",
                "commits_within": "1s", "consistency_delay": "0s", **target,
            },
        },
    }  # fmt: skip
