"""The store as those may use it who belong to one customer of an agency: what is done is done to that customer's rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.config.sites import site_of
from bridge.model import Correction
from bridge.store.reading import Reading
from bridge.store.records import AuditEntry, StoredChat, TargetStop, TokenRow

if TYPE_CHECKING:
    from bridge.store import Store


@dataclass(frozen=True, slots=True)
class SiteStore:
    """What of a store somebody may use who belongs to one customer. What is not here they cannot do."""

    site: str
    _store: Store

    def reading(self) -> Reading:
        return self._store.reading(self.site)

    # -- what stands in the store under names --

    async def stops(self) -> dict[str, TargetStop]:
        return {name: stop for name, stop in (await self._store.stops()).items() if site_of(name) == self.site}

    async def open_alerts(self) -> dict[str, str]:
        """Those of the customer's own connections: `kind:connection`, or with a state between the two."""
        return {cause: text for cause, text in (await self._store.open_alerts()).items() if self._named_in(cause)}

    async def token(self, name: str) -> TokenRow | None:
        return await self._store.token(name) if site_of(name) == self.site else None

    async def record_audit(self, entry: AuditEntry) -> None:
        await self._store.record_audit(entry)

    # -- what people do --

    async def replay(self, job_ids: Sequence[int], *, again: bool = False, for_real: bool = False) -> list[int]:
        return await self._store.replay(await self._mine("jobs", job_ids), again=again, for_real=for_real)

    async def skip(self, job_ids: Sequence[int], reason: str) -> list[int]:
        return await self._store.skip(await self._mine("jobs", job_ids), reason)

    async def written(self, job_id: int, record_id: str) -> bool:
        return await self._if_mine(job_id) and await self._store.written(job_id, record_id)

    async def choose(self, job_id: int, client_id: str) -> bool:
        return await self._if_mine(job_id) and await self._store.choose(job_id, client_id)

    async def correct(self, job_id: int, corrected: Correction) -> bool:
        return await self._if_mine(job_id) and await self._store.correct(job_id, corrected)

    async def go(self, target: str, *, rested: bool = False) -> bool:
        return site_of(target) == self.site and await self._store.go(target, rested=rested)

    async def sort_again(self, *, source: str) -> int:
        return await self._store.sort_again(source=source) if site_of(source) == self.site else 0

    async def chat(self, row: int) -> StoredChat:
        """Raises LookupError for a chat that is not the customer's."""
        if not await self._mine("chats", [row]):
            raise LookupError(f"chat {row} is not {self.site}'s")
        return await self._store.chat(row)

    async def _if_mine(self, job_id: int) -> bool:
        return bool(await self._mine("jobs", [job_id]))

    async def _mine(self, table: Literal["jobs", "chats"], ids: Sequence[int]) -> list[int]:
        """Those of the numbers that are the customer's, in the order in which they were given."""
        there = await self.reading().there(table, ids)
        return [one for one in ids if one in there]

    def _named_in(self, cause: str) -> bool:
        return any(site_of(part) == self.site for part in cause.split(":"))
