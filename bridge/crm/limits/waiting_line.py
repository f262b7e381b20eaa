"""Who waits for a slot: whoever is in a hurry first, then whoever came first."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.crm.limits.slots import Slot
from bridge.errors import Busy


@dataclass(order=True, slots=True)
class Waiting:
    later: bool
    order: int
    #: of rates that count the call
    kinds: tuple[int, ...] = field(compare=False)
    given: asyncio.Future[Slot] = field(compare=False)


class WaitingLine:
    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, one: Waiting) -> None:
        insort(self._waiting, one)

    def leave(self, one: Waiting) -> None:
        """Nothing, if it has gone already."""
        if one in self._waiting:
            self._waiting.remove(one)

    def give(self, slot: Slot) -> bool:
        """To the first whom it serves and who still wants it. False: to nobody."""
        for one in self._waiting[:]:
            if set(one.kinds) <= set(slot.kinds):
                self._waiting.remove(one)
                if not one.given.done():
                    one.given.set_result(slot)
                    return True
        return False

    def refuse(self, why: Busy) -> None:
        """All of them; each with an error of its own, since it is raised in each."""
        for one in self._waiting:
            if not one.given.done():
                one.given.set_exception(Busy(why.message, retry_after=why.retry_after))
        self._waiting.clear()
