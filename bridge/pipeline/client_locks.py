"""One chat of a person, and one of a client's card, is written at a time; the others make room meanwhile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.pipeline.attempt import Attempting, waiting
from bridge.store import Store

#: a lock is given back at the attempt's end; this is for the attempt that has none, in seconds
LAPSES = 3600.0
#: how long an attempt waits for another chat of the same person before it makes room for others, in seconds
PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class ClientLocks:
    store: Store
    clock: Clock

    async def take(self, attempt: Attempting, keys: Sequence[str]) -> None:
        """All of them, until the attempt ends. Raises Stop (`client_busy`) where somebody else has one of them for too long."""
        owner = attempt.lock_owner
        if await self.store.lock(keys, owner, LAPSES):
            return
        await self.store.unlocked(keys, PATIENCE)
        if await self.store.lock(keys, owner, LAPSES):
            return
        later = self.clock.time() + random.uniform(0.2, 1.0)  # noqa: S311 - so that waiting chats do not come in step
        raise waiting("client_busy", later, "Another chat of the same person is being written.")

    async def give_back(self, attempt: Attempting) -> None:
        """All that the attempt has."""
        await self.store.unlock(attempt.lock_owner)
