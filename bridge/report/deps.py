"""What the report is given by whoever puts the service together, and what of it somebody sees who asks for something.

No page and no script's request is answered out of all that there is, but out of a `Desk`: the gate gives each request the one at
which whoever asks may sit. A customer of an agency sits at a desk on which nothing lies of any other customer's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from bridge.clock import Clock
from bridge.config import Settings, site_of
from bridge.connections.sources import Source
from bridge.connections.targets import Target
from bridge.model import Correction
from bridge.report.alerts import Alerts
from bridge.report.metrics import BreakerStates, Metrics, Shown
from bridge.store import AuditEntry, Store, StoredChat, TargetStop, TokenRow
from bridge.store.reading import Reading
from bridge.store.site_store import SiteStore


class Kept(Protocol):
    """All that a page may ask of a store, and have it do. See bridge.store.Store."""

    def reading(self) -> Reading: ...
    async def stops(self) -> dict[str, TargetStop]: ...
    async def open_alerts(self) -> dict[str, str]: ...
    async def token(self, name: str) -> TokenRow | None: ...
    async def chat(self, row: int) -> StoredChat: ...
    async def replay(self, job_ids: Sequence[int], *, again: bool = False, for_real: bool = False) -> list[int]: ...
    async def skip(self, job_ids: Sequence[int], reason: str) -> list[int]: ...
    async def written(self, job_id: int, record_id: str) -> bool: ...
    async def choose(self, job_id: int, client_id: str) -> bool: ...
    async def correct(self, job_id: int, corrected: Correction) -> bool: ...
    async def go(self, target: str) -> bool: ...
    async def sort_again(self, *, source: str) -> int: ...
    async def record_audit(self, entry: AuditEntry) -> None: ...


@dataclass(slots=True, kw_only=True)
class Desk:
    store: Kept
    clock: Clock
    settings: Settings
    sources: Mapping[str, Source]
    targets: Mapping[str, Target]
    metrics: Shown
    #: called after a job was sent round again, so that it is taken up at once
    wake: Callable[[], None]
    breakers: BreakerStates
    #: the service's own long-running parts by name ("worker") → whether each still runs
    alive: Callable[[], Mapping[str, bool]] = dict
    #: the customer whose desk it is; None: that of the whole service
    site: str | None = None
    #: whoever sits here sees no other desk; if not, they have chosen to look at this customer alone
    bound: bool = False

    def to(self, address: str) -> str:
        """One of our addresses as it is written on this desk: whoever has chosen a customer stays with them."""
        if self.site is None or self.bound:
            return address
        return f"{address}{'&' if '?' in address else '?'}site={self.site}"


@dataclass(slots=True, kw_only=True)
class Deps(Desk):
    """The desk of the whole service. On a reload, `settings`, `sources` and `targets` are replaced as a whole."""

    store: Store
    metrics: Metrics
    alerts: Alerts

    def of_site(self, site: str, *, bound: bool) -> Desk:
        """A customer's desk. Everything that names a connection is cut to the customer's here, and nowhere else."""
        return Desk(
            store=SiteStore(site, self.store), clock=self.clock, settings=self.settings.only(site),
            sources={name: one for name, one in self.sources.items() if site_of(name) == site},
            targets={name: one for name, one in self.targets.items() if site_of(name) == site},
            metrics=self.metrics.of_site(site), wake=self.wake, breakers=self.breakers, alive=self.alive, site=site, bound=bound,
        )  # fmt: skip


_DESK: web.RequestKey[Desk] = web.RequestKey("desk", Desk)


def seat(request: web.Request, at: Desk) -> None:
    """Only the gate does that, once it knows who asks."""
    request[_DESK] = at


def desk_or_none(request: web.Request) -> Desk | None:
    """None: it was refused before it was known at which."""
    return request.get(_DESK)


def desk(request: web.Request) -> Desk:
    """At which whoever asks sits. Raises KeyError for a request that did not come through the gate."""
    return request[_DESK]
