"""`chat2crm diff`: what another version of a mapping would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from bridge.cli.beside import on_store
from bridge.cli.printing import example, heading, print_json
from bridge.config import Settings
from bridge.connections.sources import Source, load_sources
from bridge.errors import MappingError
from bridge.mapping.load import Loaded, load
from bridge.report.mappings.comparing import LAST, Compared, compared
from bridge.store import Store


@click.command(epilog=example("chat2crm diff generic ./mappings/mine.yaml", "chat2crm diff sandbox my_sandbox --json"))
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--source", metavar="NAME", help="Whose deliveries are read; default: of every source that uses OLD.")
@click.option("--last", type=click.IntRange(1, 100_000), default=LAST, show_default=True, help="How many of each source.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def diff(config_path: Path, *, old: str, new: str, source: str | None, last: int, as_json: bool) -> None:
    """Read the last deliveries with two versions of a mapping and show what would change.

    OLD and NEW are names or files. Nothing is written, and no CRM is asked; of two CRM mappings the keys are compared.
    """

    async def work(settings: Settings, store: Store) -> Compared:
        before, after = _loaded(settings, old, new)
        return await compared(store.reading(), before, after, _sources(settings, before, old, source), last)

    found = on_store(config_path, work)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _loaded(settings: Settings, old: str, new: str) -> tuple[Loaded, Loaded]:
    """Both, of one kind. Raises MappingError, with the words of the kind that came nearest."""
    search = settings.mapping_folders
    try:
        before = load("provider", old, search=search)
    except MappingError:
        before = load("crm", old, search=search)
    return before, load(before.kind, new, search=search)


def _sources(settings: Settings, before: Loaded, old: str, only: str | None) -> Sequence[Source]:
    if before.kind != "provider":
        return ()
    known = load_sources(settings)
    if only is not None:
        if only not in known:
            raise click.UsageError(f"No source {only!r}; there are: {', '.join(sorted(known)) or 'none'}.")
        return (known[only],)
    return [one for one in known.values() if one.settings.provider in {old, before.path.stem}]


def _print(found: Compared) -> None:
    for one in found.changed:
        heading(f"Delivery {one.delivery} of {one.source}")
        for difference in one.differences:
            click.echo(f"  {difference.path}\n    was     {difference.expected}\n    becomes {difference.actual}")
    if found.keys:
        heading("Keys")
    for change in found.keys:
        click.echo(f"  {change.key}")
        for label, value in (("was", change.was), ("becomes", change.becomes)):
            if value is not None:
                click.echo(f"    {label:<7} {value}")
    click.echo(f"{len(found.changed)} of {found.read} deliveries would be read otherwise.")
