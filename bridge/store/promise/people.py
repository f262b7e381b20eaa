"""What people decide, what they are told, and what is erased at their wish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from bridge.model import Correction
from bridge.store.records import AuditEntry, Erased, Forgetting


class Decisions(Protocol):
    async def replay(self, job_ids: Sequence[int], *, again: bool = False, for_real: bool = False) -> list[int]:
        """Send jobs round again: what is not done, nothing twice. With `again` under a new generation of markers. With
        `for_real` they are written although their target only rehearses.
        """
        ...

    async def skip(self, job_ids: Sequence[int], reason: str) -> list[int]: ...
    async def written(self, job_id: int, record_id: str) -> bool:
        """A person says that the operation whose outcome is unknown was carried out."""
        ...

    async def choose(self, job_id: int, client_id: str) -> bool:
        """A person says whose chat this is."""
        ...

    async def correct(self, job_id: int, corrected: Correction) -> bool:
        """A person puts the chat's contact points right, in place of an earlier correction; the job is sent round again."""
        ...


class PersonalData(Protocol):
    async def forget(self, what: Forgetting) -> Erased:
        """Erase it, all of it or nothing: contents go, jobs that are not over are skipped, what was known stays known by its
        marks. Nothing is erased while one of the jobs is being worked on.
        """
        ...

    async def tombstones(self, marks: Iterable[str]) -> dict[str, float]:
        """Those of the marks that stand for something erased, and when it was."""
        ...

    async def any_tombstone(self) -> bool: ...
    async def record_audit(self, entry: AuditEntry) -> None: ...


class Notices(Protocol):
    async def raise_alert(self, cause: str, text: str) -> bool:
        """True if this cause was not open yet."""
        ...

    async def resolve_alert(self, cause: str) -> bool: ...
    async def open_alerts(self) -> dict[str, str]: ...
