from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from running import Crm, Service

from bridge.sandbox import make_app


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Crm]:
    made = Crm()
    app = make_app(db=tmp_path / "sandbox.db")
    app.middlewares.insert(0, made.watch())
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        made.session = session
        yield made
    await runner.cleanup()


@pytest.fixture
async def service(tmp_path: Path, crm: Crm) -> AsyncIterator[Service]:
    """Configured, not started. What it takes the sandbox to commit and to show is short, so that settling is."""
    made = Service(tmp_path, crm)
    made.config = {
        "store": f"sqlite:///{tmp_path}/chat2crm.db",
        "key": "${C2C_KEY}",
        "timezone": "Europe/Moscow",
        "language": "ru",
        "receive": {"host": "127.0.0.1", "port": "0"},
        "ops": {"host": "127.0.0.1", "port": "0"},
        "retry": {"first": "100ms", "longest": "1s"},
        "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales"}},
        "targets": {
            "sales": {
                "crm": "sandbox", "url": crm.url, "token": "${C2C_TOKEN}", "mode": "write", "timeout": "5s",
                "commits_within": "1s", "consistency_delay": "0s",
            },
        },
    }  # fmt: skip
    yield made
    await made.close()
