"""The synchronous answer: while a chat is on, the operator's chat window shows the client's card in the CRM.

It is given within the mapping's time budget or not at all; the plain answer is never late because of it. Never a phone or
e-mail out of the CRM: the webhook's caller is not proved to be that person, and the provider would hand it back to us as the
visitor's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from bridge import parse
from bridge.clock import Clock
from bridge.config import Settings, routes
from bridge.connections.route_scope import route_scope
from bridge.connections.sources import Source
from bridge.connections.targets import Target
from bridge.crm.limits import in_a_hurry
from bridge.errors import BridgeError, NotFound
from bridge.extract import Extraction, contact_points
from bridge.kpi import kpi
from bridge.log import mask
from bridge.mapping.language.scopes import Scope
from bridge.match import agreement, contenders
from bridge.model import Chat, Client, Delivery, PointKind
from bridge.parse import Glance, Reply
from bridge.pipeline.recognise import Person
from bridge.store import Identity, Store
from bridge.write import card_points, scope

log = structlog.get_logger()

_TITLES: Mapping[str, Mapping[str, str]] = {
    "client": {"en": "Client in the CRM", "ru": "Клиент в CRM"},
    "deals": {"en": "Open deals", "ru": "Открытые сделки"},
    "remark": {"en": "Note", "ru": "Пометка"},
}
#: open deals named to the operator
DEALS = 3


@dataclass(slots=True)
class LiveAnswers:
    store: Store
    clock: Clock
    settings: Settings
    targets: Mapping[str, Target]

    async def answer(self, source: Source, delivery: Delivery, payload: Any, glance: Glance) -> Reply:
        """The live answer filled with the client's card; the plain one if the CRM is slow, broken or knows nobody."""
        live = glance.live_answer
        if live is None or live.within is None:
            return glance.answer
        try:
            with in_a_hurry():
                async with asyncio.timeout(live.within):
                    card = await self._card(source, delivery, payload)
        except TimeoutError:
            log.info("live_answer.missed", source=source.name, why="time")
            return glance.answer
        except BridgeError as error:
            log.info("live_answer.missed", source=source.name, why=error.code)
            return glance.answer
        except Exception:  # an operator's window must not wait for a fault of ours
            log.exception("live_answer.broke", source=source.name)
            return glance.answer
        if card is None:
            return glance.answer
        seen = glance.scope
        return parse.reply(live, Scope(seen.own, {**seen.ours, "client": card}, beyond=seen.beyond, memo=seen.memo))

    async def _card(self, source: Source, delivery: Delivery, payload: Any) -> dict[str, Any] | None:
        understood = parse.understand(delivery, source.mapping, source.view, payload)
        if not understood.events:
            return None
        chat = understood.events[0].chat
        target = self._target(source, chat)
        if target is None:
            return None
        options = target.settings.options
        found = contact_points(chat, region=source.settings.region, own=source.own)
        person = Person(
            source=source.name, points=card_points(found.points, options.match_limit), visitor_id=chat.visitor.id,
            external_id=chat.visitor.external_id,
        )
        seen = self._scope(source, target, chat, found, options.match_limit)
        client = await self._client(target, person, seen)
        if client is None:
            return None
        deals = await target.crm.open_deals(client, seen, []) if target.mapping.open_deals is not None else []
        open_deals = [{"title": _shown(deal.get("title")), "stage": _shown(deal.get("stage"))} for deal in deals[:DEALS]]
        name, remark = _shown(client.name), _shown(client.remark)
        said = {"client": name, "deals": ", ".join(deal["title"] for deal in open_deals if deal["title"]), "remark": remark}
        return {
            #: what there is to say, for providers that show a list
            "lines": [
                {"title": _TITLES[name][source.settings.language], "content": text} for name, text in said.items() if text
            ],
            "id": client.id, "entity": client.entity, "name": name, "card_url": target.crm.card_url(client), "remark": remark,
            "owner": client.owner if client.owner and "@" not in client.owner else None, "open_deals": open_deals,
        }  # fmt: skip

    def _target(self, source: Source, chat: Chat) -> Target | None:
        """The first target that this chat will go to."""
        taken = routes.choose(self.settings.routes_of(source.name), route_scope(chat))
        return self.targets.get(taken[0].target) if taken else None

    def _scope(self, source: Source, target: Target, chat: Chat, found: Extraction, limit: int) -> dict[str, Any]:
        figures = kpi(chat, source.settings.hours, source.settings.zone, points=found.points)
        return scope(
            chat, found.points, found.wishes, figures, source=source.scope(), target=target.settings.scope(),
            match_limit=limit,
        )

    async def _client(self, target: Target, person: Person, seen: Mapping[str, Any]) -> Client | None:
        """One client whose own fields agree; of several nobody, because a wrong name in front of the operator is worse."""
        rows = [row for row in await self.store.identities(target.name, person.pairs()) if row.client_id is not None]
        # whose chat the visitor's last one was says less than a contact point given in this one
        for row in (row for row in rows if row.kind != "visitor"):
            client = await self._read(target, row, seen)
            if client is not None and agreement(client, person.points, person.external_id):
                others = {other.client_id for other in rows if other.kind != "visitor"} - {client.id}
                return None if others else client
        phones = [point.value for point in person.points if point.kind is PointKind.PHONE]
        emails = [point.value for point in person.points if point.kind is PointKind.EMAIL]
        if phones or emails or person.external_id:
            hits = await target.crm.find(seen, phones=phones, emails=emails, external_id=person.external_id, steps=[])
            rivals = contenders(person.points, hits, person.external_id)
            if rivals:
                return rivals[0].client if len(rivals) == 1 else None
        visitors = next((row for row in rows if row.kind == "visitor"), None)
        return await self._read(target, visitors, seen) if visitors is not None else None

    async def _read(self, target: Target, row: Identity, seen: Mapping[str, Any]) -> Client | None:
        try:
            return await target.crm.read(Client(id=row.client_id or "", entity=row.entity or "client"), seen, [])
        except NotFound:
            return None


def _shown(text: Any) -> str | None:
    """The text, if it holds neither phone nor e-mail: cards are often named by them, and deals after cards."""
    return text if isinstance(text, str) and mask(text) == text else None
