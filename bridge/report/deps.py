"""What the report is given by whoever puts the service together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.config import Settings
from bridge.report.alerts import Alerts
from bridge.report.metrics import BreakerStates, Metrics
from bridge.sources import Source
from bridge.store import Store
from bridge.targets import Target


@dataclass(slots=True, kw_only=True)
class Deps:
    """On a reload, `settings`, `sources` and `targets` are replaced as a whole."""

    store: Store
    clock: Clock
    settings: Settings
    sources: Mapping[str, Source]
    targets: Mapping[str, Target]
    metrics: Metrics
    alerts: Alerts
    #: called after a job was sent round again, so that it is taken up at once
    wake: Callable[[], None]
    breakers: BreakerStates
    #: the service's own long-running parts by name ("worker") → whether each still runs
    alive: Callable[[], Mapping[str, bool]] = dict
