"""A real Caddy with the Caddyfile that is delivered, between the tests and the service."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from ports import free_port

ROOT = Path(__file__).parents[1]
CADDYFILE = ROOT / "deploy" / "Caddyfile"
#: how long it may take to listen, in seconds
PATIENCE = 30.0


def caddy() -> str:
    """The program. Where it cannot be had the test is skipped, and says so."""
    unpacked = ROOT / ".venv" / "caddy" / "usr" / "bin" / "caddy"
    found = shutil.which("caddy") or (str(unpacked) if unpacked.exists() else None)
    if found is None:
        pytest.skip("NOT TESTED: no Caddy is here; .ci/caddy install fetches Debian's")
    return found


def surroundings(folder: Path, *, domain: str, upstream: str) -> dict[str, str]:
    return {**os.environ, "DOMAIN": domain, "CHAT2CRM": upstream, "HOME": str(folder), "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder)}  # fmt: skip


@dataclass(slots=True)
class Proxy:
    port: int
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@asynccontextmanager
async def proxy_before(folder: Path, *upstreams: int) -> AsyncIterator[Proxy]:
    """deploy/Caddyfile at work, without a certificate, before whoever listens on these ports."""
    upstream = " ".join(f"127.0.0.1:{port}" for port in upstreams)
    made = Proxy(free_port(), folder / "caddy.log")
    with made.log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            caddy(), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile", stdout=out, stderr=out,
            env=surroundings(folder, domain=f"http://127.0.0.1:{made.port}", upstream=upstream),
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            until = asyncio.get_running_loop().time() + PATIENCE
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{made.port}/") as answer:
                        assert answer.status == 404, "nothing but webhooks is let through"
                        break
                assert process.returncode is None, made.said()
                assert asyncio.get_running_loop().time() < until, made.said()
                await asyncio.sleep(0.05)
        yield made
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
