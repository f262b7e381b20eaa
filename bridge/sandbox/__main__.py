"""`python -m bridge.sandbox`: the sandbox CRM as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import click

from bridge.errors import BridgeError
from bridge.sandbox.control import sow
from bridge.sandbox.entities import CLIENT
from bridge.sandbox.finding import find
from bridge.sandbox.refusals import Refusal
from bridge.sandbox.server import API_KEY, READ_KEY, start


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--db", default=":memory:", show_default=True, help="A file keeps the records over a restart.")
@click.option("--key", default=API_KEY, show_default=True, help="The API key that may do everything.")
@click.option("--read-key", default=READ_KEY, show_default=True, help="The API key that may only read.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SWITCH=JSON",
    help="A switch of docs/sandbox.md, such as index_lag=2 or drop_after_commit=0.05. Can be repeated.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file of clients to begin with, as for POST /_seed; left alone if there are clients.",
)
@click.option("--timezone", default="UTC", show_default=True, help="The time zone of the pages.")
@click.option("--print-url", is_flag=True, help="Print the URL, and nothing else.")
def main(*, faults: tuple[str, ...], seed: Path | None, print_url: bool, key: str, **options: Any) -> None:
    """Run the sandbox CRM until it is told to stop (Ctrl-C or SIGTERM)."""
    switches = dict(_switch(text) for text in faults)
    try:
        asyncio.run(_run(seed, print_url=print_url, api_key=key, switches=switches, **options))
    except (BridgeError, Refusal) as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"cannot listen on port {options['port']}: {error}; choose another --port") from error


def _switch(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not SWITCH=JSON, such as index_lag=2")
    try:
        return name, json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"the value of {name} is not JSON: {error}") from error


async def _run(seed: Path | None, *, print_url: bool, **options: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with start(**options) as crm:
        if seed is not None and not find(crm.parts.records, CLIENT, {}, limit=1):
            sow(crm.parts.records, _read_json(seed))
        told = f"Client cards: {crm.url}/\nAPI:          {crm.url}/api/v1 (X-Api-Key: {crm.api_key})"
        click.echo(crm.url if print_url else told)
        await stop.wait()


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}") from error


if __name__ == "__main__":
    main()
