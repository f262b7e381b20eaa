"""`chat2crm send`: a sample goes to the running service as the chat service would send it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import aiohttp
import click
from yarl import URL

from bridge.cli import FAILED
from bridge.cli.addresses import hook_path, local_base, source_named
from bridge.cli.beside import settings_of
from bridge.cli.printing import BAD, GOOD, example, mark
from bridge.cli.samples.recorded import find_sample, read_request
from bridge.cli.samples.signing import CannotBeMade, Outgoing, proved
from bridge.config import Settings

#: seconds; providers wait no longer than this either
PATIENCE = 30.0
FIRST_REFUSAL = 400


@click.command(epilog=example("chat2crm send shop chat_finished", "chat2crm send shop ./mine.json --url http://127.0.0.1:8080"))
@click.argument("source")
@click.argument("sample")
@click.option("--url", metavar="URL", help="Where the service listens, up to its port. Default: as the configuration says.")
@click.pass_obj
def send(config_path: Path, *, source: str, sample: str, url: str | None) -> int:
    """Post SAMPLE to the running service as the chat service of SOURCE would, with its secret or signature.

    SAMPLE is a sample of the provider's mapping, a .http file, or any other file: then its bytes are the body.
    """
    settings = settings_of(config_path)
    configured = source_named(settings, source)
    request = read_request(find_sample(configured, sample))
    base = (url or _local(settings)).rstrip("/")
    hook = hook_path(source)
    as_seen = (settings.receive.public_url or base).rstrip("/") + hook
    try:
        request = proved(request, configured, base_url=as_seen, now=datetime.now(UTC))
    except CannotBeMade as error:
        raise click.UsageError(error.message) from error
    return asyncio.run(_post(base + hook, request))


def _local(settings: Settings) -> str:
    if not settings.receive.port:
        raise click.UsageError("receive.port is 0, so the service chose a port itself: say it with --url http://127.0.0.1:PORT.")
    return local_base(settings)


async def _post(hook: str, request: Outgoing) -> int:
    address = hook + (f"/{quote(request.path_secret, safe='')}" if request.path_secret else "")
    address += f"?{request.query}" if request.query else ""
    began = time.perf_counter()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session,
            # encoded already: a signature may cover the address to the letter
            session.request(request.method, URL(address, encoded=True), data=request.body, headers=request.headers) as answer,
        ):
            body = await answer.text(errors="replace")
            ms = round((time.perf_counter() - began) * 1000)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        reason = str(error) or "no answer in time"
        mark(BAD, f"{hook}: {reason}. Is `chat2crm serve` running there? --url names another address.")
        return FAILED
    refused = answer.status >= FIRST_REFUSAL
    mark(BAD if refused else GOOD, f"{answer.status} {answer.reason} in {ms} ms")
    if answer.headers.get("Content-Type") and body:
        click.echo(f"  {answer.headers['Content-Type']}")
    if body:
        click.echo(f"  {body}")
    if refused:
        click.echo("  The service's log says why (delivery.refused).", err=True)
        return FAILED
    click.echo("  `chat2crm jobs` shows what becomes of it.", err=True)
    return 0
