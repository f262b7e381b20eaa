"""`chat2crm skip`: a person leaves jobs out for good."""

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

#: stands as the job's reason
REASON = "by_hand"


@click.command(epilog=example("chat2crm skip 4711 4712"))
@click.argument("job_ids", type=int, nargs=-1, required=True, metavar="JOB...")
@click.pass_obj
def skip(config_path: Path, *, job_ids: tuple[int, ...]) -> int:
    """Leave jobs out for good. They are kept and can be replayed."""

    async def work(_settings: Settings, store: Store) -> int:
        wanted = list(dict.fromkeys(job_ids))
        rows = await require(store, wanted)
        skipped = await store.skip(wanted, REASON)
        await note(store, "skipped", jobs(skipped))
        for row in rows:
            if row["id"] in skipped:
                click.echo(f"Job {row['id']} is skipped.")
            else:
                click.echo(f"Job {row['id']} is {row['state']} and is left as it is.", err=True)
        return 0 if len(skipped) == len(wanted) else FAILED

    return on_store(config_path, work)
