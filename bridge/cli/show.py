"""`chat2crm show JOB`: the whole trace of one job."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path

import click

from bridge.cli.beside import on_store
from bridge.cli.choosing import require
from bridge.cli.printing import example, heading, print_json
from bridge.config import Settings
from bridge.connections.sources import load_sources
from bridge.errors import ConfigError
from bridge.report.trace.sheet import sheet
from bridge.report.trace.telling import Told, shared, told
from bridge.store import Store


@click.command(epilog=example("chat2crm show 4711", "chat2crm show 4711 --share > job.txt      fit for a public issue"))
@click.argument("job_id", type=int, metavar="JOB")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--share", is_flag=True, help="Mask everybody's data: of texts only the shape is left.")
@click.pass_obj
def show(config_path: Path, *, job_id: int, as_json: bool, share: bool) -> None:
    """Show everything that is known about one job: what was said and found, what was decided, each call to the CRM."""

    async def work(settings: Settings, store: Store) -> tuple[Told, tzinfo]:
        [row] = await require(store, [job_id])
        try:
            source = load_sources(settings).get(row["source"])
        except ConfigError as error:  # a broken mapping must not hide the job that is looked for because of it
            click.echo(error.message, err=True)
            source = None
        known = told(row, source, settings)
        return (shared(known), UTC) if share else (known, settings.zone)

    known, zone = on_store(config_path, work)
    if as_json:
        print_json(known)
    else:
        _print(known, zone)


def _print(known: Told, zone: tzinfo) -> None:
    for number, section in enumerate(sheet(known, zone)):
        if number:
            click.echo()
        heading(section.title)
        for line in section.lines:
            click.echo("\n".join(f"  {part}" for part in line.splitlines()))
