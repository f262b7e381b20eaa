"""`chat2crm demo`."""

from __future__ import annotations

import asyncio
import os
from typing import Literal, cast

import click

from bridge.cli.printing import example


@click.command(epilog=example("chat2crm demo --lang ru", "chat2crm demo --once      ends by itself, with exit code 0 or 1"))
@click.option("--once", is_flag=True, help="Play it through, check what the CRM then holds, and end.")
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Of the screen and the notes. Default: as your system speaks.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the service's public listener. Default: a free one.")
def demo(*, once: bool, lang: str | None, port: int) -> int:
    """See it work: the real service as a process of its own, a sandbox CRM, and recorded chats in five scenes.

    A new client; a known one; the shop's own number; the same webhook again; the CRM off and the process killed. Needs no
    configuration and nothing outside this machine; leaves nothing behind.
    """
    from bridge import demo as play  # brings the web server, which --help does not need

    language = cast("Literal['en', 'ru']", lang or ("ru" if _system_language().startswith("ru") else "en"))
    return asyncio.run(play.run(language, port=port, once=once))


def _system_language() -> str:
    return next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
