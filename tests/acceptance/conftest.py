from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from running import Crm, Service, crm_at


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Crm]:
    async with crm_at(tmp_path / "sandbox.db") as made:
        yield made


@pytest.fixture
def engine() -> str:
    """Where the store is, unless a test is run over both (see running.BOTH)."""
    return "sqlite"


@pytest.fixture
async def service(tmp_path: Path, crm: Crm, engine: str, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """Configured, not started. What it takes the sandbox to commit and to show is short, so that settling is."""
    made = Service(tmp_path, crm, database=request.getfixturevalue("postgres_url") if engine == "postgres" else "")
    made.config = {
        "store": made.database or f"sqlite:///{tmp_path}/chat2crm.db",
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
