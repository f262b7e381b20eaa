"""`chat2crm audit`: who did what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bridge.cli.beside import on_store
from bridge.cli.printing import example, local_time, print_json, print_table
from bridge.config import Settings
from bridge.store import AUDITED, Store


@click.command(epilog=example("chat2crm audit", "chat2crm audit --what erased --json"))
@click.option("--what", type=click.Choice(sorted(AUDITED)), help="Only this.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="So many.")
@click.option("--before", type=int, metavar="ID", help="Only older ones: the next page.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def audit(config_path: Path, *, what: str | None, limit: int, before: int | None, as_json: bool) -> None:
    """List who looked at a delivery's bytes, sent jobs round, skipped, chose, took out or erased a person's data."""

    async def work(settings: Settings, store: Store) -> list[dict[str, Any]]:
        rows = await store.personal().audit(what=what, before=before, limit=limit)
        words = {row["id"]: (local_time(row["at"], settings.zone), AUDITED.get(row["what"], row["what"])) for row in rows}
        return [{**row, "when": words[row["id"]][0], "did": words[row["id"]][1]} for row in rows]

    rows = on_store(config_path, work)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, {"id": "id", "when": "when", "who": "who", "did": "did", "about": "about", "detail": "detail"})
    else:
        click.echo("Nobody has done any of it yet.")
