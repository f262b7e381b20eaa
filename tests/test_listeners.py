from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from way import ENVIRON

from bridge.bare import Handler
from bridge.config import load
from bridge.doorway import Doorway
from bridge.errors import ConfigError
from bridge.listeners import Doors


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


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    first = doors(tmp_path, [])
    await first.open()
    second = doors(tmp_path, [], ops={"host": "127.0.0.1", "port": str(first.ports()[1])})
    with pytest.raises(ConfigError, match=f"127.0.0.1:{first.ports()[1]}: cannot be listened on"):
        await second.open()
    await second.close()
    await first.close()
