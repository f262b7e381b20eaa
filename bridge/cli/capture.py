"""`chat2crm capture`: what a chat service really sends, kept as masked samples."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bridge import parse
from bridge.cli import FAILED
from bridge.cli.addresses import source_named
from bridge.cli.auditing import note
from bridge.cli.beside import settings_of, store_beside
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, example, mark
from bridge.cli.samples.listening import listen
from bridge.cli.samples.recorded import samples_of
from bridge.cli.samples.sampling import Sampler
from bridge.config import Settings
from bridge.connections.sources import Source
from bridge.errors import NotUnderstood
from bridge.model import Delivery

#: seconds between two looks for new deliveries
LOOK_EVERY = 0.3


@click.command(epilog=example("chat2crm capture shop --count 5", "chat2crm capture shop --listen 8089 --out ./samples"))
@click.argument("source")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many deliveries to keep.")
@click.option("--out", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where to. Default: beside the source's mapping, if that is one of your own.")  # fmt: skip
@click.option("--listen", "port", type=click.IntRange(0, 65535), metavar="PORT",
              help="Listen here instead of looking into the running service's store; 0 takes a free port.")  # fmt: skip
@click.option("--last", is_flag=True, help="Take the newest ones that are there already, instead of waiting.")
@click.pass_obj
def capture(config_path: Path, *, source: str, count: int, folder: Path | None, port: int | None, last: bool) -> int:
    """Keep the next deliveries of SOURCE as samples: NAME.http with what it becomes in NAME.expected.json.

    Phones, e-mails, names and addresses are replaced by made-up ones of the same form, the same by the same; secrets are taken
    out. What no rule knows may be left, so read each file before you show it to anybody.
    """
    if last and port is not None:
        raise click.UsageError("--last takes what the running service has stored; --listen waits for what comes here.")
    settings = settings_of(config_path)
    configured = source_named(settings, source)
    sampler = Sampler(configured, folder or _own_folder(settings, configured))
    return asyncio.run(_capture(settings, configured, sampler, count, port, last=last))


def _own_folder(settings: Settings, source: Source) -> Path:
    beside = samples_of(source)
    if any(beside.absolute().is_relative_to(folder) for folder in settings.mapping_folders):
        return beside
    return Path("captured") / source.name


async def _capture(
    settings: Settings, source: Source, sampler: Sampler, count: int, port: int | None, *, last: bool
) -> int:
    kept = 0
    coming = _stored(settings, source.name, count, last=last) if port is None else _listened(settings, source, port)
    async with contextlib.aclosing(coming) as deliveries:
        async for delivery in deliveries:
            try:
                path = sampler.keep(delivery)
            except NotUnderstood as error:
                mark(BAD, f"a delivery of {len(delivery.body)} bytes is not kept: {error.message}", indent=2)
            else:
                mark(GOOD, str(path), indent=2)
                kept += 1
            if kept >= count:
                break
    if kept:
        mark(DOUBTFUL, "Read each file before you show it: an address or an order number is masked by nobody.")
        click.echo(f"  then: chat2crm check {source.mapping.origin}")
    return 0 if kept >= count else FAILED


async def _stored(settings: Settings, source: str, count: int, *, last: bool) -> AsyncGenerator[Delivery, None]:
    """Deliveries of the running service: the newest that are there, or those that come from now on."""
    async with store_beside(settings) as store:
        reading = store.reading()
        await note(store, "raw_viewed", [f"deliveries of {source}"], "captured as samples")
        newest = await reading.deliveries(source=source, limit=count if last else 1)
        if last:
            for row in reversed(newest):
                yield _delivery(await reading.delivery(row["id"]))
            return
        seen = newest[0]["id"] if newest else 0
        click.echo(f"Waiting for deliveries of {source} (Ctrl-C ends) …", err=True)
        while True:
            rows = await reading.deliveries(source=source, limit=100)
            for row in sorted((row for row in rows if row["id"] > seen), key=lambda row: row["id"]):
                seen = row["id"]
                yield _delivery(await reading.delivery(row["id"]))
            await asyncio.sleep(LOOK_EVERY)


def _delivery(row: dict[str, Any] | None) -> Delivery:
    if row is None or not row["body"]:
        raise click.UsageError("This delivery's bytes are gone: `retention.raw` says how long they are kept.")
    return Delivery(
        id=row["id"], source=row["source"], dedupe_key=row["dedupe_key"], query=row["query"], body=bytes(row["body"]),
        received_at=datetime.fromtimestamp(row["received_at"], UTC), method=row["method"], headers=json.loads(row["headers"]),
    )  # fmt: skip


async def _listened(settings: Settings, source: Source, port: int) -> AsyncGenerator[Delivery, None]:
    """Deliveries that come to a listener of our own; each is answered as the mapping says."""
    async with listen(source, settings.receive.host, port, settings.receive.max_body) as listener:
        click.echo(f"Listening on port {listener.port} under /hooks/{source.name} (Ctrl-C ends) …", err=True)
        while True:
            delivery = await listener.came.get()
            yield delivery.model_copy(update={"headers": parse.kept_headers(delivery.headers, source.mapping)})
