"""What a report asks of the store: lines of figures, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bridge.store.finding import Row, Rows
from bridge.store.tallies import BY_MONTH, COUNTS, OUTCOMES, THE_REST, periods, unpacked

#: what a report can be made by → the dimension its lines are of, and the column they are told apart by
BY = {
    "day": ("all", "period"), "source": ("all", "source"), "channel": ("channel", "value"), "page": ("page", "value"),
    "operator": ("operator", "value"), "utm": ("utm", "value"),
}  # fmt: skip
#: how `open` stands in a line → began within opening hours; -1: not known, or there are none
OPEN = {1: "within", 0: "outside", -1: "unknown"}

_COUNTED = (*COUNTS, *OUTCOMES)
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in _COUNTED)


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

    async def sums(
        self, by: str, since: date, until: date, source: str | None = None, *, most: int | None = None
    ) -> list[Sums]:
        """Of the days from `since` to `until`, both included: one for each key of BY and each of OPEN that there is. Where there
        are more keys than `most`, those with the fewest chats are THE_REST.
        """
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
                key=row["key"], hours=OPEN[row["open"]], counts={name: row[name] for name in _COUNTED},
                responses={int(key): number for key, number in unpacked(row["response"]).items()},
                ratings={key.replace("\u00a0", " "): number for key, number in unpacked(row["ratings"]).items()},
            )
            for row in _foremost(rows, most)
        ]  # fmt: skip

    async def first_day(self) -> str | None:
        """Since when chats are counted; None: none is."""
        rows = await self._rows("SELECT min(period) AS first FROM figures WHERE dimension = 'all'", [])
        return rows[0]["first"] if rows else None

    async def sources(self) -> list[str]:
        """Of which there are figures, also those that the configuration has lost."""
        rows = await self._rows("SELECT DISTINCT source FROM figures WHERE dimension = 'all' ORDER BY source", [])
        return [row["source"] for row in rows]


def _foremost(rows: list[Row], most: int | None) -> list[Row]:
    """Lines of the keys with the most chats, all others added up: before they are unpacked, as there may be tens of thousands."""
    chats: Counter[str] = Counter()
    for row in rows:
        chats[row["key"]] += row["chats"]
    if most is None or len(chats) <= most:
        return rows
    kept = {key for key, _ in chats.most_common(most)}
    rest: dict[int, list[Row]] = {}
    for row in rows:
        if row["key"] not in kept or row["key"] == THE_REST:
            rest.setdefault(row["open"], []).append(row)
    return [row for row in rows if row["key"] in kept and row["key"] != THE_REST] + [
        {
            "key": THE_REST, "open": opened, **{name: sum(row[name] for row in some) for name in _COUNTED},
            **{name: " ".join(filter(None, (row[name] for row in some))) for name in ("response", "ratings")},
        } for opened, some in rest.items()
    ]  # fmt: skip
