"""What the first page shows: what needs a person, the figures of the day, and how each connection is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bridge.report.deps import Deps
from bridge.report.language import Language
from bridge.report.troubles import Described, Trouble, describe, troubles
from bridge.store import TargetStop

DAY = 86400.0
#: jobs of the day that are counted exactly; beyond it: "and more"
COUNTED = 20_000
LATEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    name: str
    title: str
    last_at: float | None
    not_understood: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    name: str
    title: str
    mode: str
    last_at: float | None
    breaker: str
    stop: TargetStop | None
    #: jobs that are not over, by state
    open: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    troubles: list[tuple[Trouble, Described]]
    #: parts of the service that have ended although they should run
    ended: list[str]
    #: done and skipped within the day, everything else as it is now
    counts: dict[str, int]
    #: there were more within the day than are counted
    more: bool
    sources: list[SourceLine]
    targets: list[TargetLine]
    latest: list[dict[str, Any]]

    def data(self) -> dict[str, Any]:
        """For scripts."""
        plain = asdict(self)
        plain["troubles"] = [
            {**asdict(trouble), **described._asdict(), "cause": trouble.cause} for trouble, described in self.troubles
        ]
        return plain


async def overview(deps: Deps, language: Language) -> Overview:
    now = deps.clock.time()
    reading = deps.store.reading()
    found = await troubles(deps.store, now, sources=deps.sources, silence=deps.settings.alerts.silence)
    lately = {row["state"]: row["n"] for row in await reading.lately(now - DAY, COUNTED)}
    open_jobs = await reading.open_jobs()
    counts = dict.fromkeys(("pending", "running", "retrying", "waiting", "held", "dead"), 0)
    for row in open_jobs:
        counts[row["state"]] += row["n"]
    stops = await deps.store.stops()
    unread = {trouble.name: trouble.count for trouble in found if trouble.kind == "not_understood"}
    return Overview(
        troubles=[(trouble, describe(trouble, language)) for trouble in found],
        ended=[name for name, runs in deps.alive().items() if not runs],
        counts={**counts, "done": lately.get("done", 0), "skipped": lately.get("skipped", 0)},
        more=sum(lately.values()) >= COUNTED,
        sources=[
            SourceLine(name=name, title=source.mapping.title, last_at=await reading.last_delivery(name),
                       not_understood=unread.get(name, 0))
            for name, source in deps.sources.items()
        ],
        targets=[
            TargetLine(
                name=name, title=target.mapping.title, mode=target.settings.mode, last_at=await reading.last_done(name),
                breaker=deps.breakers.state(name), stop=stops.get(name),
                open={row["state"]: row["n"] for row in open_jobs if row["target"] == name},
            )
            for name, target in deps.targets.items()
        ],
        latest=await reading.jobs(limit=LATEST),
    )  # fmt: skip
