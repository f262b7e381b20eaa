"""The sandbox as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from bridge.sandbox.__main__ import main

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge.sandbox", "--port", "0", "--print-url", *options, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert running.stdout
        url = (await asyncio.wait_for(running.stdout.readline(), 30)).decode().strip()
        assert url.startswith("http://127.0.0.1:"), url
        yield running, url
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def test_it_prints_its_url_and_leaves_in_order_when_told_to() -> None:
    async with process("--fault", "index_lag=2", "--fault", 'busy={"times": 1}') as (running, url):
        async with aiohttp.ClientSession() as session, session.get(f"{url}/_faults") as response:
            assert (await response.json())["switches"]["index_lag"] == 2
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), 20) == 0
        assert running.stdout
        assert await running.stdout.read() == b""


async def test_what_it_has_answered_survives_kill_9(tmp_path: Path) -> None:
    db, answered = str(tmp_path / "crm.db"), []
    async with process("--db", db) as (running, url), aiohttp.ClientSession(headers={"X-Api-Key": "sandbox-key"}) as session:

        async def write() -> None:
            for number in range(100_000):
                async with session.post(f"{url}/api/v1/clients", json={"name": f"Client {number}"}) as response:
                    answered.append((await response.json())["id"])
                if number == 50:
                    running.kill()

        with pytest.raises(aiohttp.ClientError):
            await write()
        await running.wait()
    assert len(answered) > 50
    async with process("--db", db) as (_, url), aiohttp.ClientSession(headers={"X-Api-Key": "sandbox-key"}) as session:
        for client_id in answered:
            async with session.get(f"{url}/api/v1/clients/{client_id}") as response:
                assert response.status == 200


async def test_a_seed_file_is_there_from_the_start(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps([{"name": "Anna"}]), encoding="utf-8")
    async with (
        process("--seed", str(seed)) as (_, url),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/clients/1") as response,
    ):
        assert "Anna" in await response.text()


async def test_a_seed_is_not_sown_twice(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps([{"name": "Anna"}]), encoding="utf-8")
    for _ in range(2):
        async with process("--seed", str(seed), "--db", str(tmp_path / "crm.db")) as (running, url):
            async with aiohttp.ClientSession() as session, session.get(f"{url}/_audit") as response:
                assert (await response.json())["clients"] == 1
            running.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(running.wait(), 20) == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--fault", "index_lag"], "is not SWITCH=JSON"),
        (["--fault", "index_lag=x"], "the value of index_lag is not JSON"),
        (["--fault", "lag=1"], "there is no switch 'lag'"),
        (["--db", "/nonexistent/crm.db"], "give --db a file"),
        (["--timezone", "Mars/Base"], "there is no time zone"),
        (["--host", "192.0.2.1"], "choose another --port"),
        (["--seed", "BROKEN"], "is not JSON"),
        (["--seed", "WRONG"], "no such field"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_remedy(options: list[str], says: str, tmp_path: Path) -> None:
    for name, text in (("BROKEN", "{"), ("WRONG", '[{"nam": 1}]')):
        (tmp_path / name).write_text(text, encoding="utf-8")
    filled = [str(tmp_path / option) if option in {"BROKEN", "WRONG"} else option for option in options]
    result = CliRunner().invoke(main, ["--port", "0", *filled])
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())


def test_the_manual_names_every_option() -> None:
    manual = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    assert [
        option for parameter in main.params for option in parameter.opts if option.startswith("--") and option not in manual
    ] == []
