"""What is to be done, by whom, and what stops it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from bridge.store.records import Attempt, Job, Outcome, StoredChat, TargetStop, TokenRow
from bridge.store.tallies import Tally


class Jobs(Protocol):
    async def claim(self, *, owner: str, lease: float, room: Mapping[str, int]) -> list[Job]:
        """Take due jobs, of each target at most so many, its sources in turn, of each source the oldest due first, first in
        their lane; also those of workers that vanished.
        """
        ...

    async def next_due(self, targets: Iterable[str]) -> float | None: ...
    async def hold_strangers(self, known: Iterable[str]) -> int:
        """Hold the jobs of targets that are not known; gives how many."""
        ...

    async def renew(self, jobs: Mapping[int, int], lease: float) -> set[int]:
        """Prolong leases ({job id: epoch}); gives the ids that are still ours."""
        ...

    async def finish(self, job: Job, outcome: Outcome, attempt: Attempt | None, tally: Tally | None = None) -> None:
        """An attempt has ended. In the same commit its chat is counted for the figures as it stands now (`tally`), in the
        place of what it had added before.
        """
        ...

    async def job(self, job_id: int) -> Job | None: ...
    async def chat(self, row: int) -> StoredChat: ...
    async def delivered(self, chat_row: int, target: str) -> frozenset[str]:
        """Keys of this chat's messages that stand in notes which are done."""
        ...


class Targets(Protocol):
    async def stops(self) -> dict[str, TargetStop]: ...
    async def stop_target(self, stop: TargetStop) -> None: ...
    async def go(self, target: str, *, rested: bool = False) -> bool:
        """Let it go on; True if it was stopped. `rested`: only if it stops for a time; what a person has to end stays."""
        ...
    async def clients_made(self, target: str, since: float) -> int: ...


class Tokens(Protocol):
    async def token(self, name: str) -> TokenRow | None:
        """The access tokens of a target."""
        ...

    async def claim_token(self, name: str, *, version: int, owner: str, seconds: float) -> bool:
        """The right to renew it, for so long, if that version is still the newest and nobody else has the right."""
        ...

    async def release_token(self, name: str, owner: str) -> None: ...
    async def save_token(self, name: str, sealed: bytes, *, expires_at: float | None, replaces: int | None) -> bool:
        """Keep a new pair in the place of a version (None: whatever is there); False if that is not the newest any more.
        It ends claims, a begun consent, and `ended`.
        """
        ...

    async def end_token(self, name: str, *, version: int, reason: str) -> None:
        """This version is of no use any more: a person has to agree again. A newer one stays as it is."""
        ...

    async def keep_consent(self, name: str, sealed: bytes) -> None: ...
