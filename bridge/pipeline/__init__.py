"""THE PAGE TO READ FIRST: what happens to a chat, stage by stage.

    extract ▶ (nothing to do?) ▶ lock ▶ match ▶ write = the plan, stored ▶ carry it out, once ▶ remember

Only this module knows the order. What is decided is stored before the first request that must not be repeated; a retry
carries out the stored plan. As long as nothing was written, the plan is made anew on every attempt.

`attempt` is what the stages of one attempt share · `client_locks` have one chat of a person written at a time · `case` is one
chat on its way to one target, with what follows from it · `recognise` asks our own memory and the CRM's search whose chat it
is · `deals` knows a client's open ones · `carrying` carries out the plan, operation by operation · `journal` has each done
once, and finds out what became of one that got no answer · `leaving` is the second at which a request leaves · `copying`
has files copied onto the card · `tally` makes of a chat's figures what it adds to its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections.sources import Source
from bridge.connections.targets import Target
from bridge.crm.merge import what_is_new
from bridge.errors import NotFound
from bridge.model import Client, JobState, Plan, Role, Verdict
from bridge.pipeline.attempt import Attempting, PlanAgain, held, in_step, skipped, waiting
from bridge.pipeline.carrying import BEGUN, Carrying, Plans, half_done
from bridge.pipeline.case import Case
from bridge.pipeline.client_locks import ClientLocks
from bridge.pipeline.copying import Copying
from bridge.pipeline.deals import Deals
from bridge.pipeline.journal import Journal, Scopes
from bridge.pipeline.recognise import Recogniser
from bridge.store import Outcome, Store
from bridge.write import Work, plan

#: a plan is made anew so often within one attempt
PLANNINGS = 4


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
    scopes: Scopes
    locks: ClientLocks
    carrying: Carrying

    @classmethod
    def of(cls, store: Store, clock: Clock, settings: Settings, sources: Mapping[str, Source],
           targets: Mapping[str, Target]) -> Pipeline:
        journal, scopes = Journal(store, clock), Plans(store)
        recogniser, deals = Recogniser(store, clock, journal, scopes), Deals(store, clock, journal, scopes)
        locks = ClientLocks(store, clock)
        carrying = Carrying(store, clock, journal, deals, Copying(journal), locks)
        return cls(store, clock, settings, sources, targets, journal, recogniser, deals, scopes, locks, carrying)

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
            await self.locks.give_back(attempt)

    async def _nothing_begun(self, attempt: Attempting) -> bool:
        return not any(row.state in BEGUN for row in await self.store.operations(attempt.job.id))

    async def _case(self, attempt: Attempting) -> Case:
        job = attempt.job
        source = self.sources.get(job.source)
        if source is None:
            raise held(
                "source_unknown", f"The source {job.source!r} is not in the config any more. Put it back, or skip this job."
            )
        case = Case.of(attempt, source, self.targets[job.target], await self.store.chat(job.chat_row), self.settings)
        await in_step()
        attempt.tally = case.tally()
        return case

    async def _run(self, case: Case) -> Outcome:
        attempt = case.attempt
        rows = await self.store.operations(attempt.job.id)
        rehearses = case.target.settings.mode == "rehearse" and not attempt.job.for_real
        if half_done(rows):
            if rehearses:
                raise held(
                    "half_written",
                    "Part of the chat was sent to the CRM before its target was set to rehearse. Nothing more is written until "
                    "a person says so.",
                )
            await self.locks.take(attempt, case.person.locks(case.target.name))
            if attempt.plan is not None and attempt.plan.match.client is not None:
                await self.locks.take(attempt, [case.client_lock(attempt.plan.match.client)])
            # who held the lock may have found out what became of our creation, and have made the client since
            rows = await self.store.operations(attempt.job.id)
        if attempt.plan is None or not any(row.state in BEGUN for row in rows):
            made = await self._plan(case)
            if rehearses:
                return Outcome(state=JobState.SKIPPED, reason="rehearsed", detail=made.match.reason, rehearsed=made)
            rows = await self.store.record_plan(attempt.job, made)
            attempt.plan = made
        return await self.carrying.carry_out(case, attempt.plan, rows)

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
        await in_step()
        await self.locks.take(attempt, case.person.locks(target.name))
        chosen = await self._chosen(case, seen)
        match = await self.recogniser.recognise(
            attempt, target, case.person, seen, ambiguous=case.options.ambiguous, conflict=case.options.conflict,
            language=case.source.settings.language, chosen=chosen, because="chosen" if attempt.known is None else "named",
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
            await self.locks.take(attempt, [case.client_lock(match.client)])
        return plan(await self._work(case, match, delivered))

    async def _settle_left_open(self, case: Case) -> None:
        """A note that an earlier job of the chat has sent before a person left that job out: what it has told, if it came to
        anything, is not told again, unless a person wants all of it anew.
        """
        attempt = case.attempt
        attempt.alone = await self.store.is_alone(attempt.job)
        if attempt.alone or attempt.job.generation > 0:
            return
        for row in await self.store.left_open(attempt.job):
            known = await self.scopes.scope_of(row)
            if known is None:
                continue  # of one that was emptied nobody can find out
            keys = known[0].message_keys
            if not keys or not await self.store.delivered(case.stored.row, case.target.name) >= set(keys):
                await self.journal.settle_foreign(attempt, case.target, row.id, self.scopes)

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
