"""`chat2crm serve`: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from bridge import config, log
from bridge.app import Service, obey_signals


@click.command()
@click.pass_obj
def serve(config_path: Path) -> None:
    """Receive chats and write them into the CRM, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again; a bad one leaves the old one running.
    """
    log.set_up()
    settings = config.load(config_path, os.environ)

    async def run() -> None:
        service = Service(settings)
        obey_signals(service)
        await service.run()

    asyncio.run(run())
