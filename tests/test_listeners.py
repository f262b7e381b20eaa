from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from way import ENVIRON

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

    def application(name: str, *middlewares: Any) -> web.Application:
        made.append(name)
        app = web.Application(middlewares=middlewares)

        async def said(_: web.Request) -> web.Response:
            return web.Response(text=name)

        app.router.add_get("/", said)
        return app

    def public(doorway: Doorway) -> web.Application:
        return application("public", doorway.middleware)

    return Doors(load(folder / "config.yaml", ENVIRON), public, lambda: application("pages"))


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
