"""What replicas agree on: a row for each name, changed by one replica after another, by the database's clock.

These are many and short, and none of them has to outlive the machine that the database runs on: their commits do not wait for the
disk, and they have a connection to themselves, so that nobody's turn at a CRM waits for other writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bridge.store.postgres.database import Database
from bridge.store.postgres.readers import Readers
from bridge.store.postgres.writing import Writer
from bridge.store.roots import Roots

Result = TypeVar("Result")

_NOW = "extract(epoch FROM clock_timestamp())::double precision"


class Agreements:
    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def agree(self, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
        # the guard first: what is looked at under it, the time included, is as it is when everybody before us is done
        return await self._writer.write(lambda db: _changed(db, name, change), Roots(guards=[f"agreement:{name}"]))

    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]:
        return await self._readers.ask(lambda db: _since(db, since))


def _changed(db: Database, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
    db.execute("SET LOCAL synchronous_commit = off")
    row: Any = db.execute(
        f"SELECT {_NOW} AS now, coalesce((SELECT value FROM agreements WHERE name = ?), '') AS value", (name,)  # noqa: S608 - a constant
    ).fetchone()
    value, result = change(row["value"], row["now"])
    db.execute(
        "INSERT INTO agreements (name, value, changed_at) VALUES (?, ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at",
        (name, value, row["now"]),
    )
    return result


def _since(db: Database, since: float) -> tuple[dict[str, str], float]:
    # the time first: what is committed between the two is told again the next time
    now: Any = db.execute(f"SELECT {_NOW} AS now").fetchone()
    rows = db.execute("SELECT name, value FROM agreements WHERE changed_at > ?", (since,))
    return {row["name"]: row["value"] for row in rows}, now["now"]
