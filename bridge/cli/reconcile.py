"""`chat2crm reconcile`: older chats out of a provider's own list, beside the running service."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import click

from bridge.cli import FAILED
from bridge.cli.beside import on_store
from bridge.cli.printing import BAD, GOOD, example, mark, progress
from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections.sources import load_sources
from bridge.errors import CrmError, EmptyExpression
from bridge.fetch import Pull, Remedy, Window, connect, sort_out
from bridge.fetch.failures import NotReady
from bridge.mapping.suggestions import nearest
from bridge.sort import Sorter
from bridge.store import Store

#: failures in a row after which it is left to a person to begin again
TRIES = 6


@click.command(epilog=example("chat2crm reconcile shop --since 2026-09-01"))
@click.argument("source", metavar="SOURCE")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), required=True, metavar="DATE",
    help="Chats that ended from then on, in the time zone of the source.",
)  # fmt: skip
@click.pass_obj
def reconcile(config_path: Path, *, source: str, since: datetime) -> int:
    """Import chats that ended since a day, out of the chat service's own list. They are written quietly: none of the CRM's
    robots wakes for them. What has come before is not written again.

    Broken off, the same command goes on where it was. The running service does the writing.
    """

    async def work(settings: Settings, store: Store) -> int:
        if source not in settings.sources:
            known = ", ".join(sorted(settings.sources)) or "none"
            raise click.UsageError(f"No source {source!r}{nearest(source, settings.sources)}; there are: {known}.")
        clock = Clock()
        begin = since.replace(tzinfo=settings.sources[source].zone).astimezone(UTC)
        if begin >= clock.now():
            raise click.UsageError(f"--since {since:%Y-%m-%d} is yet to come.")
        sources = load_sources(settings)
        if sources[source].mapping.reconcile is None:
            title = sources[source].mapping.title
            raise click.UsageError(f"{title} has no list that this could read: its mapping has no `reconcile`.")
        connection = connect({source: sources[source]}, clock)[source]
        try:
            if connection.lacks():
                raise click.UsageError(f"sources.{source}: `token` or `url` is missing; without it its list cannot be had.")
            sorter = Sorter(store, clock, settings, sources)
            pull = Pull(store=store, clock=clock, sorter=sorter, connection=connection, quiet=True)
            return await _import(pull, settings, begin)
        finally:
            await connection.close()

    return on_store(config_path, work)


async def _import(pull: Pull, settings: Settings, since: datetime) -> int:
    name = f"import:{pull.source}:{since.isoformat()}"
    known = await pull.store.position(name)
    window = Window.of(known.value) if known else Window(since, pull.clock.now())
    if known:
        click.echo("It was broken off, and goes on from there.", err=True)
    listed = new = failures = 0
    with progress("Chats listed", None) as advance:
        while not window.done:
            try:
                async for page in pull.pages(name, window):
                    listed, new, failures = listed + page.listed, new + page.new, 0
                    advance(page.listed)
            except (CrmError, EmptyExpression, NotReady) as error:
                failure, failures = sort_out(error), failures + 1
                if failure.remedy in {Remedy.PERSON, Remedy.REST} or failures >= TRIES:
                    mark(BAD, f"{failure.why}\nBroken off; what was listed is kept. The same command goes on from there.")
                    return FAILED
                chance = random.random()  # noqa: S311 - jitter, not a secret
                await pull.clock.sleep(failure.wait(failures, settings.retry, chance))
            after = await pull.store.position(name)
            window = Window.of(after.value) if after else window
    await pull.store.forget_position(name)
    mark(GOOD, f"{listed} chats listed, {new} of them had not come before. The service writes them: see `chat2crm jobs`.")
    return 0
