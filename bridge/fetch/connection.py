"""One source's provider, as its API is spoken to: the requests of `fetch` in their order, and the pages of `reconcile`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bridge.clock import Clock
from bridge.connections.sources import Source
from bridge.crm.auth import sign
from bridge.crm.call import Call
from bridge.crm.caller import Caller
from bridge.crm.limits import pace_of
from bridge.errors import AccessRefused, CrmError, EmptyExpression
from bridge.fetch.failures import NotReady, sort_out
from bridge.mapping.schema import Fetch
from bridge.pacing.board import Board
from bridge.parse import Wanted
from bridge.transport import PreparedRequest, Sends, Transport


@dataclass(slots=True)
class Got:
    """What the requests of one rule gave, by name, and what is to be said about it."""

    values: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ListPage:
    records: list[dict[str, Any]]
    #: what leads to the next page; None: the list has ended
    next: Any


class Connection:
    """One a source, until the config is read anew. Its connections are opened by the first request."""

    def __init__(self, source: Source, clock: Clock, transport: Sends, board: Board | None = None) -> None:
        self.source = source
        self._transport = transport
        settings = source.settings
        #: what templates see as `source`; the key is in no scope that expressions over a delivery see
        self._seen = {
            "name": settings.name, "language": settings.language, "region": settings.region, "fields": dict(settings.fields),
            "url": settings.url, "token": settings.token.get_secret_value() if settings.token else None,
        }  # fmt: skip
        self._caller = Caller(
            source.mapping.api, {"source": self._seen}, transport=transport, clock=clock,
            pace=pace_of(
                source.name, None, source.mapping.api.limits, clock, board=board, shared_as=f"asking:{source.name}"
            ),
        )  # fmt: skip

    async def fetch(self, wanted: Wanted) -> Got:
        """What a rule wants, in its order; each request sees what those before it gave.

        Raises:
            NotReady: the provider has not got it ready.
            EmptyExpression: the mapping asks with something that is empty; nothing was sent.
            CrmError: see `failures`.
        """
        scope = dict(wanted.scope)
        got = Got(dict(scope.get("fetched") or {}))
        for name in wanted.fetch:
            if name not in got.values:
                got.values[name] = await self._had(name, {**scope, "fetched": got.values}, got.findings)
        return got

    async def _had(self, name: str, scope: Mapping[str, Any], findings: list[str]) -> Any:
        """What the request gives; None, and a finding, if it is optional and cannot be had."""
        request = self.source.mapping.fetch[name]
        try:
            return await self._ask(name, request, scope, findings)
        except (CrmError, EmptyExpression, NotReady) as error:
            if not request.optional:
                raise
            findings.append(f"fetch.{name}: it could not be had, and the chat was read without it. {sort_out(error).why}")
            return None

    async def _ask(self, name: str, request: Fetch, scope: Mapping[str, Any], findings: list[str]) -> Any:
        call = Call("fetch", request, scope, f"fetch {name}", strict=True, base_url=request.base_url)
        if request.pages is None:
            said = await self._caller.safely(call, [])
            if request.ready is not None and not said.value(request.ready):
                raise NotReady
            return said.data if request.records is None else _listed(said.value(request.records))
        records: list[Any] = []
        number, ended = 0, False
        async for page in self._caller.pages(call, []):
            if number == 0 and request.ready is not None and not page.said.value(request.ready):
                raise NotReady
            number, ended = number + 1, page.ended
            records += _listed(page.said.value(request.records)) if request.records is not None else []
        if not ended:
            findings.append(f"fetch.{name}: the list goes on after {number} pages; what stands there was not read (`pages.most`)")
        return records

    async def listing(self, since: datetime, until: datetime, begin: Any = None) -> AsyncGenerator[ListPage, None]:
        """The finished chats between two times, as `reconcile` lists them; from the page to which `begin` leads.

        Raises what `fetch` raises.
        """
        request = self.source.mapping.reconcile
        if request is None:
            return
        fetched: dict[str, Any] = {}
        scope = {"since": _iso(since), "until": _iso(until), "fetched": fetched}
        for name in request.fetch:
            fetched[name] = await self._had(name, scope, [])
        call = Call("reconcile", request, scope, "reconcile", strict=True, base_url=request.base_url, begin=begin)
        async for page in self._caller.pages(call, []):
            if request.ready is not None and not page.said.value(request.ready):
                raise NotReady
            found = page.said.data if request.records is None else page.said.value(request.records)
            yield ListPage([dict(one) for one in _listed(found) if isinstance(one, Mapping)], page.next)

    def lacks(self) -> bool:
        """True if the config holds no address or no key for it: then nobody wants it spoken to."""
        api, scope = self.source.mapping.api, {"source": self._seen}
        reconcile = self.source.mapping.reconcile
        try:
            base = str(((reconcile.base_url if reconcile else None) or api.base_url).fill_strict(scope))
            sign(PreparedRequest("GET", base), api.auth, scope, base_url=base)
            for name in reconcile.fetch if reconcile else ():
                request = self.source.mapping.fetch[name]
                for part in (request.query, request.json_, request.form):
                    if part is not None:
                        part.fill_strict(scope)
        except (EmptyExpression, AccessRefused):
            return True
        return False

    async def close(self) -> None:
        await self._transport.close()


def connect(sources: Mapping[str, Source], clock: Clock, board: Board | None = None) -> dict[str, Connection]:
    """A connection for each source whose mapping asks its provider anything. They are to be closed. With a `board` replicas keep
    to a provider's limits together.
    """
    return {
        name: Connection(source, clock, Transport(), board)
        for name, source in sources.items()
        if source.mapping.fetch or source.mapping.reconcile
    }


def _listed(found: Any) -> list[Any]:
    if isinstance(found, list | tuple):
        return list(found)
    return [] if found is None else [found]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
