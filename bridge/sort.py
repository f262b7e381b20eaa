"""SORT — stored deliveries → chats and the jobs they cause.

A delivery that cannot be read is kept and shown; it stops nobody. Contacts that come apart from a chat (a form filled, a card
changed) go to the visitor, and to their chats that wait for one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from bridge.assemble import merged, with_contacts
from bridge.clock import Clock
from bridge.config import Settings, routes
from bridge.connections.route_scope import route_scope
from bridge.connections.sources import Source
from bridge.errors import BridgeError, NotUnderstood
from bridge.extract import contact_points
from bridge.model import Chat, Delivery, Event, EventKind
from bridge.parse import IMPORTED, Understood, understand
from bridge.people.forgotten import Marks, what_is_left
from bridge.store import Sorted, Store, VisitorContacts
from bridge.store.records import ChatChange, DeliveryState, NewJob, ToFetch

log = structlog.get_logger()

#: deliveries read in one go, at the most
BATCH = 64
#: of these, written in one go: an answer to a chat service may have to wait for as long as that takes
WRITTEN = 8
#: bytes of a delivery that takes long to read
LARGE = 128 * 1024
#: chats that ended longer ago are written without waking the CRM's robots, in seconds
OLD = timedelta(days=1)

_NOBODY_ELSE = partial(asyncio.sleep, 0)
_ENDS = {EventKind.CHAT_FINISHED, EventKind.OFFLINE_MESSAGE}


@dataclass(slots=True)
class Sorter:
    store: Store
    clock: Clock
    settings: Settings
    sources: Mapping[str, Source]
    #: awaited between two deliveries: lets those go first whom a chat service waits for
    after_you: Callable[[], Awaitable[None]] = _NOBODY_ELSE
    #: how many deliveries the next round reads: of those that build on one another most would be read in vain
    _at_once: int = field(default=BATCH, init=False)

    async def sort(self) -> int:
        """Sort what has come in; gives how many deliveries were sorted."""
        results: list[Sorted] = []
        touched: set[tuple[str, str]] = set()
        found = await self.store.received(self._at_once)
        for delivery in found:
            understood = await self._understood(delivery)
            keys = _touches(delivery.source, understood.events)
            builds_on_another = not touched.isdisjoint(keys)
            touched |= keys
            if builds_on_another:
                continue  # which is not written yet: next round
            results.append(await self._meaning(delivery, understood))
            await self.after_you()  # reading one takes a while: who waits for an answer is not to wait for the whole batch
        self._at_once = min(BATCH, 2 * (len(results) if len(results) < len(found) else self._at_once))
        for first in range(0, len(results), WRITTEN):
            if first:
                await self.after_you()
            await self._record(results[first : first + WRITTEN])
        for result in results:
            if result.state == "not_understood":
                log.warning("delivery.not_understood", delivery=result.delivery, reason=result.reason)
        return len(results)

    async def _understood(self, delivery: Delivery) -> Understood:
        """A large one is read beside the event loop: whoever waits for an answer is not to wait for it."""
        if len(delivery.body) < LARGE:
            return self.understand(delivery)
        return await asyncio.to_thread(self.understand, delivery)

    async def _meaning(self, delivery: Delivery, understood: Understood) -> Sorted:
        try:
            return await self.meaning(delivery, understood, wants=self._to_fetch(understood))
        except (BridgeError, OSError):
            raise  # the store's trouble, not this delivery's
        except Exception as error:  # as above: it must not stop the deliveries behind it
            log.exception("delivery.broke_sorter", delivery=delivery.id)
            return _broken(delivery.id, type(error).__name__)

    async def _record(self, results: Sequence[Sorted]) -> None:
        try:
            await self.store.record_sorted(results)
        except (BridgeError, OSError):
            raise
        except Exception as error:
            if len(results) == 1:
                log.exception("delivery.unrecorded", delivery=results[0].delivery)
                await self.store.record_sorted([_broken(results[0].delivery, type(error).__name__)])
                return
            for result in results:  # one of them cannot be written: which one, and the others all the same
                await self._record([result])

    def understand(
        self, delivery: Delivery, *, fetched: Mapping[int, Mapping[str, Any]] | None = None, only: Collection[int] | None = None
    ) -> Understood:
        """What it means, by the mapping of its source; never raises. `fetched` and `only` as parse.understand has them."""
        source = self.sources.get(delivery.source)
        if source is None:
            return Understood(not_understood=f"the source {delivery.source!r} is not in the config any more")
        try:
            return understand(delivery, source.mapping, source.view, fetched=fetched, only=only)
        except Exception as error:  # a fault of ours must not stop the deliveries behind this one
            log.exception("delivery.broke_parser", delivery=delivery.id)
            code = error.code if isinstance(error, BridgeError) else type(error).__name__
            return Understood(not_understood=f"reading it failed ({code}); please report this as a bug")

    def _to_fetch(self, understood: Understood) -> ToFetch | None:
        """What has to be asked for; the delivery waits for it, and those behind it go on."""
        if not understood.wanted:
            return None
        # with several parts there are several chats in it: no one of them may hold up another's
        first = understood.wanted[0].first if len(understood.wanted) == 1 else ""
        lane = hashlib.sha256(first.encode("utf-8", "surrogatepass")).hexdigest()[:16] if first else ""
        return ToFetch(parts=tuple(one.part for one in understood.wanted), at=self.clock.time(), lane=lane)

    async def meaning(
        self, delivery: Delivery, understood: Understood, *, wants: ToFetch | None = None, before: str = ""
    ) -> Sorted:
        """What is to be recorded of a delivery. `wants`: what is still to be fetched for it; `before`: kinds of the events
        that were recorded of it earlier.
        """
        events = understood.events
        if events and await self.store.any_tombstone():
            events = await self._without_forgotten(delivery, events)
            if not events and not wants:
                alias = Marks(self.settings.key.get_secret_value()).alias_of_delivery(delivery.source, delivery.dedupe_key)
                return Sorted(delivery=delivery.id, state="skipped", reason="forgotten", erase=True, alias=alias)
        changes: dict[str, ChatChange] = {}
        contacts: list[VisitorContacts] = []
        findings: list[str] = []
        kinds: list[str] = []
        too_long: list[str] = []
        for event in events:
            findings += event.findings
            kinds.append(event.kind)
            given = _contacts(event.chat)
            if given is not None:
                contacts.append(given)
            if event.kind in _ENDS or event.kind is EventKind.MESSAGE:
                try:
                    change = await self._chat_change(delivery, event, changes.get(event.chat.chat_id), contacts)
                except NotUnderstood as error:  # the other chats of the delivery are as good as ever
                    too_long.append(f"chat {event.chat.chat_id!r}: {error.message}")
                    continue
                changes[event.chat.chat_id] = change
            elif given is not None:
                changes |= await self._with_contact(given, changes)
        reason = "; ".join(dict.fromkeys(too_long)) or understood.not_understood or understood.skipped or ""
        state: DeliveryState = "not_understood" if too_long else _state(understood, before)
        return Sorted(
            delivery=delivery.id, state="fetching" if wants else state, fetch=wants, reason=reason,
            event=", ".join(dict.fromkeys(kinds)), changes=tuple(changes.values()), contacts=tuple(contacts),
            findings=tuple(dict.fromkeys(findings)), erase=events is not understood.events,
        )  # fmt: skip

    async def _without_forgotten(self, delivery: Delivery, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """The events without what was erased and is told once more."""
        marks, source = Marks(self.settings.key.get_secret_value()), self.sources[delivery.source]
        if await self.store.tombstones([marks.delivery(delivery.source, delivery.dedupe_key)]):
            return ()
        left = []
        for event in events:
            found = contact_points(event.chat, region=source.settings.region, own=source.own)
            person = marks.of_person(event.chat, found.points)
            known = await self.store.tombstones([*person, *marks.messages(event.chat)])
            chat = what_is_left(event.chat, marks, person, known)
            if chat is not None:
                left.append(event if chat is event.chat else event.model_copy(update={"chat": chat}))
        unchanged = all(one is other for one, other in zip(left, events, strict=False)) and len(left) == len(events)
        return events if unchanged else tuple(left)

    async def _chat_change(
        self, delivery: Delivery, event: Event, before: ChatChange | None, contacts: Iterable[VisitorContacts]
    ) -> ChatChange:
        """`before` and `contacts`: what the same delivery has said of the chat and of visitors already. Raises NotUnderstood
        for a chat that has grown too long: each message more would be read together with all before it.
        """
        chat = event.chat
        source = self.sources[delivery.source]
        if chat.visitor.id:
            known = await self.store.contacts_of(chat.source, chat.visitor.id)
            for given in (*contacts, *([known] if known else [])):
                if given.visitor_id == chat.visitor.id:
                    chat = _chat_with(chat, given)
        if before is not None:
            base, chat = before.base_revision, merged(before.chat, chat)
        else:
            stored = await self.store.chat_of(chat.source, chat.chat_id)
            base = stored.revision if stored else 0
            if stored is not None:
                chat = merged(stored.chat, chat)
        source.view.limits.check_messages(len(chat.messages), "messages in the chat by now")
        wait = source.idle if event.kind is EventKind.MESSAGE else source.grace
        return ChatChange(
            chat=chat, base_revision=base, wake=before is not None and before.wake,
            jobs=tuple(self._jobs(source, chat, self.clock.time() + wait, imported=delivery.method == IMPORTED)),
        )  # fmt: skip

    def _jobs(self, source: Source, chat: Chat, next_at: float, *, imported: bool) -> Iterable[NewJob]:
        quiet = imported or (chat.ended_at is not None and self.clock.now() - chat.ended_at > OLD)
        possible = self.settings.routes_of(source.name)
        # a chat as plain data costs more than all the rest of this; most businesses have one route without conditions
        scope = route_scope(chat) if any(route.when for route in possible) else {}
        for route in routes.choose(possible, scope):
            yield NewJob(target=route.target, next_at=next_at, quiet=quiet)

    async def _with_contact(self, given: VisitorContacts, changes: Mapping[str, ChatChange]) -> dict[str, ChatChange]:
        """The visitor's chats that are still to be written, with the contact in them; those of this delivery as well."""
        found = {
            chat_id: replace(change, chat=_chat_with(change.chat, given))
            for chat_id, change in changes.items()
            if change.chat.visitor.id == given.visitor_id
        }
        for stored in await self.store.chats_of_visitor(given.source, given.visitor_id, waiting=True):
            if stored.chat.chat_id not in found:
                found[stored.chat.chat_id] = ChatChange(
                    chat=_chat_with(stored.chat, given), base_revision=stored.revision, wake=True
                )
        return found


def _chat_with(chat: Chat, given: VisitorContacts) -> Chat:
    return chat.model_copy(update={"visitor": with_contacts(chat.visitor, given.phones, given.emails, given.name)})


def _broken(delivery: int, error: str) -> Sorted:
    return Sorted(
        delivery=delivery, state="not_understood", reason=f"a fault in chat2crm ({error}); please report this as a bug"
    )


def _state(understood: Understood, before: str) -> DeliveryState:
    if understood.events or before:
        return "sorted"
    return "skipped" if understood.skipped and not understood.not_understood else "not_understood"


def _contacts(chat: Chat) -> VisitorContacts | None:
    visitor = chat.visitor
    if not visitor.id or not (visitor.phones or visitor.emails):
        return None
    return VisitorContacts(
        source=chat.source, visitor_id=visitor.id, phones=visitor.phones, emails=visitor.emails, name=visitor.name
    )


def _touches(source: str, events: Iterable[Event]) -> set[tuple[str, str]]:
    keys = set()
    for event in events:
        keys.add((source, "chat:" + event.chat.chat_id))
        if event.chat.visitor.id:
            keys.add((source, "visitor:" + event.chat.visitor.id))
    return keys
