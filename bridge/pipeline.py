"""THE PAGE TO READ FIRST: what happens to a chat, stage by stage.

    extract ▶ (nothing to do?) ▶ lock ▶ match ▶ write = the plan, stored ▶ carry it out, once ▶ remember

Only this module knows the order. What is decided is stored before the first request that must not be repeated; a retry
carries out the stored plan. As long as nothing was written, the plan is made anew on every attempt.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.attempt import Attempting, PlanAgain, Stop, held, skipped, waiting
from bridge.case import Case
from bridge.clock import Clock
from bridge.config import Settings
from bridge.copying import Copying
from bridge.crm.clients import read_client
from bridge.crm.merge import what_is_new
from bridge.deals import Deals
from bridge.errors import BrakeReached, Conflict, NotFound
from bridge.journal import Journal, Scopes
from bridge.match import agreement, contenders
from bridge.model import Client, JobState, Operation, OperationKind, OperationState, Plan, Role, Verdict
from bridge.recognise import Person, Recogniser
from bridge.sources import Source
from bridge.store import Brake, OperationRow, Outcome, Store, TargetStop
from bridge.targets import Target
from bridge.write import Work, plan

#: a plan is made anew so often within one attempt
PLANNINGS = 4
#: a lock is given back at the attempt's end; this is for the attempt that has none, in seconds
LOCK_LAPSES = 3600.0
#: how long an attempt waits for another chat of the same person before it makes room for others, in seconds
PATIENCE = 0.5
HOUR = 3600.0

_BEGUN = {OperationState.SENT, OperationState.DONE}


@dataclass(slots=True)
class Pipeline:
    store: Store
    clock: Clock
    settings: Settings
    sources: Mapping[str, Source]
    targets: Mapping[str, Target]
    journal: Journal
    recogniser: Recogniser
    deals: Deals
    copying: Copying
    scopes: Scopes

    @classmethod
    def of(cls, store: Store, clock: Clock, settings: Settings, sources: Mapping[str, Source],
           targets: Mapping[str, Target]) -> Pipeline:
        journal, scopes = Journal(store, clock), Plans(store)
        recogniser, deals = Recogniser(store, clock, journal, scopes), Deals(store, clock, journal, scopes)
        return cls(store, clock, settings, sources, targets, journal, recogniser, deals, Copying(journal), scopes)

    async def run(self, attempt: Attempting) -> Outcome:
        """One attempt of a job. Raises CrmError, Stop, StaleLease; whatever it raises, the journal knows where it was."""
        searched_anew = False
        try:
            for _ in range(PLANNINGS):
                try:
                    return await self._run(await self._case(attempt))
                except PlanAgain as again:
                    attempt.say("planned.again", again.message)
                    attempt.plan, attempt.known = None, again.client or attempt.known
                except NotFound:
                    if searched_anew or not await self._nothing_begun(attempt):
                        raise
                    # deleted or merged into another since it was found; twice, and it is something else that is not there
                    searched_anew = True
                    attempt.say("planned.again", "the card is not there any more")
                    attempt.plan, attempt.known = None, None
            raise waiting("client_busy", self.clock.time() + 1.0, "The client's card keeps changing.")
        finally:
            await self.store.unlock(attempt.lock_owner)

    async def _nothing_begun(self, attempt: Attempting) -> bool:
        return not any(row.state in _BEGUN for row in await self.store.operations(attempt.job.id))

    async def _case(self, attempt: Attempting) -> Case:
        job = attempt.job
        source = self.sources.get(job.source)
        if source is None:
            raise held(
                "source_unknown", f"The source {job.source!r} is not in the config any more. Put it back, or skip this job."
            )
        case = Case.of(attempt, source, self.targets[job.target], await self.store.chat(job.chat_row), self.settings)
        attempt.tally = case.tally()
        return case

    async def _run(self, case: Case) -> Outcome:
        attempt = case.attempt
        rows = await self.store.operations(attempt.job.id)
        rehearses = case.target.settings.mode == "rehearse" and not attempt.job.for_real
        if _half_done(rows):
            if rehearses:
                raise held(
                    "half_written",
                    "Part of the chat was sent to the CRM before its target was set to rehearse. Nothing more is written until "
                    "a person says so.",
                )
            await self._lock(case, case.person.locks(case.target.name))
            if attempt.plan is not None and attempt.plan.match.client is not None:
                await self._lock(case, [case.client_lock(attempt.plan.match.client)])
            # who held the lock may have found out what became of our creation, and have made the client since
            rows = await self.store.operations(attempt.job.id)
        if attempt.plan is None or not any(row.state in _BEGUN for row in rows):
            made = await self._plan(case)
            if rehearses:
                return Outcome(state=JobState.SKIPPED, reason="rehearsed", detail=made.match.reason, rehearsed=made)
            rows = await self.store.record_plan(attempt.job, made)
            attempt.plan = made
        return await self._carry_out(case, attempt.plan, rows)

    # -- the plan ------------------------------------------------------------------------------------------------------

    async def _plan(self, case: Case) -> Plan:
        """Raises Stop where there is nothing to write, or nobody to write it to (yet)."""
        attempt, target = case.attempt, case.target
        self._refuse_unwanted(case)
        await self._settle_left_open(case)
        delivered = await self.store.delivered(case.stored.row, target.name)
        if case.carries() <= delivered and not await self._has_new_contact(case):
            raise skipped("nothing_new")
        seen = case.scope
        for_nobody = await self._for_nobody(case, delivered)
        if for_nobody is not None:
            return for_nobody
        await self._lock(case, case.person.locks(target.name))
        chosen = await self._chosen(case, seen)
        match = await self.recogniser.recognise(
            attempt, target, case.person, seen, ambiguous=case.options.ambiguous, conflict=case.options.conflict,
            language=self.settings.language, chosen=chosen, because="chosen" if attempt.known is None else "named",
        )
        if match.verdict is Verdict.AMBIGUOUS:
            named = ", ".join(f"{one.name or '?'} (id {one.id})" for one in match.others)
            raise held("ambiguous", f"{match.reason} {named}", seen=Plan(match=match))
        if match.verdict is Verdict.NEW:
            # asked again: the card of the visitor's earlier chat may have turned out to be gone
            for_nobody = await self._for_nobody(case, delivered)
            if for_nobody is not None:
                return for_nobody
        if match.client is not None:
            await self._lock(case, [case.client_lock(match.client)])
        return plan(await self._work(case, match, delivered))

    async def _settle_left_open(self, case: Case) -> None:
        """A note that an earlier job of the chat has sent before a person left that job out: what it has told, if it came to
        anything, is not told again, unless a person wants all of it anew.
        """
        if case.attempt.job.generation > 0:
            return
        for row in await self.store.left_open(case.attempt.job):
            known = await self.scopes.scope_of(row)
            if known is None:
                continue  # of one that was emptied nobody can find out
            keys = known[0].message_keys
            if not keys or not await self.store.delivered(case.stored.row, case.target.name) >= set(keys):
                await self.journal.settle_foreign(case.attempt, case.target, row.id, self.scopes)

    def _refuse_unwanted(self, case: Case) -> None:
        chat = case.chat
        if chat.spam:
            raise skipped("spam", "The provider says so.")
        if case.options.ignore is not None and case.unwanted:
            raise skipped("ignored", case.options.ignore.source)
        spoke = any(message.role is Role.VISITOR and (message.text.strip() or message.files) for message in chat.messages)
        if not spoke and not case.found.points:
            raise skipped("nothing_said", "The visitor wrote nothing and left no contact.")

    async def _for_nobody(self, case: Case, delivered: frozenset[str]) -> Plan | None:
        """The plan of a chat that can be attached to nobody: without a contact point, the site's id, or an earlier chat of the
        visitor that has a card. A task for whoever is on duty; raises Stop where there is none, or a contact may still come.
        None: there is somebody.
        """
        person, options, attempt = case.person, case.options, case.attempt
        if person.points or person.external_id or attempt.job.chosen or attempt.known:
            return None
        if person.visitor_id:
            known = await self.store.identities(case.target.name, [("visitor", f"{case.source.name}:{person.visitor_id}")])
            if known or options.no_contact == "create":
                return None
        if isinstance(options.no_contact, float):
            ended = case.chat.ended_at.timestamp() if case.chat.ended_at else attempt.job.created_at
            until = ended + options.no_contact
            if until > self.clock.time():
                raise waiting("no_contact", until, "The visitor has left neither phone nor e-mail yet.")
        for_duty = plan(await self._work(case, None, delivered))
        if not for_duty.operations:
            raise skipped("no_contact", "The visitor left neither phone nor e-mail.")
        return for_duty

    async def _has_new_contact(self, case: Case) -> bool:
        """A phone or e-mail that leads to nobody yet: it may belong on the card though every message stands there."""
        pairs = [pair for pair in case.person.pairs() if pair[0] in {"phone", "email"}]
        known = await self.store.identities(case.target.name, pairs)
        return len(known) < len(pairs)

    async def _chosen(self, case: Case, seen: Mapping[str, Any]) -> Client | None:
        attempt = case.attempt
        if attempt.known is not None:
            return attempt.known
        if attempt.job.chosen is None:
            return None
        try:
            return await case.target.crm.read(attempt.job.chosen, seen, attempt.steps)
        except NotFound:
            raise held("ambiguous", f"The client that was chosen (id {attempt.job.chosen}) is not in the CRM.") from None

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

    async def _work(self, case: Case, match: Any, delivered: frozenset[str]) -> Work:
        target, options, attempt = case.target, case.options, case.attempt
        open_deals = None
        if match is not None and match.client is not None and target.mapping.open_deals is not None and (
            options.deal == "if_none_open" or options.note_on != "client"
        ):
            open_deals = await self.deals.open_of(attempt, target, match.client, case.scope)
        owner = await self._owner(case) if match is not None and match.verdict is Verdict.NEW else None
        return Work(
            chat=case.chat, points=case.found.points, wishes=case.found.wishes,
            masked=case.found.masked if target.settings.note.mask_cards else {},
            message_keys=case.message_keys, figures=case.figures, scope=case.scope, match=match,
            options=options, settings=case.note_settings, mapping=target.mapping, keys=case.markers(), delivered=delivered,
            generation=attempt.job.generation + 1, open_deals=open_deals, quiet=attempt.job.quiet, owner=owner,
            what_is_new=what_is_new, card_url=target.crm.card_url,
        )

    async def _owner(self, case: Case) -> str | None:
        """The CRM's user who is to own a new client: the chat's operator, or the one the route names."""
        wanted = case.options.owner.new
        if wanted == "crm":
            return None
        email = (case.scope.get("operator") or {}).get("email") if wanted == "operator" else wanted
        if not email:
            return None
        if "@" not in email:
            return str(email)
        return await case.target.crm.find_owner(email, case.attempt.steps)

    # -- carrying it out -----------------------------------------------------------------------------------------------

    async def _carry_out(self, case: Case, made: Plan, rows: Sequence[OperationRow]) -> Outcome:
        target = case.target
        if not made.operations:
            raise skipped("nothing_new")
        client, deal = made.match.client, None
        left: list[str] = []
        for row, planned in zip(rows, made.operations, strict=True):
            if planned.kind is OperationKind.FILE:
                left += await self._copied(case, made, row, _placed(planned, client, deal))
                continue
            if planned.kind is OperationKind.NOTE and await self._told_elsewhere(case, made, row):
                case.attempt.say("note.told", f"{planned.kind} {planned.part}/{planned.parts}: another note of the chat has it")
                continue
            settled = await self._operation(case, row, _placed(planned, client, deal))
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
        if case.attempt.plan is not case.attempt.job.plan or row.state in _BEGUN:
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
        resumed = attempt.plan is attempt.job.plan and row.state not in _BEGUN
        if planned.kind is not OperationKind.DEAL or case.options.deal != "if_none_open" or not resumed:
            return None
        client = Client.model_validate(planned.scope["client"])
        await self._lock(case, [case.client_lock(client)])
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

    # -- small things --------------------------------------------------------------------------------------------------

    async def _lock(self, case: Case, keys: Sequence[str]) -> None:
        owner = case.attempt.lock_owner
        if await self.store.lock(keys, owner, LOCK_LAPSES):
            return
        await self.store.unlocked(keys, PATIENCE)
        if await self.store.lock(keys, owner, LOCK_LAPSES):
            return
        later = self.clock.time() + random.uniform(0.2, 1.0)  # noqa: S311 - so that waiting chats do not come in step
        raise waiting("client_busy", later, "Another chat of the same person is being written.")



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


def _half_done(rows: Sequence[OperationRow]) -> bool:
    return any(row.state in _BEGUN for row in rows) and any(row.state is not OperationState.DONE for row in rows)


def _placed(planned: Operation, client: Client | None, deal: Mapping[str, Any] | None) -> Operation:
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
        placed = _placed(planned, client, deal)
        return placed, placed.scope
