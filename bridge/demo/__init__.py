"""The product at work in a minute: the real service as a process of its own, a sandbox CRM, and recorded chats in five scenes.

Everything lies in a temporary folder, and nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import tempfile
from collections.abc import Awaitable
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import click

from bridge.demo.play import Play
from bridge.demo.service import DemoFailed, Service
from bridge.demo.words import Language
from bridge.sandbox import Running, start
from bridge.sandbox.control import sow

__all__ = ["DemoFailed", "Language", "run"]


async def run(language: Language, *, port: int = 0, once: bool = False) -> int:
    """Play all scenes. `once`: end then; else stay up until SIGINT or SIGTERM. Gives the exit code; raises DemoFailed."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="chat2crm-demo-") as folder:
        async with start(timezone="Europe/Moscow") as crm, aiohttp.ClientSession() as session:
            material = json.loads(files("bridge").joinpath("demo", "chats.json").read_text(encoding="utf-8"))
            sow(crm.parts.records, material["cards"])
            hooks_secret, password = secrets.token_hex(20), secrets.token_urlsafe(9)
            environ = {"DEMO_KEY": secrets.token_hex(32), "DEMO_SECRET": hooks_secret, "DEMO_PASSWORD": password,
                       "DEMO_TOKEN": crm.api_key}  # fmt: skip
            service = Service(Path(folder), _config(folder, crm, language, port), environ)
            play = Play(language, crm, service, session, hooks_secret, material["chats"])
            try:
                return await _played(play, password, stop, once=once)
            finally:
                await service.end(signal.SIGTERM)


async def _played(play: Play, password: str, stop: asyncio.Event, *, once: bool) -> int:
    click.echo(click.style(play.say("begin"), bold=True))
    await play.service.start()
    click.echo(play.say("started", pid=play.service.pid))
    if await _interrupted(play.act(), stop):
        return 130
    if play.wrong:
        click.echo("\n".join([play.say("wrong"), *(f"  {text}" for text in dict.fromkeys(play.wrong))]), err=True)
    if not once:
        click.echo()
        click.echo(play.say("cards", url=play.crm.url))
        click.echo(play.say("ops", url=play.service.url("ops"), password=password))
        click.echo(play.say("stay"))
        await stop.wait()
    return 1 if play.wrong else 0


async def _interrupted(work: Awaitable[None], stop: asyncio.Event) -> bool:
    """Do it, unless somebody wants to stop first. Raises what the work raises."""
    playing, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
        return True
    playing.result()
    return False


def _config(folder: str, crm: Running, language: Language, port: int) -> dict[str, Any]:
    source = {"provider": "generic", "secret": "${DEMO_SECRET}", "target": "sandbox"}
    return {
        "store": f"sqlite:///{folder}/chat2crm.db",
        "key": "${DEMO_KEY}",
        "language": language,
        "receive": {"host": "127.0.0.1", "port": str(port)},
        "ops": {"host": "127.0.0.1", "port": "0", "password": "${DEMO_PASSWORD}"},
        "retry": {"first": "500ms", "longest": "2s"},
        "sources": {
            "magazin": {**source, "region": "RU", "timezone": "Europe/Moscow"},
            "shop": {**source, "region": "US", "timezone": "America/New_York"},
        },
        "targets": {
            "sandbox": {
                "crm": "sandbox", "url": crm.url, "token": "${DEMO_TOKEN}", "mode": "write", "timeout": "5s",
                # the sandbox has done what it was asked, or never will, by the time a connection breaks
                "commits_within": "1s", "consistency_delay": "0s",
            },
        },
    }  # fmt: skip
