"""METRICS — figures for Prometheus. docs/metrics.md lists every one of them; a test holds it to this registry.

Labels are names from the config and our own words, never anything that came from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest

from bridge.config import site_of
from bridge.errors import NotAuthentic
from bridge.model import JobState, Step
from bridge.store import Job, Outcome, Store

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

#: states of jobs that are not over; each has its gauge from the start, so that a rule on it can be trusted
OPEN = tuple(state.value for state in JobState if state not in {JobState.DONE, JobState.SKIPPED})
#: outcomes of requests that came from the chat service for sure
_PROVED = frozenset({"accepted", "duplicate", "handshake"})
#: requests without proof, and none with it in between, after which somebody is told
UNPROVED = 3
#: the first words of a step say what it was
_OPERATIONS = ("find", "read", "write", "look")
_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
_ATTEMPT_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class BreakerStates(Protocol):
    """Of each CRM connection: `closed` (works), `open` (rests), `half_open` (is being tried)."""

    def state(self, target: str) -> str: ...


class Metrics:
    """What the receiver and the worker report to. `on_alert` gets what the receiver notices in passing, `on_passed` what of that
    it sees to be over.
    """

    def __init__(
        self, on_alert: Callable[[str, str], None] | None = None, on_passed: Callable[[str], None] | None = None
    ) -> None:
        self._on_alert = on_alert
        self._on_passed = on_passed
        #: by source, requests without proof since the last one that had it, as far as this process knows
        self.unproved: dict[str, int] = {}
        #: by source, seconds by which the last signed delivery's own time was behind this machine's clock
        self.skews: dict[str, float] = {}
        self.registry = registry = CollectorRegistry()
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no type there
        self._received = Counter(
            "chat2crm_deliveries_received", "Requests from chat services by what became of them.",
            ["source", "outcome"], registry=registry,
        )
        #: to look one up by its labels takes longer than to count
        self._received_of: dict[tuple[str, str], Counter] = {}
        self._attempts = Counter(
            "chat2crm_attempts_finished", "Attempts of jobs by how they ended.", ["target", "outcome", "reason"],
            registry=registry,
        )
        #: looked up once, as those of deliveries
        self._attempts_of: dict[tuple[str, str, str], Counter] = {}
        self._attempt_seconds = Histogram(
            "chat2crm_attempt_seconds", "How long attempts took.", ["target"], buckets=_ATTEMPT_SECONDS, registry=registry
        )
        self._calls = Counter(
            "chat2crm_calls_sent", "Requests to CRMs by operation and the answer's status.",
            ["target", "operation", "status"], registry=registry,
        )
        self._call_seconds = Histogram(
            "chat2crm_call_seconds", "How long CRMs took to answer.", ["target"], buckets=_CALL_SECONDS, registry=registry
        )
        self._jobs = Gauge("chat2crm_jobs", "Jobs that are not over.", ["target", "state"], registry=registry)
        self._queue_age = Gauge("chat2crm_queue_age_seconds", "How long the oldest due job has been due.", registry=registry)
        self._unsorted = Gauge("chat2crm_deliveries_unsorted", "Deliveries that are to be read yet.", registry=registry)
        self._stopped = Gauge("chat2crm_target_stopped", "1 if a CRM connection is stopped.", ["target"], registry=registry)
        self._resting = Gauge("chat2crm_target_resting", "1 if a CRM does not answer and rests.", ["target"], registry=registry)
        self._alerts = Gauge("chat2crm_alerts_open", "Causes for which a person is needed.", registry=registry)

    # -- what the receiver and the worker report -----------------------------------------------------------------------

    def received(self, source: str, outcome: str) -> None:
        counted = self._received_of.get((source, outcome))
        if counted is None:
            counted = self._received_of[source, outcome] = self._received.labels(source, outcome)
        counted.inc()
        if outcome in _PROVED:
            self.unproved.pop(source, None)
            if self._on_passed is not None:
                self._on_passed(f"refused:{source}")
        elif outcome == NotAuthentic.code:
            self.unproved[source] = self.unproved.get(source, 0) + 1
            # one may be anybody who tries addresses; several and nothing else is a chat service that has the wrong secret
            if self.unproved[source] >= UNPROVED:
                self.alert(f"refused:{source}", "")

    def alert(self, cause: str, text: str) -> None:
        if self._on_alert is not None:
            self._on_alert(cause, text)

    def skewed(self, source: str, seconds: float) -> None:
        self.skews[source] = seconds

    def finished(self, job: Job, outcome: Outcome, seconds: float) -> None:
        labels = (job.target, outcome.state.value, outcome.reason)
        counted = self._attempts_of.get(labels)
        if counted is None:
            counted = self._attempts_of[labels] = self._attempts.labels(*labels)
        counted.inc()
        self._attempt_seconds.labels(job.target).observe(seconds)

    def calls(self, target: str) -> Callable[[Step], None]:
        """For a target's CRM: takes each call's step."""
        #: looked up once, as those of deliveries
        calls_of: dict[tuple[str, int | None], Counter] = {}

        def observe(step: Step) -> None:
            if step.method is None:
                return
            operation = operation_of(step)
            counted = calls_of.get((operation, step.status))
            if counted is None:
                status = str(step.status) if step.status is not None else "none"
                counted = calls_of[operation, step.status] = self._calls.labels(target, operation, status)
            counted.inc()
            if step.ms is not None:
                self._call_seconds.labels(target).observe(step.ms / 1000)

        return observe

    # -- what is read when somebody asks -------------------------------------------------------------------------------

    async def refresh(self, store: Store, targets: Mapping[str, object], breakers: BreakerStates, now: float) -> None:
        """Bring the gauges up to date."""
        reading = store.reading()
        counts = {(row["target"], row["state"]): row["n"] for row in await reading.open_jobs()}
        backlog = await reading.backlog()
        stops = await store.stops()
        for gauge in (self._jobs, self._stopped, self._resting):
            gauge.clear()
        for target in {*targets, *(target for target, _ in counts)}:
            for state in OPEN:
                self._jobs.labels(target, state).set(counts.get((target, state), 0))
        for target in targets:
            self._stopped.labels(target).set(target in stops)
            self._resting.labels(target).set(breakers.state(target) != "closed")
        self._queue_age.set(max(0.0, now - backlog["oldest"]) if backlog["oldest"] is not None else 0.0)
        self._unsorted.set(backlog["unsorted"])
        self._alerts.set(sum(not cause.startswith("probe:") for cause in await store.open_alerts()))

    def rendered(self) -> bytes:
        return generate_latest(self.registry)

    def of_site(self, site: str) -> SiteMetrics:
        return SiteMetrics(self, site)


class Shown(Protocol):
    """What is shown of figures."""

    @property
    def skews(self) -> Mapping[str, float]: ...
    @property
    def unproved(self) -> Mapping[str, int]: ...
    def rendered(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SiteMetrics:
    """Of one customer of an agency: the figures of their connections. Those of the whole service are left out."""

    _all: Metrics
    _site: str

    @property
    def skews(self) -> Mapping[str, float]:
        return {name: seconds for name, seconds in self._all.skews.items() if site_of(name) == self._site}

    @property
    def unproved(self) -> Mapping[str, int]:
        return {name: count for name, count in self._all.unproved.items() if site_of(name) == self._site}

    def rendered(self) -> bytes:
        # the library asks a registry for nothing else
        return generate_latest(cast("CollectorRegistry", self))

    def collect(self) -> Iterator[Metric]:
        for family in self._all.registry.collect():
            mine = [sample for sample in family.samples
                    if self._site in {site_of(sample.labels.get(label, "")) for label in ("source", "target")}]  # fmt: skip
            if mine:
                family.samples = mine
                yield family


def operation_of(step: Step) -> str:
    """`find`, `read`, `look`, or what is written: `create`, `enrich`, `note` …; `other` for what nobody named here."""
    first, _, rest = step.what.partition(" ")
    if first == "write":
        return rest.partition(" ")[0]
    return first if first in _OPERATIONS else "other"
