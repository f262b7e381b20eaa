"""What comes in: deliveries, the chats they tell of, and what has to be fetched for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from bridge.model import Delivery
from bridge.store.records import Accepted, Fetching, Position, Sorted, StoredChat, VisitorContacts


class Intake(Protocol):
    async def accept(self, delivery: Delivery) -> Accepted:
        """Keep a delivery, or find out that it is kept already. Raises NoRoom."""
        ...

    async def received(self, limit: int) -> list[Delivery]:
        """Deliveries that nobody has sorted yet, oldest first, with their bytes."""
        ...

    async def chat_of(self, source: str, chat_id: str) -> StoredChat | None: ...

    async def chats_of_visitor(self, source: str, visitor_id: str, *, waiting: bool = True) -> list[StoredChat]:
        """The visitor's chats; with `waiting` only those of which a job is not over yet, so that a contact still counts."""
        ...

    async def contacts_of(self, source: str, visitor_id: str) -> VisitorContacts | None: ...

    async def record_sorted(self, results: Sequence[Sorted]) -> list[int]:
        """Write what deliveries mean: chats (a revision each), their jobs, the deliveries' state; all or nothing for
        each delivery. A new job ends those of its lane that have sent nothing: `skipped: superseded`. A change whose
        base has moved on leaves its delivery as it was, to be sorted again: gives the ids of these. What is said of a
        delivery that is over is not written.
        """
        ...


class Fetches(Protocol):
    async def claim_fetches(self, *, lease: float, room: Mapping[str, int]) -> list[Fetching]:
        """Take deliveries whose time to be fetched for has come, of each source at most so many, the first of each lane,
        those due longest first. They are taken again when the lease (seconds) is over without a result, or after a restart.
        """
        ...

    async def hold_fetches(self, known: Iterable[str]) -> int:
        """Hold what is to be fetched for sources that are not known; gives how many."""
        ...

    async def position(self, name: str) -> Position | None:
        """How far the list of that name has been read."""
        ...

    async def record_position(self, name: str, value: str) -> None: ...
    async def forget_position(self, name: str) -> None: ...

    async def sort_again(self, *, deliveries: Sequence[int] = (), source: str | None = None) -> int:
        """Let deliveries that were not understood be sorted once more (those named, or all of a source): the mapping
        was corrected, or the source is back. Gives how many; those whose bytes are gone stay.
        """
        ...
