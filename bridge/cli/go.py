"""`chat2crm go`: a stopped target goes on."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.auditing import note
from bridge.cli.beside import on_store
from bridge.cli.choosing import in_words
from bridge.cli.printing import example
from bridge.config import Settings
from bridge.mapping.suggestions import nearest
from bridge.store import Store


@click.command(epilog=example("chat2crm go sales"))
@click.argument("target", metavar="TARGET")
@click.pass_obj
def go(config_path: Path, *, target: str) -> None:
    """Let a target go on that a ban, a refused key or the brake on new clients has stopped."""

    async def work(settings: Settings, store: Store) -> None:
        stops = await store.stops()
        known = {*settings.targets, *stops}
        if target not in known:
            raise click.UsageError(f"No target {target!r}{nearest(target, known)}; there are: {', '.join(sorted(known))}.")
        if target not in stops or not await store.go(target):
            click.echo(f"{target} is not stopped.")
            return
        await note(store, "released", [f"target {target}"])
        stop = stops[target]
        why = in_words("stopped", stop.reason) or stop.reason
        click.echo(" ".join(filter(None, (f"{target} goes on. It had been stopped: {why}.", stop.detail))))

    on_store(config_path, work)
