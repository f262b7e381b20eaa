"""Whose chat it is: our own map of identities, then the CRM's search, then the decision.

The map bridges the CRM's index lag and saves searches. A row is believed without looking only within `consistency_delay` of its
own write; later its client is read by id and checked like any hit. A row that points to an operation says that somebody is
making this very client: that is settled first, whoever's job it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bridge import match
from bridge.clock import Clock
from bridge.connections.targets import Target
from bridge.errors import NotFound
from bridge.model import Client, ContactPoint, Match, PointKind, Verdict
from bridge.pipeline.attempt import Attempting
from bridge.pipeline.journal import Journal, Scopes
from bridge.store import Identity, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """By what a visitor can be recognised."""

    source: str
    #: own and unclear ones that take part in matching, best first
    points: tuple[ContactPoint, ...]
    visitor_id: str | None
    external_id: str | None

    def pairs(self) -> list[tuple[str, str]]:
        return match.identity_points(
            self.points, source=self.source, visitor_id=self.visitor_id, external_id=self.external_id
        )

    def locks(self, target: str) -> list[str]:
        keys = match.lock_keys(self.points, source=self.source, visitor_id=self.visitor_id, external_id=self.external_id)
        return [f"{target}/{key}" for key in keys]


@dataclass(frozen=True, slots=True)
class Recogniser:
    store: Store
    clock: Clock
    journal: Journal
    scopes: Scopes

    async def recognise(
        self, attempt: Attempting, target: Target, person: Person, scope: Mapping[str, Any], *,
        ambiguous: str, conflict: str, language: Literal["en", "ru"], chosen: Client | None = None,
        because: Literal["chosen", "named"] = "chosen",
    ) -> Match:
        """The locks of `person` are held. Raises CrmError, or Stop while another job's creation is not settled.

        `chosen`: who it is has been decided, by a person or by the CRM (`because` says which).
        """
        if chosen is not None:
            return Match(verdict=Verdict.FOUND, client=chosen, reason=match.words(language, because))
        if not target.mapping.knows_clients:
            return Match(verdict=Verdict.TOLD, reason=match.words(language, "told"))
        rows = await self._settled_rows(attempt, target, person)
        known = await self._known_clients(attempt, target, person, rows, scope)
        covered = {(row.kind, row.value) for row in rows if row.client_id in {client.id for client in known}}
        asked = [pair for pair in person.pairs() if pair[0] in {"phone", "email"}]
        if known and all(pair in covered for pair in asked) and asked:
            hits = list(known)
            attempt.say("found.map", f"{len(hits)} known from before")
        else:
            hits = await self._search(attempt, target, person, scope)
            hits += [client for client in known if client.id not in {hit.id for hit in hits}]
        decision = await self._decide(
            attempt, target, person, hits, scope, ambiguous=ambiguous, conflict=conflict, language=language
        )
        if decision.verdict is Verdict.NEW and person.visitor_id:
            # last of all, and never against a contact point that was found
            decision = await self._by_visitor(attempt, target, rows, scope, decision, language)
        attempt.say(f"matched.{decision.verdict}", decision.reason)
        return decision

    async def _settled_rows(self, attempt: Attempting, target: Target, person: Person) -> list[Identity]:
        pairs = person.pairs()
        rows = await self.store.identities(target.name, pairs)
        under_way = {row.operation for row in rows if row.operation is not None}
        for operation_id in sorted(under_way):
            await self.journal.settle_foreign(attempt, target, operation_id, self.scopes)
        return await self.store.identities(target.name, pairs) if under_way else rows

    async def _known_clients(
        self, attempt: Attempting, target: Target, person: Person, rows: Sequence[Identity], scope: Mapping[str, Any]
    ) -> list[Client]:
        """The clients that our map names for the contact points and the external id, each checked unless it is quite fresh."""
        clients: dict[str, Client] = {}
        now = self.clock.time()  # taken with the rows: the clock may be set while the CRM is asked
        for row in rows:
            if row.kind == "visitor" or row.client_id is None or row.client_id in clients:
                continue
            client = await self._client_of(attempt, target, row, scope, now)
            if client is not None and match.agreement(client, person.points, person.external_id):
                clients[client.id] = client
            else:
                attempt.say("map.outdated", f"{row.kind}: the card is gone or has other contact data now")
                await self.store.forget_identities(target.name, [(row.kind, row.value)])
        return list(clients.values())

    async def _client_of(
        self, attempt: Attempting, target: Target, row: Identity, scope: Mapping[str, Any], now: float
    ) -> Client | None:
        fresh = now - row.written_at <= target.crm.consistency_delay
        try:
            client = await target.crm.read(Client(id=row.client_id or "", entity=row.entity or "client"), scope, attempt.steps)
        except NotFound:
            return None
        if not fresh:
            return client
        # what we wrote a moment ago may not show yet, neither in a search nor in what is read
        if row.kind == "phone":
            return client.model_copy(update={"phones": (*client.phones, row.value)})
        if row.kind == "email":
            return client.model_copy(update={"emails": (*client.emails, row.value)})
        return client.model_copy(update={"external_id": row.value})

    async def _search(self, attempt: Attempting, target: Target, person: Person, scope: Mapping[str, Any]) -> list[Client]:
        phones = [point.value for point in person.points if point.kind is PointKind.PHONE]
        emails = [point.value for point in person.points if point.kind is PointKind.EMAIL]
        if not phones and not emails and not person.external_id:
            return []
        hits = await target.crm.find(scope, phones=phones, emails=emails, external_id=person.external_id, steps=attempt.steps)
        attempt.say("searched", f"{len(hits)} found")
        return hits

    async def _decide(
        self, attempt: Attempting, target: Target, person: Person, hits: Sequence[Client], scope: Mapping[str, Any], *,
        ambiguous: str, conflict: str, language: Literal["en", "ru"],
    ) -> Match:
        with_open_deal: dict[str, int] = {}
        rivals = match.contenders(person.points, hits, person.external_id)
        if len(rivals) > 1 and ambiguous == "active" and target.mapping.open_deals is not None:
            for rival in rivals[:5]:
                with_open_deal[rival.client.id] = len(await target.crm.open_deals(rival.client, scope, attempt.steps))
        return match.decide(
            person.points, hits, external_id=person.external_id, ambiguous=ambiguous, conflict=conflict,
            with_open_deal=with_open_deal, language=language,
        )

    async def _by_visitor(
        self, attempt: Attempting, target: Target, rows: Sequence[Identity], scope: Mapping[str, Any], decision: Match,
        language: Literal["en", "ru"],
    ) -> Match:
        row = next((row for row in rows if row.kind == "visitor" and row.client_id), None)
        if row is None:
            return decision
        try:
            client = await target.crm.read(Client(id=row.client_id or "", entity=row.entity or "client"), scope, attempt.steps)
        except NotFound:
            await self.store.forget_identities(target.name, [(row.kind, row.value)])
            return decision
        return Match(verdict=Verdict.FOUND, client=client, from_map=True,
                     reason=match.words(language, "visitor"))
