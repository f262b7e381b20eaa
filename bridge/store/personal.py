"""What is asked of a store to find everything that is kept of one person, page by page: nobody's number stands in an index.

The SQL is of the kind that every engine understands; parameters are `?`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from bridge.store.reading import Row, Rows

#: rows read in one go
PAGE = 200


class Personal:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def counts(self) -> int:
        """How many rows there are to look through."""
        rows = await self._rows(
            "SELECT (SELECT count(*) FROM chats WHERE visitor_name IS NOT '') + "
            "(SELECT count(*) FROM deliveries WHERE body IS NOT NULL) + (SELECT count(*) FROM jobs WHERE plan IS NOT NULL "
            "OR rehearsed IS NOT NULL) + (SELECT count(*) FROM visitors) AS n",
            [],
        )
        return int(rows[0]["n"])

    def chats(self) -> AsyncIterator[Row]:
        """Chats that have not been emptied: id, source, visitor_id, chat (JSON)."""
        return self._paged("SELECT id, source, chat_id, visitor_id, chat FROM chats WHERE visitor_name IS NOT '' AND id > ?")

    def deliveries(self) -> AsyncIterator[Row]:
        """Those whose bytes are kept."""
        return self._paged(
            "SELECT id, source, dedupe_key, received_at, method, query, headers, body, state, chat FROM deliveries "
            "WHERE body IS NOT NULL AND id > ?"
        )

    def plans(self) -> AsyncIterator[Row]:
        """Jobs with a plan: id, chat, plan and rehearsed (JSON)."""
        return self._paged(
            "SELECT id, chat, state, plan, rehearsed FROM jobs WHERE (plan IS NOT NULL OR rehearsed IS NOT NULL) AND id > ?"
        )

    async def visitors(self) -> list[Row]:
        return await self._rows("SELECT source, visitor_id, name, phones, emails, updated_at FROM visitors", [])

    async def deliveries_of(self, chats: Collection[int]) -> list[Row]:
        """All of these chats, also those whose bytes are gone."""
        return await self._among("SELECT id, source, dedupe_key, received_at, chat FROM deliveries WHERE chat IN ({})", chats)

    async def jobs_of(self, chats: Collection[int]) -> list[Row]:
        return await self._among("SELECT * FROM jobs WHERE chat IN ({}) ORDER BY id", chats)

    async def operations_of(self, chats: Collection[int]) -> list[Row]:
        return await self._among(
            "SELECT * FROM operations WHERE job IN (SELECT id FROM jobs WHERE chat IN ({})) ORDER BY id", chats
        )

    async def attempts_of(self, chats: Collection[int]) -> list[Row]:
        return await self._among(
            "SELECT a.*, j.chat FROM attempts a JOIN jobs j ON j.id = a.job WHERE j.chat IN ({}) ORDER BY a.id", chats
        )

    async def identities_by(self, points: Sequence[tuple[str, str]]) -> list[Row]:
        """Whose contact points ((kind, value)) these are, at every target."""
        found = []
        for kind, value in points:
            found += await self._rows("SELECT * FROM identities WHERE kind = ? AND value = ?", [kind, value])
        return found

    async def identities_of(self, clients: Collection[tuple[str, str, str]]) -> list[Row]:
        """All that leads to these clients ((target, entity, client id))."""
        found = []
        for target, entity, client_id in clients:
            found += await self._rows(
                "SELECT * FROM identities WHERE target = ? AND entity = ? AND client_id = ?", [target, entity, client_id]
            )
        return found

    async def audit(self, *, what: str | None = None, before: int | None = None, limit: int = 100) -> list[Row]:
        """Who did what, the newest first."""
        return await self._rows(
            "SELECT * FROM audit WHERE (? IS NULL OR what = ?) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?",
            [what, what, before, before, limit],
        )

    async def _paged(self, sql: str) -> AsyncIterator[Row]:
        last = 0
        while page := await self._rows(f"{sql} ORDER BY id LIMIT {PAGE}", [last]):
            for row in page:
                yield row
            last = page[-1]["id"]

    async def _among(self, sql: str, ids: Collection[int]) -> list[Row]:
        found: list[Row] = []
        wanted = list(ids)
        for begin in range(0, len(wanted), PAGE):
            some = wanted[begin : begin + PAGE]
            found += await self._rows(sql.format(", ".join("?" * len(some))), some)
        return found
