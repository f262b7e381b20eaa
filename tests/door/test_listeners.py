from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from way import ENVIRON

from bridge.config import load
from bridge.door.bare import Handler
from bridge.door.doorway import Doorway
from bridge.door.listeners import Doors, no_address_of_ours
from bridge.errors import ConfigError


def doors(folder: Path, made: list[str], **top: Any) -> Doors:
    config = {
        "store": f"sqlite:///{folder}/chat2crm.db", "key": "${C2C_KEY}", "receive": {"host": "127.0.0.1", "port": "0"},
        "ops": {"host": "127.0.0.1", "port": "0"}, "sources": {}, "targets": {}, **top,
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")

    async def said(_: web.BaseRequest) -> web.Response:
        return web.Response(text="public")

    def public(doorway: Doorway) -> Handler:
        made.append("public")
        return partial(doorway.in_turn, handler=said)

    def pages() -> web.Application:
        made.append("pages")
        app = web.Application()

        async def page(_: web.Request) -> web.Response:
            return web.Response(text="pages")

        app.router.add_get("/", page)
        return app

    return Doors(load(folder / "config.yaml", ENVIRON), public, pages)


async def asked(port: int) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
        return await answer.text()


async def test_the_public_door_opens_first_and_closes_first(tmp_path: Path) -> None:
    made: list[str] = []
    both = doors(tmp_path, made)
    await both.open_public()
    assert (both.ports()[0] > 0, both.ports()[1]) == (True, 0)
    await both.open()
    public, pages = both.ports()
    assert (await asked(public), await asked(pages)) == ("public", "pages")
    await both.close_public()
    with pytest.raises(aiohttp.ClientConnectorError):
        await asked(public)
    assert await asked(pages) == "pages"
    await both.close()
    assert both.ports() == (0, 0)
    with pytest.raises(aiohttp.ClientConnectorError):
        await asked(pages)


async def test_a_door_that_is_open_is_not_opened_again(tmp_path: Path) -> None:
    made: list[str] = []
    both = doors(tmp_path, made)
    await both.open()
    ports = both.ports()
    await both.open()
    assert (both.ports(), made) == (ports, ["public", "pages"])
    await both.close()
    await both.close()


async def test_a_host_that_is_not_ours_is_not_called_a_port_that_is_taken(tmp_path: Path) -> None:
    host = "192.0.2.7"
    both = doors(tmp_path, [], receive={"host": host, "port": "0"})
    with pytest.raises(ConfigError, match=f"{host}:0: cannot be listened on: .*Is `host` an address of this machine") as caught:
        await both.open()
    assert "taken" not in caught.value.message
    await both.close()
    assert "Is `host` an address of this machine" in (no_address_of_ours(host) or "")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", ""])
def test_a_host_of_ours_is_one(host: str) -> None:
    assert no_address_of_ours(host) is None


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    first = doors(tmp_path, [])
    await first.open()
    second = doors(tmp_path, [], ops={"host": "127.0.0.1", "port": str(first.ports()[1])})
    with pytest.raises(ConfigError, match=f"127.0.0.1:{first.ports()[1]}: cannot be listened on"):
        await second.open()
    await second.close()
    await first.close()
