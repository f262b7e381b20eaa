"""What the ops page shows of many jobs at once: by the hour, by what they stand still for, of a rehearsal, of a group's plans."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bridge.store.finding import COLUMNS, Finding, Row, Rows

#: rows that are counted for a figure by the hour
COUNTED_HOURLY = 20_000


class Overviews:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    # -- by the hour: {"hour": 0 for the one that ends at `end`, 1 …, "n": how many}, of the newest COUNTED_HOURLY --

    async def hourly_jobs(self, end: float, hours: int) -> list[Row]:
        first = await Finding(self._rows).first_from(end - hours * 3600)
        newest = "SELECT created_at AS at FROM jobs WHERE id >= ? ORDER BY id DESC LIMIT ?"
        return await self._hourly(newest, [first, COUNTED_HOURLY], end, hours)

    async def hourly_deliveries(self, source: str, end: float, hours: int) -> list[Row]:
        newest = (
            "SELECT received_at AS at FROM deliveries WHERE source = ? AND received_at >= ? ORDER BY received_at DESC LIMIT ?"
        )
        return await self._hourly(newest, [source, end - hours * 3600, COUNTED_HOURLY], end, hours)

    async def hourly_done(self, target: str, end: float, hours: int) -> list[Row]:
        newest = (
            "SELECT updated_at AS at FROM jobs WHERE target = ? AND state = 'done' AND updated_at >= ? "
            "ORDER BY updated_at DESC LIMIT ?"
        )
        return await self._hourly(newest, [target, end - hours * 3600, COUNTED_HOURLY], end, hours)

    async def _hourly(self, newest: str, values: Sequence[Any], end: float, hours: int) -> list[Row]:
        return await self._rows(
            f"SELECT CAST((? - at) / 3600 - 0.0000001 AS INTEGER) AS hour, count(*) AS n FROM ({newest}) AS newest "  # noqa: S608 - constants
            "WHERE at >= ? AND at < ? GROUP BY hour ORDER BY hour",
            [end, *values, end - hours * 3600, end],
        )

    # -- what stands still, and what a rehearsal has left --

    async def stuck(self) -> list[Row]:
        """Held and dead jobs by cause, the CRM's own words apart."""
        return await self._rows(
            "SELECT state, target, reason, error_code, detail, count(*) AS n, min(updated_at) AS since, max(id) AS latest "
            "FROM jobs WHERE state IN ('held', 'dead') GROUP BY state, target, reason, error_code, detail ORDER BY n DESC",
            [],
        )

    async def details(self, *, state: str, target: str, reason: str, code: str) -> list[Row]:
        """Number and detail of each held or dead job of a reason, oldest first."""
        return await self._rows(
            "SELECT id, detail FROM jobs WHERE state = ? AND target = ? AND reason = ? AND error_code = ? ORDER BY id",
            [state, target, reason, code],
        )

    async def recent_deliveries(self, source: str, limit: int) -> list[Row]:
        """Those that still have their bytes, newest first."""
        return await self._rows(
            "SELECT id, source, dedupe_key, received_at, method, query, headers, body FROM deliveries "
            "WHERE source = ? AND body IS NOT NULL ORDER BY received_at DESC LIMIT ?",
            [source, limit],
        )

    async def rehearsed_ids(self, target: str, upto: int) -> list[int]:
        rows = await self._rows(
            "SELECT id FROM jobs WHERE state = 'skipped' AND reason = 'rehearsed' AND target = ? AND id <= ? ORDER BY id",
            [target, upto],
        )
        return [row["id"] for row in rows]

    async def rehearsed(self, target: str, *, before: int | None = None, limit: int = 50) -> list[Row]:
        """Jobs of a target that a rehearsal has ended, newest first, with what would have been written."""
        rows = await self._rows(
            f"SELECT {COLUMNS}, j.rehearsed, c.visitor_name, c.channel FROM jobs j JOIN chats c ON c.id = j.chat "  # noqa: S608 - constants
            "WHERE j.state = 'skipped' AND j.reason = 'rehearsed' AND j.target = ? AND j.id < ? ORDER BY j.id DESC LIMIT ?",
            [target, before or 2**62, limit],
        )
        return [{**row, "rehearsed": json.loads(row["rehearsed"]) if row["rehearsed"] else None} for row in rows]

    async def rehearsal_counts(self, target: str, upto: int, most: int = 10_000) -> list[Row]:
        """By verdict (found, new), of `most` jobs of a target that a rehearsal has ended, none of them newer than `upto`."""
        return await self._rows(
            "SELECT target, json_extract(rehearsed, '$.match.verdict') AS verdict, count(*) AS n FROM (SELECT target, rehearsed "
            "FROM jobs WHERE state = 'skipped' AND reason = 'rehearsed' AND rehearsed IS NOT NULL AND target = ? AND id <= ? "
            "LIMIT ?) AS few GROUP BY target, verdict",
            [target, upto, most],
        )

    async def plans(self, job_ids: Sequence[int]) -> list[Row]:
        """Of each job: who it is about, and its stored plan."""
        rows = await self._rows(
            "SELECT j.id, j.state, j.target, j.plan, j.generation, c.visitor_name, c.channel FROM jobs j JOIN chats c "  # noqa: S608 - marks only
            f"ON c.id = j.chat WHERE j.id IN ({', '.join('?' * len(job_ids))}) ORDER BY j.id",
            list(job_ids),
        )
        done = await self._rows(
            f"SELECT job, position FROM operations WHERE state = 'done' AND job IN ({', '.join('?' * len(job_ids))})",  # noqa: S608 - marks only
            list(job_ids),
        )
        over = {(row["job"], row["position"]) for row in done}
        return [{**row, "plan": json.loads(row["plan"]) if row["plan"] else None,
                 "over": [position for job, position in over if job == row["id"]]} for row in rows]  # fmt: skip
