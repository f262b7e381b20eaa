"""A list of finished chats, page by page into the store, from where it was left.

After each page the store knows how far this has come, and a page is passed only when its chats are on disk. So it may be
broken off anywhere; what is listed twice is known by its bytes, and what is known of its chat by its messages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from bridge import parse
from bridge.clock import Clock
from bridge.errors import NotFound, Rejected
from bridge.fetch.connection import Connection
from bridge.model import Chat
from bridge.parse import Understood
from bridge.sort import Sorter
from bridge.store import Store
from bridge.write.keys import message_keys


@dataclass(frozen=True, slots=True)
class Window:
    """What is listed, and how far that has come."""

    since: datetime
    until: datetime
    #: what leads to the next page; None: the first one
    next: Any = None
    done: bool = False

    def text(self) -> str:
        times = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return json.dumps({**times, "next": self.next, "done": self.done})

    @classmethod
    def of(cls, text: str) -> Self:
        told = json.loads(text)
        return cls(datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["until"]), told["next"], told["done"])


@dataclass(frozen=True, slots=True)
class Pulled:
    """One page."""

    listed: int
    #: chats that had not come before
    new: int
    done: bool


@dataclass(slots=True, kw_only=True)
class Pull:
    """One source's list. `quiet`: what comes of it is history and wakes none of the CRM's robots."""

    store: Store
    clock: Clock
    sorter: Sorter
    connection: Connection
    quiet: bool = False

    @property
    def source(self) -> str:
        return self.connection.source.name

    async def window(self, name: str, *, look_back: float, overlap: float) -> Window:
        """What is to be listed now: the rest of what was begun, or what has come since it was done, less `overlap` seconds."""
        now = self.clock.now().astimezone(UTC)
        known = await self.store.position(name)
        if known is None:
            return Window(now - timedelta(seconds=look_back), now)
        before = Window.of(known.value)
        return before if not before.done else Window(min(before.until, now) - timedelta(seconds=overlap), now)

    async def pages(self, name: str, window: Window) -> AsyncIterator[Pulled]:
        """The rest of a window, recorded under `name` after each page; the last one may say that there is more (`pages.most`).

        Raises what Connection.fetch raises; what was listed until then is kept.
        """
        try:
            async with aclosing(self.connection.listing(window.since, window.until, window.next)) as listing:
                async for page in listing:
                    new = sum(await asyncio.gather(*(self._take(record) for record in page.records)))
                    # A list that leads back to the page it came from would be read for ever.
                    done = page.next is None or page.next == window.next
                    window = replace(window, next=None if done else page.next, done=done)
                    await self.store.record_position(name, window.text())
                    yield Pulled(len(page.records), new, done)
        except (NotFound, Rejected):
            # What leads to a page may have run out in the meantime; then the list is read from its beginning.
            if window.next is not None:
                await self.store.record_position(name, replace(window, next=None).text())
            raise

    async def _take(self, record: Mapping[str, Any]) -> bool:
        """True if it is news."""
        delivery = parse.listed(
            record, self.connection.source.mapping, source=self.source, at=self.clock.now(), quiet=self.quiet
        )
        if await self._known(self.sorter.understand(delivery)):
            return False
        return not (await self.store.accept(delivery)).duplicate

    async def _known(self, understood: Understood) -> bool:
        """True if all that the record tells has come before, or if the mapping has no use for it."""
        if understood.not_understood:
            return False
        for wanted in understood.wanted:
            stored = await self.store.chat_of(self.source, wanted.chat_id) if wanted.chat_id else None
            ended = stored.chat.ended_at if stored else None
            if ended is None or wanted.ended_at is None or wanted.ended_at > ended:
                return False
        for event in understood.events:
            stored = await self.store.chat_of(self.source, event.chat.chat_id)
            if stored is None or not _holds(stored.chat, event.chat):
                return False
        return True


def _holds(stored: Chat, told: Chat) -> bool:
    return (
        set(message_keys(told)) <= set(message_keys(stored))
        and set(told.visitor.phones) <= set(stored.visitor.phones)
        and set(told.visitor.emails) <= set(stored.visitor.emails)
    )
