"""What a report asks of the store: lines of figures, added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bridge.store.finding import Rows
from bridge.store.tallies import BY_MONTH, COUNTS, OUTCOMES, periods, unpacked

#: what a report can be made by → the dimension its lines are of, and the column they are told apart by
BY = {
    "day": ("all", "period"), "source": ("all", "source"), "channel": ("channel", "value"), "page": ("page", "value"),
    "operator": ("operator", "value"), "utm": ("utm", "value"),
}  # fmt: skip
#: how `open` stands in a line → began within opening hours; -1: not known, or there are none
OPEN = {1: "within", 0: "outside", -1: "unknown"}

_SUMS = ", ".join(f"sum({name}) AS {name}" for name in (*COUNTS, *OUTCOMES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Lines added up. `counts` has all of COUNTS and OUTCOMES."""

    #: day, source or value
    key: str
    #: of OPEN
    hours: str
    counts: Mapping[str, int]
    #: bucket of the first response → chats
    responses: Mapping[int, int] = field(default_factory=dict)
    ratings: Mapping[str, int] = field(default_factory=dict)


class Reports:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def sums(self, by: str, since: date, until: date, source: str | None = None) -> list[Sums]:
        """Of the days from `since` to `until`, both included: one for each key of BY and each of OPEN that there is."""
        dimension, column = BY[by]
        asked = periods(since, until, months=dimension in BY_MONTH)
        if not asked:
            return []
        ranges = " OR ".join("period BETWEEN ? AND ?" for _ in asked)
        values: list[Any] = [dimension, *(end for period in asked for end in period)]
        of_source = ""
        if source is not None:
            of_source = "AND source = ? "
            values.append(source)
        rows = await self._rows(
            f"SELECT {column} AS key, open, {_SUMS}, group_concat(response, ' ') AS response, "  # noqa: S608 - our own names
            f"group_concat(ratings, ' ') AS ratings FROM figures WHERE dimension = ? AND ({ranges}) {of_source}"
            "GROUP BY key, open",
            values,
        )
        return [
            Sums(
                key=row["key"], hours=OPEN[row["open"]], counts={name: row[name] for name in (*COUNTS, *OUTCOMES)},
                responses={int(key): number for key, number in unpacked(row["response"]).items()},
                ratings={key.replace("\u00a0", " "): number for key, number in unpacked(row["ratings"]).items()},
            )
            for row in rows
        ]  # fmt: skip

    async def first_day(self) -> str | None:
        """Since when chats are counted; None: none is."""
        rows = await self._rows("SELECT min(period) AS first FROM figures WHERE dimension = 'all'", [])
        return rows[0]["first"] if rows else None

    async def sources(self) -> list[str]:
        """Of which there are figures, also those that the configuration has lost."""
        rows = await self._rows("SELECT DISTINCT source FROM figures WHERE dimension = 'all' ORDER BY source", [])
        return [row["source"] for row in rows]
