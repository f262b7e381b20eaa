"""`chat2crm written`: a person has looked into the CRM, and it is there."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.auditing import jobs, note
from bridge.cli.beside import on_store
from bridge.cli.choosing import require
from bridge.cli.printing import example
from bridge.config import Settings
from bridge.store import Store


@click.command(epilog=example("chat2crm written 4711 --id 83"))
@click.argument("job_id", type=int, metavar="JOB")
@click.option("--id", "record_id", default="", metavar="RECORD", help="The record's id in the CRM; a new client needs it.")
@click.pass_obj
def written(config_path: Path, *, job_id: int, record_id: str) -> None:
    """Say that the operation whose outcome is unknown was carried out. The job then goes on behind it.

    If it was not carried out: `chat2crm replay JOB --again`.
    """

    async def work(_settings: Settings, store: Store) -> None:
        [row] = await require(store, [job_id])
        unknown = next((one for one in row["operations"] if one["state"] == "sent"), None)
        if unknown is not None and unknown["kind"] == "create" and not record_id:
            raise click.UsageError("It was making a client, and what follows hangs on that client: give its id with --id.")
        if unknown is None or not await store.written(job_id, record_id):
            raise click.UsageError(f"Job {job_id} has no operation whose outcome is unknown; `chat2crm show {job_id}` says more.")
        await note(store, "written", jobs([job_id]))
        click.echo(f"Job {job_id}: the {unknown['kind']} is taken as written, and the job goes on.")

    on_store(config_path, work)
