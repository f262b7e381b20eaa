"""What replicas agree on, what time takes away, and who only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from bridge.store.records import Keep

if TYPE_CHECKING:
    from bridge.store.personal import Personal
    from bridge.store.reading import Reading

Result = TypeVar("Result")


class Agreed(Protocol):
    async def agree(self, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
        """Change a text that all processes share, one after another: `change` gets what is held ('': nothing) and the time, by
        the store's own clock, which is the same for all of them; it gives what is to be held, and a result. It may be run again,
        so it does nothing else. What is agreed on outlives a process, and may be lost with the machine that the store runs on.
        Raises NoRoom; then nothing is changed, or nobody knows.
        """
        ...

    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]:
        """All that has been agreed on after that time (by the store's own clock), and what time it is."""
        ...


class Upkeep(Protocol):
    async def clock_moved(self, seconds: float) -> None:
        """The wall clock was set ahead by so much (less than 0: back): what is waited for keeps its distance from now."""
        ...

    async def prune(self, keep: Keep, limit: int) -> int:
        """Empty and delete what is older, at most so many rows of each kind; 0 when nothing is left to do."""
        ...

    async def index_older(self, limit: int) -> int:
        """Let at most so many chats be found that an older version has written; 0 when all of them are."""
        ...


class Reads(Protocol):
    def reading(self, site: str | None = None) -> Reading:
        """What pages and commands ask; never in the way of a write. Of one customer of an agency: over no other's rows, whatever
        is asked. Raises ValueError for what cannot be a customer's name.
        """
        ...

    def personal(self) -> Personal:
        """What is asked to find everything that is kept of one person."""
        ...
