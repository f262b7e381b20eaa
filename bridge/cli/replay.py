"""`chat2crm replay`: a person sends jobs round again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from bridge.cli import FAILED
from bridge.cli.auditing import jobs, note
from bridge.cli.beside import on_store
from bridge.cli.choosing import REHEARSED, asked_for, require, require_names, say_which
from bridge.cli.printing import DOUBTFUL, confirmed, example, mark, progress
from bridge.config import Settings
from bridge.model import JobState, OperationState
from bridge.store import Store

#: jobs sent round in one write, so that a running service is not kept from its own
SLICE = 200
GROUPS = (JobState.DEAD.value, JobState.HELD.value, REHEARSED)


@click.command(epilog=example(
    "chat2crm replay 4711",
    "chat2crm replay --state dead --target sales",
    "chat2crm replay --state rehearsed --yes        after mode: write was set",
    "chat2crm replay --unread shop                  after the mapping was corrected",
))
@click.argument("job_ids", type=int, nargs=-1, metavar="[JOB]...")
@click.option("--state", type=click.Choice(GROUPS), help="All jobs in this state; `rehearsed`: those a rehearsal left.")
@click.option("--target", metavar="NAME", help="With --state: only jobs for this target.")
@click.option("--unread", metavar="SOURCE", help="Read again what came from this source and was not understood, or not fetched.")
@click.option("--again", is_flag=True, help="Write what is done once more, too. Says first what is already there.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def replay(
    config_path: Path, *, job_ids: tuple[int, ...], state: str | None, target: str | None, unread: str | None, again: bool,
    yes: bool,
) -> int:
    """Send jobs round again. What is done stays done, nothing is written twice, unless you say --again."""
    if [bool(job_ids), bool(state), bool(unread)].count(True) != 1:
        raise click.UsageError("Name jobs, or a whole group with --state, or a source with --unread: one of the three.")
    if unread:
        return on_store(config_path, partial(_read_again, unread))
    if target and not state:
        raise click.UsageError("--target narrows a --state; jobs that are named need none.")

    async def work(settings: Settings, store: Store) -> int:
        rows = await _rows(store, job_ids, state, target)
        if not rows:
            require_names(settings, target=target)
            click.echo("There is no such job, so nothing is sent round.")
            return 0
        click.echo(f"{len(rows)} job(s):")
        say_which(rows)
        for name in sorted({row["target"] for row in rows if row["target"] in settings.targets}):
            if settings.targets[name].mode == "rehearse":
                mark(DOUBTFUL, f"{name} is in mode: rehearse, so its jobs will be rehearsed again; set mode: write and reload.")
        if again:
            await _say_what_is_there(store, rows)
        if again or state:
            question = "Write all of it once more?" if again else "Send them round again?"
            confirmed(question, yes=yes)
        return await _send_round(store, [row["id"] for row in rows], again=again)

    return on_store(config_path, work)


async def _read_again(source: str, settings: Settings, store: Store) -> int:
    require_names(settings, source=source)
    count = await store.sort_again(source=source)
    await note(store, "sorted_again", [f"source {source}"], f"{count} deliveries")
    if count:
        click.echo(f"{count} of {source} will be read again. What cannot be read then either is listed by `chat2crm jobs`.")
    else:
        click.echo(f"Nothing of {source} waits to be read again.")
    return 0


async def _rows(store: Store, job_ids: Sequence[int], state: str | None, target: str | None) -> list[dict[str, Any]]:
    if job_ids:
        return await require(store, list(dict.fromkeys(job_ids)))
    states, reason = asked_for(state)
    return await store.reading().jobs(states=states, reason=reason, target=target, limit=1_000_000)


async def _say_what_is_there(store: Store, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        there = [operation for operation in await store.operations(row["id"])
                 if operation.state in (OperationState.DONE, OperationState.SENT)]  # fmt: skip
        for operation in there:
            certain = "is in the CRM" if operation.state is OperationState.DONE else "may be in the CRM"
            record = f" as {operation.record_id}" if operation.record_id else ""
            mark(DOUBTFUL, f"job {row['id']}: {operation.kind} {operation.part} {certain}{record} and would be there twice")


async def _send_round(store: Store, job_ids: Sequence[int], *, again: bool) -> int:
    sent: list[int] = []
    with progress("Sent round again", len(job_ids)) as advance:
        for begin in range(0, len(job_ids), SLICE):
            some = await store.replay(job_ids[begin : begin + SLICE], again=again)
            await note(store, "written_again" if again else "replayed", jobs(some))
            sent += some
            advance(len(some))
    left = [job_id for job_id in job_ids if job_id not in set(sent)]
    if left:
        click.echo(f"Being worked on just now, so not sent round: {', '.join(map(str, left))}. Try again in a minute.", err=True)
        return FAILED
    return 0
