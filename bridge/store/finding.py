"""Looking for jobs among a million of them, in bounded time.

The newest CANDIDATES that the best index gives are looked at; what else is asked for is compared on those. Where that gave
less than a page although there are more, the answer says from where to look further.
"""

from __future__ import annotations

from bridge.store.by_text import ByText
from bridge.store.search_words import read_question
from bridge.store.wanted import COLUMNS, TOP, Found, Place, Row, Rows, Wanted, conditions

__all__ = ["COLUMNS", "Finding", "Found", "Place", "Row", "Rows", "Wanted"]

#: rows that are looked at for one page
CANDIDATES = 5_000
#: halvings that lead to a moment among all rows of any store
_HALVINGS = 64
#: jobs before a moment, the newest of whose chats is the newest chat there was then: more do not come twice in a row
BEFORE = 1_000


class Finding:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def jobs(self, wanted: Wanted, after: Place | None = None, limit: int = 50) -> Found:
        """Newest first; `after` is `next` of the page before."""
        looked = read_question(wanted.text)
        if wanted.text.strip() and not looked:
            return Found(rows=[], next=None)
        if not looked:
            return await self._by_time(wanted, after, limit)
        asked = ByText(self._rows, wanted, looked, after, limit, CANDIDATES)
        return await (asked.jobs() if wanted.until is None else asked.jobs(await self._newest_before(wanted.until)))

    async def _by_time(self, wanted: Wanted, after: Place | None, limit: int) -> Found:
        below = after[1] if after else TOP
        if wanted.until is not None:
            below = min(below, await self.first_from(wanted.until))
        least = await self.first_from(wanted.since) if wanted.since is not None else 0
        known = f" AND state IN ({', '.join('?' * len(wanted.states))})" if wanted.states else ""
        candidates = f"SELECT id FROM jobs WHERE id < ? AND id >= ?{known} ORDER BY id DESC LIMIT ?"  # noqa: S608 - marks only
        values = [below, least, *wanted.states, CANDIDATES]
        where, also = conditions(wanted)
        rows = await self._rows(
            f"SELECT {COLUMNS}, c.visitor_name, c.channel FROM ({candidates}) k CROSS JOIN jobs j ON j.id = k.id "  # noqa: S608 - constants
            f"CROSS JOIN chats c ON c.id = j.chat WHERE 1 = 1{where} ORDER BY k.id DESC LIMIT ?",
            [*values, *also, limit + 1],
        )
        if len(rows) > limit:
            return Found(rows=rows[:limit], next=(0, rows[limit - 1]["id"]))
        seen = (await self._rows(f"SELECT min(id) AS last, count(*) AS n FROM ({candidates}) AS k", values))[0]  # noqa: S608 - constants
        cut = seen["n"] >= CANDIDATES
        return Found(rows=rows, next=(0, seen["last"]) if cut else None, cut=cut)

    async def _newest_before(self, moment: float) -> int:
        """The newest chat of which there was a job before that time; 0: there was none."""
        rows = await self._rows(
            "SELECT max(chat) AS chat FROM (SELECT chat FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?) AS before",
            [await self.first_from(moment), BEFORE],
        )
        return int(rows[0]["chat"] or 0)

    async def first_from(self, moment: float) -> int:
        """The number of the first job that was made at that time or later. Jobs are made in order of time, but for a clock that
        is set back, which moves the edge of a page.
        """
        # each by itself: of both in one question every row would be looked at
        ends = (await self._rows(
            "SELECT coalesce((SELECT min(id) FROM jobs), 1) AS low, coalesce((SELECT max(id) FROM jobs), 0) + 1 AS high", []
        ))[0]  # fmt: skip
        low, high = ends["low"], ends["high"]
        for _ in range(_HALVINGS):
            if low >= high:
                break
            middle = (low + high) // 2
            row = (await self._rows("SELECT id, created_at FROM jobs WHERE id >= ? ORDER BY id LIMIT 1", [middle]))[0]
            if row["created_at"] >= moment:
                high = middle
            else:
                low = row["id"] + 1
        return int(low)

    async def unsearched(self) -> bool:
        """Chats of an older version are still to be added to the index."""
        return bool(await self._rows("SELECT 1 FROM facts WHERE name = 'unsearched_below' AND value > '1'", []))
