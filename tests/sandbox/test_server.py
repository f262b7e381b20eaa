from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest

from bridge.errors import ConfigError
from bridge.sandbox import Switches, make_app, start


async def test_a_sandbox_runs_inside_a_program_with_its_own_keys_and_switches(tmp_path: Path) -> None:
    async with start(db=tmp_path / "crm.db", api_key="k", read_key="r", switches={"refuse_duplicates": True}) as crm:
        async with aiohttp.ClientSession(headers={"X-Api-Key": "k"}) as session, session.get(f"{crm.url}/api/v1/me") as response:
            assert await response.json() == {"may": "write"}
        assert crm.parts.faults.switches == Switches(refuse_duplicates=True)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(crm.url.rsplit(":", 1)[1]))) != 0


async def test_a_file_outlives_the_sandbox(tmp_path: Path) -> None:
    for expected in ("1", "2"):
        async with (
            start(db=tmp_path / "crm.db") as crm,
            aiohttp.ClientSession(headers={"X-Api-Key": crm.api_key}) as session,
            session.post(f"{crm.url}/api/v1/clients", json={"name": "A"}) as response,
        ):
            assert (await response.json())["id"] == expected


def test_wrong_switches_are_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigError, match="there is no switch 'dwon'"):
        make_app(switches={"dwon": True})
