"""`chat2crm prune`: empty what retention does not keep, now."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import click

from bridge import config
from bridge.clock import Clock
from bridge.store import Keep, open_store

SLICE = 500


@click.command()
@click.pass_obj
def prune(config_path: Path) -> None:
    """Empty what `retention:` does not keep. The service does so by itself every hour; this does it now, beside it."""
    settings = config.load(config_path, os.environ)

    async def run() -> int:
        clock = Clock()
        store = open_store(settings.store, clock=clock, service=False)
        await store.open()
        now, keep = time.time(), settings.retention
        limits = Keep(raw_since=now - keep.raw, chats_since=now - keep.chats, keys_since=now - keep.keys)
        rows = 0
        try:
            while done := await store.prune(limits, SLICE):
                rows += done
        finally:
            await store.close()
        return rows

    click.echo(f"{asyncio.run(run())} row(s) emptied or deleted.")
