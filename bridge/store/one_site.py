"""Questions over the rows of one customer of an agency: of that customer's connections, and nothing else.

Whatever is asked is asked of tables that hold no other's rows: each question is put over views of the same names. So nobody who
writes a question can forget whose rows it may find.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.config.sites import DOT
from bridge.config.values import NAME
from bridge.store.finding import Row, Rows

#: whether a row is a customer's, by the connection it is of; an index of the engine is made for exactly these words
OF_SITE = "(instr({0}, '.') > 0 AND substr({0}, 1, instr({0}, '.')) = '{1}')"
#: table → by which column a customer's rows are known; or by that of the job or chat they hang on: (column, table, its column)
TABLES: Mapping[str, str | tuple[str, str, str]] = {
    "deliveries": "source", "chats": "source", "jobs": "source", "figures": "source", "visitors": "source",
    "operations": "target", "identities": "target", "delivered": "target", "target_stops": "target",
    "attempts": ("job", "jobs", "source"), "chat_points": ("chat", "chats", "source"), "counted": ("chat", "chats", "source"),
}  # fmt: skip
#: of the whole service, nobody sees them who belongs to one customer
HIDDEN = ("tokens", "alerts", "positions", "tombstones", "audit")
#: says nothing of anybody, or nothing without the tables above: an index that leads to the numbers of chats
OPEN = ("facts", "chats_text")

_BEGINS_WITH = re.compile(r"\s*WITH\s+(RECURSIVE\s+)?", re.IGNORECASE)


def rows_of(site: str, rows: Rows) -> Rows:
    """Asks over one customer's rows. Raises ValueError for what cannot be a customer's name."""
    if not NAME.fullmatch(site):
        raise ValueError(f"{site!r} is no customer's name")
    views = ", ".join(_views(f"{site}{DOT}"))

    async def ask(sql: str, values: Sequence[Any]) -> list[Row]:
        own = _BEGINS_WITH.match(sql)
        recursive = "RECURSIVE " if own and own[1] else ""
        return await rows(f"WITH {recursive}{views}{', ' + sql[own.end():] if own else ' ' + sql}", values)

    return ask


def _views(prefix: str) -> list[str]:
    made = []
    for table, known_by in TABLES.items():
        if isinstance(known_by, str):
            rows = f"SELECT * FROM main.{table} WHERE {OF_SITE.format(known_by, prefix)}"  # noqa: S608 - our own names, and a name that was checked
        else:
            column, other, of = known_by
            mine = OF_SITE.format(f"o.{of}", prefix)
            # not a join: the rows that were asked for are looked up one by one, however many the customer has
            there = f"EXISTS (SELECT 1 FROM main.{other} o WHERE o.id = t.{column} AND {mine})"  # noqa: S608 - as above
            rows = f"SELECT * FROM main.{table} t WHERE {there}"  # noqa: S608 - as above
        made.append(f"{table} AS NOT MATERIALIZED ({rows})")
    made += [f"{table} AS NOT MATERIALIZED (SELECT * FROM main.{table} WHERE 1 = 0)" for table in HIDDEN]  # noqa: S608 - as above
    return made
