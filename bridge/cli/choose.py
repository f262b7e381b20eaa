"""`chat2crm choose`: a person says whose chat it is."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli import FAILED
from bridge.cli.auditing import jobs, note
from bridge.cli.beside import on_store
from bridge.cli.choosing import require
from bridge.cli.printing import example
from bridge.config import Settings
from bridge.store import Store


@click.command(epilog=example("chat2crm choose 4711 17"))
@click.argument("job_id", type=int, metavar="JOB")
@click.argument("client_id", metavar="CLIENT")
@click.pass_obj
def choose(config_path: Path, *, job_id: int, client_id: str) -> int:
    """Say which of the CRM's clients a chat belongs to, by the client's id there. The job goes on with that client."""

    async def work(_settings: Settings, store: Store) -> int:
        [row] = await require(store, [job_id])
        if not client_id.strip() or not client_id.isprintable():
            raise click.UsageError("CLIENT is the client's id in the CRM; it stands in the address of the client's page there.")
        if row["state"] == "done":
            again = f"`chat2crm replay {job_id} --again` would write it once more"
            raise click.UsageError(f"Job {job_id} is written already; {again}.")
        if not await store.choose(job_id, client_id.strip()):
            click.echo(f"Job {job_id} is being worked on just now; try again in a moment.", err=True)
            return FAILED
        await note(store, "chosen", jobs([job_id]))
        click.echo(f"Job {job_id} goes on with client {client_id.strip()}.")
        return 0

    return on_store(config_path, work)
