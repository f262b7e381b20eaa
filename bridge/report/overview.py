"""What the first page shows: what needs a person, the figures of the day, and how each connection is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bridge.crm.fit import account_of
from bridge.report.charts import Hours, hour_end
from bridge.report.deps import Desk
from bridge.report.troubles import Described, Trouble, describe
from bridge.report.troubles.needs import needs
from bridge.report.words.language import Language
from bridge.store import TargetStop

DAY = 86400.0
#: jobs of the day that are counted exactly; beyond it: "and more"
COUNTED = 20_000
LATEST = 8
#: hours that the chart and the lines beside the connections show
HOURS, LINE_HOURS = 48, 24
#: troubles on the first page; the others stand on a page of their own
FOREMOST = 3
#: seconds by which a clock may be wrong before the page speaks of it
SKEW = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    name: str
    title: str
    last_at: float | None
    not_understood: int
    hours: Hours
    #: seconds by which the chat service's clock is behind ours, of its last signed delivery; None: not known, or hardly any
    skew: float | None
    #: requests that were refused for want of the right secret, since the last one that had it
    unproved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    name: str
    title: str
    mode: str
    last_at: float | None
    breaker: str
    stop: TargetStop | None
    hours: Hours
    #: how much of the CRM's tightest limit is used just now, 0…1; None: it has none
    use: float | None
    #: seconds for which nothing is sent, because the CRM asked for it
    paused: float
    #: when the access token runs out (it is renewed in time); None: it has none that runs out
    token_until: float | None
    #: why a person has to let us in again; empty: no need
    token_ended: str
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
    #: chats that came in
    hours: Hours

    def data(self) -> dict[str, Any]:
        """For scripts."""
        plain = asdict(self)
        plain["troubles"] = [
            {**asdict(trouble), **described._asdict(), "cause": trouble.cause} for trouble, described in self.troubles
        ]
        return plain


async def overview(desk: Desk, language: Language) -> Overview:
    now = desk.clock.time()
    reading, end = desk.store.reading(), hour_end(now, desk.settings.zone)
    found = await needs(desk)
    lately = {row["state"]: row["n"] for row in await reading.lately(now - DAY, COUNTED)}
    open_jobs = await reading.open_jobs()
    counts = dict.fromkeys(("pending", "running", "retrying", "waiting", "held", "dead"), 0)
    for row in open_jobs:
        counts[row["state"]] += row["n"]
    stops = await desk.store.stops()
    tokens = {name: await _token(desk, name) for name in desk.targets}
    unread = {trouble.name: trouble.count for trouble in found if trouble.kind == "not_understood"}
    return Overview(
        troubles=[(trouble, describe(trouble, language)) for trouble in found],
        ended=[name for name, runs in desk.alive().items() if not runs],
        counts={**counts, "done": lately.get("done", 0), "skipped": lately.get("skipped", 0)},
        more=sum(lately.values()) >= COUNTED,
        sources=[
            SourceLine(name=name, title=source.mapping.title, last_at=await reading.last_delivery(name),
                       unproved=desk.metrics.unproved.get(name, 0),
                       not_understood=unread.get(name, 0), skew=_skew(desk, name),
                       hours=Hours.of(await reading.overviews.hourly_deliveries(name, end, LINE_HOURS), LINE_HOURS, end))
            for name, source in desk.sources.items()
        ],
        targets=[
            TargetLine(
                name=name, title=target.mapping.title, mode=target.settings.mode, last_at=await reading.last_done(name),
                breaker=desk.breakers.state(name), stop=stops.get(name), use=target.crm.pace.use,
                paused=target.crm.pace.paused_for, token_until=tokens[name][0], token_ended=tokens[name][1],
                hours=Hours.of(await reading.overviews.hourly_done(name, end, LINE_HOURS), LINE_HOURS, end),
                open={row["state"]: row["n"] for row in open_jobs if row["target"] == name},
            )
            for name, target in desk.targets.items()
        ],
        latest=await reading.jobs(limit=LATEST),
        hours=Hours.of(await reading.overviews.hourly_jobs(end, HOURS), HOURS, end),
    )  # fmt: skip


def _skew(desk: Desk, source: str) -> float | None:
    skew = desk.metrics.skews.get(source)
    return skew if skew is not None and abs(skew) >= SKEW else None


async def _token(desk: Desk, target: str) -> tuple[float | None, str]:
    """When the target's access token runs out, and why a person has to agree again."""
    account = account_of(desk.targets[target].settings, desk.settings.targets)
    row = await desk.store.token(account[0]) if account else None
    return (row.expires_at, row.ended) if row else (None, "")
