"""Which jobs a command is about: the states as people choose them, and their words for a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from bridge.config import Settings
from bridge.config.values import NAME
from bridge.mapping.suggestions import nearest
from bridge.model import JobState
from bridge.report.words.explanations import explain
from bridge.store import Store
from bridge.store.reading import Reading

#: chosen like a state, although it is a reason: what a rehearsal left to be written
REHEARSED = "rehearsed"
STATES = (*(state.value for state in JobState), REHEARSED)


def asked_for(state: str | None, reason: str | None = None) -> tuple[tuple[str, ...], str | None]:
    """(states, reason) as the store is asked for them."""
    if state == REHEARSED:
        if reason not in (None, REHEARSED):
            raise click.UsageError(f"--state {REHEARSED} is a reason of its own; leave --reason out.")
        return (JobState.SKIPPED.value,), REHEARSED
    return ((state,) if state else ()), reason


def in_words(state: str, reason: str) -> str:
    """Why a job stands where it stands."""
    return explain(state, reason, "en").why if reason else ""


async def reading_of(settings: Settings, store: Store, site: str | None) -> Reading:
    """What is asked of the store, or of what in it is of one customer of an agency, as `--site` names them. Raises UsageError for
    one of whom there is neither a file nor a chat.
    """
    if site is None:
        return store.reading()
    if NAME.fullmatch(site):
        reading = store.reading(site)
        if site in settings.sites or await reading.jobs(limit=1):
            return reading
    there = f"there are: {', '.join(settings.sites)}" if settings.sites else "config.yaml includes no customers' files"
    raise click.UsageError(f"There is no customer {site!r}; {there}.")


def require_names(settings: Settings, **chosen: str | None) -> None:
    """Of `source=` and `target=`, where no job has that name: a slip of the pen must not look like "nothing there". Raises
    UsageError for one that the configuration does not know either.
    """
    for kind, name in chosen.items():
        known = settings.sources if kind == "source" else settings.targets
        if name is not None and name not in known:
            has = f"it has: {', '.join(sorted(known))}" if known else "it has none"
            raise click.UsageError(f"The configuration has no {kind} {name!r}{nearest(name, known)}; {has}.")


async def require(store: Store, job_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The jobs of these numbers, with everything known of them. Raises UsageError if one does not exist."""
    reading = store.reading()
    found = [await reading.job(job_id) for job_id in job_ids]
    missing = [str(job_id) for job_id, row in zip(job_ids, found, strict=True) if row is None]
    if missing:
        raise click.UsageError(f"There is no job {', '.join(missing)}; `chat2crm jobs` lists them.")
    return [row for row in found if row is not None]


def say_which(rows: Sequence[dict[str, Any]]) -> None:
    """How many there are of each kind, the largest first."""
    groups = Counter((row["target"], row["state"], row["reason"]) for row in rows)
    for (target, state, reason), count in groups.most_common():
        click.echo(f"  {count:>5}  {target}: {state}{f', {in_words(state, reason)}' if reason else ''}")
