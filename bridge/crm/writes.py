"""Writing to a CRM: an operation as one request, and the look whether it was carried out. `Crm` says what both promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bridge.clock import Clock
from bridge.crm.call import Call, Guard
from bridge.crm.caller import Caller
from bridge.crm.decipher import ConflictSaid, Said, as_id
from bridge.crm.listed import records_in, require_list
from bridge.crm.look import Look, Seen, Watcher
from bridge.crm.merge import still_new, would_empty
from bridge.crm.names import Names
from bridge.crm.uploads import with_upload
from bridge.errors import Conflict, CrmBroken, EmptyExpression, NotFound, Rejected
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.writing import Enrich, FileUpload, Marker, Write
from bridge.model import Client, Operation, OperationKind, Step

#: a key that is remembered for a while is trusted for this part of it only, because our clocks differ
TRUSTED_PART = 0.9

Steps = list[Step]


@dataclass(frozen=True, slots=True)
class Writes:
    mapping: CrmMapping
    caller: Caller
    names: Names
    clock: Clock
    #: the client as the CRM has it now
    read: Callable[[Client, Mapping[str, Any], Steps], Awaitable[Client]]
    #: False: whatever could write is refused
    allowed: bool = True
    #: whether a refusal that says "it is there already" is believed to mean this operation's own record
    believing: bool = True

    async def perform(
        self,
        operation: Operation,
        scope: Mapping[str, Any],
        steps: Steps,
        *,
        guard: Guard | None = None,
        again_headers: Mapping[str, str] | None = None,
    ) -> str:
        write = self._write(operation.kind, scope)
        full = _filled(operation, scope)
        if isinstance(write, Enrich):
            client, new = await self._not_there_yet(write, full, steps)
            if not new:
                return client.id
            emptied = would_empty(client, write, new)
            if emptied is not None:
                raise EmptyExpression(
                    f"the card shows {emptied}, and `enrich: {emptied}: read:` of the mapping finds none of them: what is sent "
                    "under `send: all` would take them off the card, so nothing is sent. Correct the expression"
                )
            full |= {"record": client.record, "new": new}
        if operation.kind is OperationKind.DEAL:
            full = await self.names.resolved(full, steps)
        if isinstance(write, FileUpload):
            full = await with_upload(write, self.caller, full, steps, guard)
        headers = dict(again_headers or {})
        if write.marker.kind == "header" and write.marker.name:
            headers[write.marker.name] = operation.marker
        what = f"write {operation.kind}" + (f" {operation.part}/{operation.parts}" if operation.parts > 1 else "")
        try:
            said = await self.caller.once(
                Call(str(operation.kind), write, full, what, more=headers, guard=guard), steps
            )
        except Conflict as error:
            done = await self._done_before(operation, write, full, error, steps) if self.believing else None
            if done is None:
                raise
            return done
        return _new_id(said, write, operation, full)

    async def _done_before(
        self, operation: Operation, write: Write, scope: Mapping[str, Any], error: Conflict, steps: Steps
    ) -> str | None:
        marker = write.marker
        if marker.match is not None and isinstance(error, ConflictSaid):
            groups = marker.match.search(error.text) or {}
            if groups.get("id"):
                return groups["id"]
        if marker.kind == "external_id" and marker.method and not error.records:  # records: somebody else is there
            seen = await self._watched(marker, operation, scope, steps, self.clock.now())
            return seen.id if seen.seen is Seen.FOUND else None
        return None

    async def look(
        self,
        operation: Operation,
        scope: Mapping[str, Any],
        steps: Steps,
        *,
        sent_at: datetime,
        guard: Guard | None = None,
    ) -> Look:
        write = self._write(operation.kind, scope)
        full = _filled(operation, scope)
        if isinstance(write, Enrich):
            client, new = await self._not_there_yet(write, full, steps)
            return Look.absent() if new else Look.found(client.id)
        marker = write.marker
        if marker.kind in ("header", "conflict") and not marker.method:
            if marker.valid_for is not None:
                trusted = timedelta(seconds=marker.valid_for * TRUSTED_PART)
                if self.clock.now() - sent_at > trusted:
                    return Look.unknown("It was sent so long ago that the CRM may have forgotten its key.")
            return Look.found(await self.perform(operation, scope, steps, guard=guard))
        if not marker.method:
            return Look.unknown("This CRM offers no way to look whether it was carried out.", blind=True)
        return await self._watched(marker, operation, full, steps, sent_at)

    async def _not_there_yet(
        self, enrich: Enrich, scope: Mapping[str, Any], steps: Steps
    ) -> tuple[Client, dict[str, Any]]:
        known = scope.get("client") or {}
        client = Client(id=as_id(known.get("id")) or "", entity=known.get("entity") or "client")
        client = await self.read(client, scope, steps)
        return client, still_new(client.record, enrich, scope)

    async def _watched(
        self, marker: Marker, operation: Operation, scope: Mapping[str, Any], steps: Steps, sent_at: datetime
    ) -> Look:
        client = None if operation.kind is OperationKind.CREATE else as_id((scope.get("client") or {}).get("id"))
        on_deal = operation.kind is OperationKind.NOTE and (scope.get("note") or {}).get("on") == "deal"
        deal = as_id((scope.get("deal") or {}).get("id")) if on_deal else None
        watcher = Watcher(marker, operation.marker, client=client, sent_at=sent_at, deal=deal)
        call = Call("look", marker, scope, f"look for {operation.kind}", strict=True)
        try:
            async with aclosing(self.caller.pages(call, steps)) as pages:
                async for page in pages:
                    require_list(page.said, marker.records, "look")
                    watcher.clocks(page.said.answer.headers.get("date"), self.clock.now())
                    known = watcher.page(records_in(page.said, marker.records), ended=page.ended)
                    if known is not None:
                        return known
        except NotFound:
            if marker.kind == "external_id":  # asked for by its own address: this is the answer, and no failure
                steps[-1] = steps[-1].model_copy(update={"error": None, "detail": "it is not there"})
                return Look.absent()
            return Look.unknown("The client is not there (any more), so it cannot be seen what hung on it.")
        except EmptyExpression as error:
            # Where the marker goes into a field that a target may name or not, one that does not has nothing to look in.
            return Look.unknown(f"There is nothing by which it could be looked for: {error.message}", blind=True)
        return watcher.over()

    def _write(self, kind: OperationKind, scope: Mapping[str, Any]) -> Write:
        if not self.allowed:
            raise Rejected(f"This run only reads; it would have written a {kind}.", operation=str(kind))
        part = part_of(self.mapping, kind, (scope.get("client") or {}).get("entity") or "client")
        if part is None:
            raise Rejected(f"The mapping of this CRM does not say how a {kind} is written.", operation=str(kind))
        return part


def part_of(mapping: CrmMapping, kind: OperationKind, entity: str) -> Write | None:
    """What the mapping says of such an operation on a record of that kind; None: nothing."""
    holder = mapping if kind is OperationKind.CREATE else mapping.for_entity(entity)
    part = getattr(holder, str(kind), None)
    return part if isinstance(part, Write) and part.method else None


def _filled(operation: Operation, scope: Mapping[str, Any]) -> dict[str, Any]:
    # What was planned stays as it was planned; only what was null then (the new client, its deal) is filled in.
    known = {key: value for key, value in scope.items() if value is not None}
    part = {"number": operation.part, "of": operation.parts}
    return {**operation.scope, **known, "marker": operation.marker, "part": part}


def _new_id(said: Said, write: Write, operation: Operation, scope: Mapping[str, Any]) -> str:
    if operation.kind is OperationKind.ENRICH:
        return as_id((scope.get("client") or {}).get("id")) or ""
    if write.id is None:
        return ""
    found = as_id(said.value(write.id))
    if found is None:
        # It may well have been done, and without the id nothing can be attached: look before doing it again.
        raise CrmBroken(
            f"The CRM's answer to the {operation.kind} holds no id: {said.excerpt}",
            status=said.answer.status, operation=str(operation.kind), excerpt=said.excerpt,
        )  # fmt: skip
    return found
