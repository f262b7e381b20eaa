"""The guard that keeps tests on this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp import web
from guard import WayOut

AWAY = "192.0.2.1"  # reserved for documentation: nobody is there


def with_socket(use: Callable[[socket.socket], object], **kind: int) -> object:
    with socket.socket(**kind) as open_one:
        return use(open_one)


@pytest.mark.parametrize("way", [
    lambda: socket.create_connection((AWAY, 80), timeout=1),
    lambda: socket.create_connection(("name.invalid", 80), timeout=1),
    lambda: with_socket(lambda open_one: open_one.connect_ex((AWAY, 80))),
    lambda: with_socket(lambda open_one: open_one.sendto(b"x", (AWAY, 53)), type=socket.SOCK_DGRAM),
    lambda: with_socket(lambda open_one: open_one.connect(("2001:db8::1", 80)), family=socket.AF_INET6),
    lambda: socket.getaddrinfo("name.invalid", 80),
    lambda: socket.gethostbyname("name.invalid"),
], ids=["address", "name", "connect_ex", "datagram", "ipv6", "look-up", "old look-up"])  # fmt: skip
def test_no_way_leads_out(no_way_out: list[str], way: Callable[[], object]) -> None:
    with pytest.raises(WayOut, match="may not leave this machine"):
        way()
    assert no_way_out
    no_way_out.clear()


async def test_no_client_gets_out(no_way_out: list[str]) -> None:
    async with aiohttp.ClientSession() as session, httpx.AsyncClient() as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://{AWAY}/")
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("http://name.invalid/")
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://{AWAY}/")
    with pytest.raises(OSError, match="leave this machine"):
        await asyncio.open_connection(AWAY, 80)
    assert len(no_way_out) >= 4
    no_way_out.clear()


def test_a_number_needs_no_name_server(no_way_out: list[str]) -> None:
    assert socket.getaddrinfo(AWAY, 80)[0][4][0] == AWAY
    assert no_way_out == []


async def test_this_machine_can_be_reached() -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            for host in ("127.0.0.1", "localhost"):
                assert await (await session.get(f"http://{host}:{port}/")).text() == "hello"
    finally:
        await runner.cleanup()


def test_a_test_that_swallowed_the_refusal_fails_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from guard import no_way_out\n")
    (tmp_path / "test_it.py").write_text(
        "import socket\n\ndef test_it():\n    try:\n        socket.create_connection(('192.0.2.1', 80), timeout=1)\n"
        "    except OSError:\n        pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "-c", "/dev/null", "."]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)}, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert "tried to leave this machine: connect(('192.0.2.1', 80))" in done.stdout
    assert "1 passed, 1 error" in done.stdout
    assert done.returncode == 1
