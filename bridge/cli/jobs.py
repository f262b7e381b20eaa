"""`chat2crm jobs`: chats and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bridge.cli.beside import on_store
from bridge.cli.choosing import STATES, asked_for, in_words, reading_of, require_names
from bridge.cli.printing import example, local_time, print_json, print_table
from bridge.config import Settings
from bridge.store import Store

COLUMNS = {
    "id": "JOB", "created": "SINCE", "source": "SOURCE", "chat_id": "CHAT", "target": "TARGET", "state": "STATE",
    "attempts": "TRIES", "why": "WHY",
}  # fmt: skip
#: deliveries of a source that are counted to the end
MOST_TOLD = 100


@click.command(epilog=example("chat2crm jobs --state held", "chat2crm jobs --target sales --state dead --json"))
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state; `rehearsed`: those a rehearsal left.")
@click.option("--source", metavar="NAME", help="Only chats of this source.")
@click.option("--target", metavar="NAME", help="Only jobs for this target.")
@click.option("--site", metavar="NAME", help="Only chats of this customer: a file that `include` names, without its ending.")
@click.option("--reason", metavar="CODE", help="Only jobs with this reason, as --json shows it.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="So many, the newest first.")
@click.option("--before", type=int, metavar="JOB", help="Only jobs older than this one: the next page.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def jobs(config_path: Path, /, *, as_json: bool, **wanted: Any) -> None:
    """List chats and what became of them, the newest first."""

    async def work(settings: Settings, store: Store) -> None:
        states, reason = asked_for(wanted["state"], wanted["reason"])
        rows = await (await reading_of(settings, store, wanted["site"])).jobs(
            states=states, source=wanted["source"], target=wanted["target"], reason=reason,
            before=wanted["before"], limit=wanted["limit"],
        )
        if not rows:
            require_names(settings, source=wanted["source"], target=wanted["target"])
        if as_json:
            print_json(rows)
        elif not rows:
            asked = any(wanted[key] for key in ("state", "source", "target", "site", "reason", "before"))
            click.echo("There is no such job." if asked
                       else "No chat has come yet. `chat2crm urls` says what to paste at the chat service.")
        else:
            zone = settings.zone
            print_table([{**row, "created": local_time(row["created_at"], zone), "why": _why(row)} for row in rows], COLUMNS)
            if len(rows) == wanted["limit"]:
                click.echo(f"… --before {rows[-1]['id']} shows older ones.", err=True)
        if not as_json:
            await _say_unread(settings, store, wanted["source"], wanted["site"])

    on_store(config_path, work)


async def _say_unread(settings: Settings, store: Store, source: str | None, site: str | None) -> None:
    """What came and became no chat: without this line whoever looks for it here would think that it never came."""
    reading = await reading_of(settings, store, site)
    for name in [source] if source else sorted(settings.sources):
        for state, what in (("not_understood", "could not be read"), ("held", "could not be fetched")):
            rows = await reading.deliveries(state=state, source=name, limit=MOST_TOLD)
            if rows:
                count = f"{len(rows)} or more" if len(rows) == MOST_TOLD else str(len(rows))
                click.echo(f"From {name}, {count} {what}, the latest: {rows[0]['reason']}\n  After the mapping was corrected: "
                           f"`chat2crm replay --unread {name}`. The ops page lists them under Received.", err=True)  # fmt: skip


def _why(row: dict[str, Any]) -> str:
    said = in_words(row["state"], row["reason"])
    # why its target rests is the CRM's to say
    return f"{said}: {row['detail']}" if said and row["reason"] == "target_stopped" and row["detail"] else said or row["detail"]
