"""`chat2crm serve`: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from bridge import log
from bridge.app import Service, obey_signals
from bridge.connections import sites


@click.command()
@click.option("--drop", is_flag=True,
              help="Start although a source or target with chats on their way is gone: they are held, whole and listed.")
@click.pass_obj
def serve(config_path: Path, *, drop: bool) -> None:
    """Receive chats and write them into the CRM, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again; a bad one leaves the old one running.
    """
    log.set_up()
    settings = sites.load(config_path, os.environ)

    async def run() -> None:
        service = Service(settings, drop=drop)
        obey_signals(service)
        await service.run()

    asyncio.run(run())
