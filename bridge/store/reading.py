"""What pages and commands ask of a store: plain rows, paged, never in the way of a write.

The SQL is of the kind that every engine understands; parameters are `?`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from bridge.store.finding import COLUMNS as _JOB
from bridge.store.finding import Finding, Row, Rows
from bridge.store.overviews import Overviews
from bridge.store.reports import Reports

__all__ = ["Reading", "Row", "Rows"]

class Reading:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.finding = Finding(rows)
        self.overviews = Overviews(rows)
        self.reports = Reports(rows)

    async def jobs(
        self,
        *,
        states: Sequence[str] = (),
        source: str | None = None,
        target: str | None = None,
        reason: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Row]:
        """Newest first; `before` is the last id of the page before."""
        where, values = ["1 = 1"], list[Any]()
        if states:
            where.append(f"j.state IN ({', '.join('?' * len(states))})")
            values += states
        for column, value in (("source", source), ("target", target), ("reason", reason)):
            if value is not None:
                where.append(f"j.{column} = ?")
                values.append(value)
        if before is not None:
            where.append("j.id < ?")
            values.append(before)
        return await self._rows(
            f"SELECT {_JOB}, c.visitor_name, c.channel FROM jobs j JOIN chats c ON c.id = j.chat WHERE {' AND '.join(where)} "  # noqa: S608 - columns are constants
            "ORDER BY j.id DESC LIMIT ?",
            [*values, limit],
        )

    async def there(self, table: Literal["jobs", "chats"], ids: Sequence[int]) -> set[int]:
        """Those of the numbers that there are."""
        marks = ", ".join("?" * len(ids))
        return {row["id"] for row in await self._rows(f"SELECT id FROM {table} WHERE id IN ({marks})", list(ids))}  # noqa: S608 - our own names and marks

    async def job(self, job_id: int) -> Row | None:
        """A job with everything that is known of it: chat, plan, operations, attempts with their steps, deliveries."""
        rows = await self._rows(
            f"SELECT {_JOB}, j.plan, j.rehearsed, j.failing_since, j.chosen, j.for_real, c.chat, c.corrected, c.visitor_name, "  # noqa: S608 - columns are constants
            "c.channel FROM jobs j JOIN chats c ON c.id = j.chat WHERE j.id = ?",
            [job_id],
        )
        if not rows:
            return None
        job = rows[0]
        for key in ("plan", "rehearsed", "chat", "corrected"):
            job[key] = json.loads(job[key]) if job[key] else None
        job["operations"] = await self._rows("SELECT * FROM operations WHERE job = ? ORDER BY generation, position", [job_id])
        job["steps"] = []
        job["tried"] = await self._rows("SELECT * FROM attempts WHERE job = ? ORDER BY id", [job_id])
        for attempt in job["tried"]:
            attempt["steps"] = json.loads(attempt["steps"])
        job["deliveries"] = await self._rows(
            "SELECT id, source, received_at, state, event, reason, findings, repeats, repeated_at, length(body) AS size "
            "FROM deliveries WHERE chat = ? ORDER BY id",
            [job["chat_row"]],
        )
        job["lane"] = await self._rows(
            "SELECT id, revision, state, reason, target FROM jobs WHERE chat = ? ORDER BY id", [job["chat_row"]]
        )
        return job

    async def job_ids(
        self, *, states: Sequence[str] = (), target: str | None = None, reason: str | None = None, error_code: str | None = None
    ) -> list[int]:
        where, values = ["1 = 1"], list[Any]()
        if states:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        for column, value in (("target", target), ("reason", reason), ("error_code", error_code)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        rows = await self._rows(f"SELECT id FROM jobs WHERE {' AND '.join(where)} ORDER BY id", values)  # noqa: S608 - columns are constants
        return [row["id"] for row in rows]

    async def counts(self) -> list[Row]:
        """Jobs by target, state and reason."""
        return await self._rows("SELECT target, state, reason, count(*) AS n FROM jobs GROUP BY target, state, reason", [])

    async def deliveries(
        self, *, state: str | None = None, source: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Row]:
        where, values = ["1 = 1"], list[Any]()
        for column, value in (("state", state), ("source", source)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        if before is not None:
            where.append("id < ?")
            values.append(before)
        return await self._rows(
            "SELECT id, source, received_at, state, event, reason, findings, repeats, repeated_at, chat, length(body) AS size, "  # noqa: S608 - columns are constants
            "fetch_at, fetch_attempts, failing_since, "
            "(SELECT max(j.id) FROM jobs j WHERE j.chat = deliveries.chat) AS job "
            f"FROM deliveries WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
            [*values, limit],
        )

    async def delivery(self, delivery_id: int) -> Row | None:
        """With its bytes and headers: who looks at it is the caller's to log."""
        rows = await self._rows("SELECT * FROM deliveries WHERE id = ?", [delivery_id])
        return rows[0] if rows else None

    async def backlog(self) -> Row:
        rows = await self._rows(
            "SELECT count(*) AS due, min(next_at) AS oldest FROM jobs WHERE state IN ('pending', 'retrying', 'waiting')", []
        )
        unsorted = await self._rows(
            "SELECT count(*) AS n, min(received_at) AS oldest FROM deliveries WHERE state = 'received'", []
        )
        return {**rows[0], "unsorted": unsorted[0]["n"], "unsorted_oldest": unsorted[0]["oldest"]}

    # -- what the overview, the alerts and the metrics ask; none of it looks at what is over --

    async def open_jobs(self) -> list[Row]:
        """Jobs that are not over, by target and state. Three parts, one for each index."""
        parts = " UNION ALL ".join(
            f"SELECT target, state, count(*) AS n FROM jobs WHERE {one} GROUP BY target, state"  # noqa: S608 - constants
            for one in ("state IN ('pending', 'retrying', 'waiting')", "state = 'running'", "state IN ('held', 'dead')")
        )
        return await self._rows(parts, [])

    async def on_its_way(self) -> list[Row]:
        """Jobs that go on by themselves, by target and source; a part for each index."""
        parts = " UNION ALL ".join(
            f"SELECT target, source, count(*) AS n FROM jobs WHERE {one} GROUP BY target, source"  # noqa: S608 - constants
            for one in ("state IN ('pending', 'retrying', 'waiting')", "state = 'running'")
        )
        return await self._rows(parts, [])

    async def held_or_dead(self) -> list[Row]:
        """Grouped by cause, the largest group first."""
        return await self._rows(
            "SELECT state, target, reason, error_code, count(*) AS n, min(updated_at) AS since, max(id) AS latest FROM jobs "
            "WHERE state IN ('held', 'dead') GROUP BY state, target, reason, error_code ORDER BY n DESC, target, reason",
            [],
        )

    async def not_understood(self, since: float) -> list[Row]:
        """Deliveries that nobody could read, by source, of those received from `since` on."""
        # grouped by an expression, so that they are found by their state, and not by looking at every source's in turn
        return await self._rows(
            "SELECT min(source) AS source, count(*) AS n, min(received_at) AS since FROM deliveries "
            "WHERE state = 'not_understood' AND received_at >= ? GROUP BY source || '' ORDER BY source || ''",
            [since],
        )

    async def late(self, before: float) -> list[Row]:
        """By target, jobs that fell due before that time and were not taken up, or have failed since before it. What waits for
        a contact, a stopped target or a person is not late.
        """
        return await self._rows(
            "SELECT target, count(*) AS n, min(coalesce(failing_since, next_at)) AS since FROM jobs j WHERE state IN "
            "('pending', 'retrying', 'waiting') AND (state <> 'waiting' OR reason = 'settling') "
            "AND (next_at < ? OR failing_since < ?) AND NOT EXISTS "
            "(SELECT 1 FROM jobs e WHERE e.chat = j.chat AND e.target = j.target AND e.state = 'held') "
            "GROUP BY target ORDER BY target",
            [before, before],
        )

    async def times_heard(self, source: str, *, after: float, until: float, apart: float, most: int) -> int:
        """How often a source was heard of in that span, counting as one what came within `apart` seconds; at most so often."""
        rows = await self._rows(
            "WITH RECURSIVE heard(at, n) AS (SELECT min(received_at), 1 FROM deliveries WHERE source = ? AND received_at > ? "
            "AND received_at <= ? UNION ALL SELECT (SELECT min(received_at) FROM deliveries WHERE source = ? "
            "AND received_at > heard.at + ? AND received_at <= ?), n + 1 FROM heard WHERE at IS NOT NULL AND n < ?) "
            "SELECT count(at) AS n FROM heard",
            [source, after, until, source, apart, until, most],
        )
        return int(rows[0]["n"])

    async def first_delivery(self, source: str) -> float | None:
        return await self._first("SELECT received_at AS at FROM deliveries WHERE source = ? ORDER BY received_at LIMIT 1", source)

    async def fetching(self) -> list[Row]:
        """Deliveries that wait for something the provider keeps: how many of each source, how many of them after a failure, when
        the first one failed, when the next one is tried.
        """
        return await self._rows(
            "SELECT source, count(*) AS n, count(failing_since) AS failing, min(failing_since) AS failing_since, "
            "min(fetch_at) AS next_at FROM deliveries WHERE state = 'fetching' GROUP BY source ORDER BY source",
            [],
        )

    async def held_deliveries(self) -> list[Row]:
        """Deliveries for which nothing could be fetched and a person has to decide, by source."""
        return await self._rows(
            "SELECT source, count(*) AS n, min(received_at) AS since FROM deliveries WHERE state = 'held' GROUP BY source "
            "ORDER BY source",
            [],
        )

    async def lately(self, since: float, most: int = 20_000) -> list[Row]:
        """Jobs made from `since` on, by state; of the newest `most`, so that the answer takes bounded time."""
        return await self._rows(
            "SELECT state, count(*) AS n FROM (SELECT state, created_at FROM jobs WHERE id >= ? ORDER BY id DESC LIMIT ?) "
            "AS newest WHERE created_at >= ? GROUP BY state",
            [await self.finding.first_from(since), most, since],
        )

    async def last_delivery(self, source: str) -> float | None:
        newest = "SELECT received_at AS at FROM deliveries WHERE source = ? ORDER BY received_at DESC LIMIT 1"
        return await self._first(newest, source)

    async def last_done(self, target: str) -> float | None:
        newest = "SELECT updated_at AS at FROM jobs WHERE target = ? AND state = 'done' ORDER BY updated_at DESC LIMIT 1"
        return await self._first(newest, target)

    async def _first(self, sql: str, name: str) -> float | None:
        """Of what is asked for by its end: asked for the largest of a customer's, a planner reads all that the customer has."""
        rows = await self._rows(sql, [name])
        return float(rows[0]["at"]) if rows else None
