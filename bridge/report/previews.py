"""What would be sent for jobs that a person is about to send round again, from the plans that are stored. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bridge.connections.targets import Target
from bridge.model import Client, Match, Plan, Verdict
from bridge.report.trace import Written, as_written
from bridge.store.reading import Row

#: jobs whose plans are shown at once
PREVIEWED = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    job: int
    name: str
    #: what is left of its plan; of one that has written nothing, what the last plan said
    operations: list[Written]
    #: something of it was written, so exactly the rest will be
    begun: bool
    #: who it would be written to
    match: Match | None = None
    card_url: str | None = None


def previews(rows: Iterable[Row]) -> Iterator[Preview]:
    """`rows`: jobs with their `plan`, and the positions of it that are `over`."""
    for row in rows:
        plan = Plan.model_validate(row["plan"]) if row["plan"] else None
        over = set(row["over"])
        left = [one for position, one in enumerate(plan.operations) if position not in over] if plan else []
        yield Preview(
            job=row["id"], name=row["visitor_name"] or "", operations=[as_written(one) for one in left], begun=bool(over),
            match=plan.match if plan else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One CRM connection's rehearsal."""

    target: str
    mode: str
    #: new clients, known clients
    create: int
    attach: int
    #: would be told to a receiver that has no clients
    told: int
    hold: int
    previews: list[Preview]
    #: the newest job that is counted: what comes later is not written by the button
    upto: int
    #: there are more than are counted
    more: bool = False

    @property
    def ready(self) -> int:
        return self.create + self.attach + self.told


def rehearsed(
    targets: Mapping[str, Target], counts: Iterable[Row], held: Iterable[Row], rows: Mapping[str, list[Row]], most: int
) -> Iterator[Rehearsed]:
    """`rows`: by target, its rehearsed jobs, newest first."""
    by_verdict = {(row["target"], row["verdict"]): row["n"] for row in counts}
    held_of = {row["target"]: row["n"] for row in held if row["state"] == "held"}
    for name, target in targets.items():
        found = [by_verdict.get((name, verdict.value), 0) for verdict in Verdict]
        kinds = dict(zip(Verdict, found, strict=True))
        if target.settings.mode != "rehearse" and not sum(found):
            continue
        jobs = rows.get(name, [])
        yield Rehearsed(
            target=name, mode=target.settings.mode, create=kinds[Verdict.NEW], attach=kinds[Verdict.FOUND],
            told=sum(found) - kinds[Verdict.NEW] - kinds[Verdict.FOUND], hold=held_of.get(name, 0),
            previews=[_preview(row, target) for row in jobs], upto=jobs[0]["id"] if jobs else 0, more=sum(found) >= most,
        )  # fmt: skip


def _preview(row: Row, target: Target) -> Preview:
    plan = Plan.model_validate(row["rehearsed"])
    return Preview(
        job=row["id"], name=row["visitor_name"] or "", operations=[as_written(one) for one in plan.operations], begun=False,
        match=plan.match, card_url=card_of(target, plan.match.client),
    )  # fmt: skip


def card_of(target: Target, client: Client | None) -> str | None:
    """The client's page in the CRM, if it has one that can be opened."""
    url = target.crm.card_url(client) if client else None
    return url if url and url.startswith(("https://", "http://")) else None
