"""Carrying out a stored plan, operation by operation: each once, whatever became of it in an earlier attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.clock import Clock
from bridge.crm.clients import read_client
from bridge.errors import BrakeReached, Conflict, NotFound
from bridge.match import agreement, contenders
from bridge.model import Client, JobState, Operation, OperationKind, OperationState, Plan, Verdict
from bridge.pipeline.attempt import PlanAgain, Stop, skipped, waiting
from bridge.pipeline.case import Case
from bridge.pipeline.client_locks import ClientLocks
from bridge.pipeline.copying import Copying
from bridge.pipeline.deals import Deals
from bridge.pipeline.journal import Journal
from bridge.pipeline.recognise import Person
from bridge.store import Brake, OperationRow, Outcome, Store, TargetStop

#: of which something may stand in the CRM
BEGUN = frozenset({OperationState.SENT, OperationState.DONE})
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Carrying:
    store: Store
    clock: Clock
    journal: Journal
    deals: Deals
    copying: Copying
    locks: ClientLocks

    async def carry_out(self, case: Case, made: Plan, rows: Sequence[OperationRow]) -> Outcome:
        target = case.target
        if not made.operations:
            raise skipped("nothing_new")
        client, deal = made.match.client, None
        left: list[str] = []
        for row, planned in zip(rows, made.operations, strict=True):
            if planned.kind is OperationKind.FILE:
                left += await self._copied(case, made, row, placed(planned, client, deal))
                continue
            if planned.kind is OperationKind.NOTE and await self._told_elsewhere(case, made, row):
                case.attempt.say("note.told", f"{planned.kind} {planned.part}/{planned.parts}: another note of the chat has it")
                continue
            settled = await self._operation(case, row, placed(planned, client, deal))
            if planned.kind is OperationKind.CREATE:
                client = Client(id=settled.record_id, entity=target.mapping.create.entity, name=case.chat.visitor.name)
            elif planned.kind is OperationKind.DEAL:
                deal = {"id": settled.record_id}
        if client is not None:
            await self._remember(case, made, client)
        told = " ".join(["Not copied:", *left]) if left else ""
        return Outcome(state=JobState.DONE, reason=made.match.verdict.value, detail=f"{made.match.reason} {told}".strip())

    async def _copied(self, case: Case, made: Plan, row: OperationRow, planned: Operation) -> list[str]:
        """Has a file copied; gives why there is no copy, if there is none."""
        files = [place for place, one in enumerate(made.operations) if one.kind is OperationKind.FILE]
        left = await self.copying.copy(
            case.attempt, case.target, row, planned, case.options.files,
            f"file {files.index(row.position) + 1} of {len(files)}", perhaps_since=case.perhaps_since(self.store.born_at),
        )  # fmt: skip
        return [left] if left else []

    async def _operation(self, case: Case, row: OperationRow, planned: Operation) -> OperationRow:
        attempt, target = case.attempt, case.target
        creating = planned.kind is OperationKind.CREATE
        if planned.kind is OperationKind.DEAL and row.state is OperationState.SENT:
            # first of all, since what was not carried out may have been opened by another chat of the client by now
            row = await self.journal.settle(attempt, target, row, planned, planned.scope)
        open_deal = await self._opened_meanwhile(case, row, planned)
        if open_deal is not None:
            return await self.journal.take_over(attempt, target, row, planned, open_deal)
        pending = case.person.pairs() if creating else ()
        try:
            return await self.journal.carry_out(
                attempt, target, row, planned, planned.scope, pending=pending, brake=self._brake(case) if creating else None,
                perhaps_since=case.perhaps_since(self.store.born_at),
            )
        except BrakeReached:
            raise await self._braked(case) from None
        except Conflict as conflict:
            if not creating:
                raise
            await self._adopt(case, conflict)
            if not conflict.again_headers:
                raise
            attempt.say("conflict.dismissed", "the records the CRM takes for the same person are somebody else's")
            row = await self.store.operation(row.id) or row
            return await self.journal.carry_out(
                attempt, target, row, planned, planned.scope, pending=pending, again_headers=conflict.again_headers
            )

    async def _told_elsewhere(self, case: Case, made: Plan, row: OperationRow) -> bool:
        """A note of a plan that was begun, given up and is taken up again, of which later jobs of the chat have told all."""
        if case.attempt.plan is not case.attempt.job.plan or row.state in BEGUN:
            return False
        rows = await self.store.operations(row.job)
        own = {key for one in rows if one.state is OperationState.DONE for key in made.operations[one.position].message_keys}
        told = await self.store.delivered(case.stored.row, case.target.name) - own
        # the part in which a message ends bears its key; one that bears none belongs with the next that does
        later = (made.operations[one.position] for one in rows if one.position >= row.position)
        keys = next((one.message_keys for one in later if one.kind is OperationKind.NOTE and one.message_keys), ())
        return bool(keys) and told.issuperset(keys)

    async def _opened_meanwhile(self, case: Case, row: OperationRow, planned: Operation) -> str | None:
        """Under `deal: if_none_open`, the deal that another chat of the client has opened since this plan was stored."""
        attempt, target = case.attempt, case.target
        resumed = attempt.plan is attempt.job.plan and row.state not in BEGUN
        if planned.kind is not OperationKind.DEAL or case.options.deal != "if_none_open" or not resumed:
            return None
        client = Client.model_validate(planned.scope["client"])
        await self.locks.take(attempt, [case.client_lock(client)])
        deals = await self.deals.open_of(attempt, target, client, case.scope)
        return str(deals[0]["id"]) if deals else None

    async def _adopt(self, case: Case, conflict: Conflict) -> None:
        """The CRM says that the client exists: if that is so by its own fields, the plan is made again with it."""
        target, entity = case.target, case.target.mapping.create.entity
        parts = target.mapping.for_entity(entity).client or target.mapping.client
        known = [client for record in conflict.records if (client := read_client(record, parts, entity)) is not None]
        if not known and conflict.record_id:
            try:
                known = [await target.crm.read(Client(id=conflict.record_id, entity=entity), case.scope, case.attempt.steps)]
            except NotFound:
                return
        same = contenders(case.person.points, known, case.person.external_id)
        if same:
            raise PlanAgain("the CRM has this client already", same[0].client)

    async def _remember(self, case: Case, made: Plan, client: Client) -> None:
        """The contact points that stand on the card now, and the visitor, lead to this client without a search."""
        if made.match.verdict is Verdict.NEW:
            return  # the journal did, in the commit that said `done`
        agreed = agreement(_enriched(client, made), case.person.points)
        stands = {*agreed.own, *agreed.unclear} if agreed else set()
        points = [point for point in case.person.points if point in stands]
        person = Person(source=case.person.source, points=tuple(points), visitor_id=case.person.visitor_id,
                        external_id=case.person.external_id if client.external_id == case.person.external_id else None)
        await self.store.remember(case.target.name, person.pairs(), client.id, client.entity)

    def _brake(self, case: Case) -> Brake | None:
        """A wrong mapping or region must not fill a CRM with strangers overnight."""
        most = case.target.settings.new_clients_per_hour
        return None if most is None else Brake(most=most, since=self.clock.time() - HOUR)

    async def _braked(self, case: Case) -> Stop:
        now = self.clock.time()
        detail = (
            f"More than {case.target.settings.new_clients_per_hour} new clients within an hour. Look whether they are right, "
            "then let the target go on."
        )
        await self.store.stop_target(TargetStop(target=case.target.name, reason="brake", detail=detail, since=now))
        return waiting("target_stopped", now, detail)


def _enriched(client: Client, made: Plan) -> Client:
    """The client with the phones and e-mails that the plan has put on the card."""
    enrichments = (operation.scope for operation in made.operations if operation.kind is OperationKind.ENRICH)
    added = next((scope.get("new") or {} for scope in enrichments), {})
    return client.model_copy(
        update={
            "phones": (*client.phones, *_texts(added.get("phones"))),
            "emails": (*client.emails, *_texts(added.get("emails"))),
        }
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in what an enrichment sends: plain values, elements of a list, columns."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def half_done(rows: Sequence[OperationRow]) -> bool:
    return any(row.state in BEGUN for row in rows) and any(row.state is not OperationState.DONE for row in rows)


def placed(planned: Operation, client: Client | None, deal: Mapping[str, Any] | None) -> Operation:
    """The operation with the ids that only earlier operations of the same plan could give."""
    known: dict[str, Any] = {}
    if client is not None and not planned.scope.get("client"):
        known["client"] = client.model_dump(mode="json", exclude={"record"})
    hangs_on_deal = (planned.scope.get("note") or {}).get("on") == "deal" and not planned.scope.get("deal")
    if deal is not None and planned.kind is OperationKind.NOTE and hangs_on_deal:
        known["deal"] = dict(deal)
    return planned.model_copy(update={"scope": {**planned.scope, **known}}) if known else planned


@dataclass(frozen=True, slots=True)
class Plans:
    """What another job is doing, for whoever has to settle it."""

    store: Store

    async def scope_of(self, row: OperationRow) -> tuple[Operation, Mapping[str, Any]] | None:
        job = await self.store.job(row.job)
        if job is None or job.plan is None or row.position >= len(job.plan.operations):
            return None
        rows = [one for one in await self.store.operations(job.id) if one.state is OperationState.DONE]
        client = next((Client(id=one.record_id) for one in rows if one.kind is OperationKind.CREATE), None)
        deal = next(({"id": one.record_id} for one in rows if one.kind is OperationKind.DEAL), None)
        planned = job.plan.operations[row.position]
        if client is not None:
            client = client.model_copy(update={"entity": planned.scope.get("entity") or client.entity})
        whole = placed(planned, client, deal)
        return whole, whole.scope
