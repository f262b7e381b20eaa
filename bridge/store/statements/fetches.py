"""Deliveries that wait for something the provider keeps behind its own API, and how far its lists have been read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from bridge.model import Delivery
from bridge.store.records import Fetching, Position, ToFetch
from bridge.store.statements.database import Database, Row, marks

#: due, nobody fetches for it just now, and nothing before it asks for the same
_TAKEABLE = (
    "state = 'fetching' AND source = ? AND fetch_at <= ? AND coalesce(fetch_until, 0) <= ? AND NOT EXISTS (SELECT 1 FROM "
    "deliveries AS before WHERE before.state = 'fetching' AND before.source = deliveries.source AND "
    "before.fetch_lane = deliveries.fetch_lane AND before.fetch_lane <> '' AND before.id < deliveries.id)"
)


def delivery_of(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        source=row["source"],
        dedupe_key=row["dedupe_key"],
        method=row["method"],
        query=row["query"],
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        headers=json.loads(row["headers"]),
        body=row["body"] or b"",
    )


def _fetching_of(row: Row) -> Fetching:
    wants = ToFetch(
        parts=tuple(json.loads(row["fetch_parts"])), at=row["fetch_at"], lane=row["fetch_lane"],
        attempts=row["fetch_attempts"], failing_since=row["failing_since"],
    )  # fmt: skip
    return Fetching(delivery=delivery_of(row), wants=wants, event=row["event"])


def set_out(db: Database, delivery: int, wants: ToFetch | None) -> None:
    """What is to be fetched for a delivery from now on, and that nobody is at it."""
    values: tuple[object, ...] = (None, "[]", "", 0, None)
    if wants is not None:
        values = (wants.at, json.dumps(wants.parts), wants.lane, wants.attempts, wants.failing_since)
    db.executemany(
        "UPDATE deliveries SET fetch_at = ?, fetch_parts = ?, fetch_lane = ?, fetch_attempts = ?, failing_since = ?, "
        "fetch_until = NULL WHERE id = ?",
        [(*values, delivery)],
    )


def anything_due(db: Database, room: Mapping[str, int], now: float) -> bool:
    sql = f"SELECT 1 FROM deliveries WHERE {_TAKEABLE} LIMIT 1"  # noqa: S608 - a constant
    return any(db.execute(sql, (source, now, now)).fetchone() is not None for source in room)


def claim(db: Database, *, until: float, now: float, room: Mapping[str, int]) -> list[Fetching]:
    found = []
    for source, most in room.items():
        rows = db.execute(
            f"SELECT * FROM deliveries WHERE {_TAKEABLE} ORDER BY fetch_at, id LIMIT ?",  # noqa: S608 - a constant
            (source, now, now, most),
        ).fetchall()
        db.executemany("UPDATE deliveries SET fetch_until = ? WHERE id = ?", [(until, row["id"]) for row in rows])
        found += [_fetching_of(row) for row in rows]
    return found


def void_leases(db: Database) -> None:
    """At start: one process has this file, so whoever was fetching is gone."""
    db.execute("UPDATE deliveries SET fetch_until = NULL WHERE state = 'fetching' AND fetch_until IS NOT NULL")


def hold_strangers(db: Database, known: Iterable[str]) -> int:
    # no source has an empty name; beside it there may be none
    names = ["", *known]
    return db.execute(
        "UPDATE deliveries SET state = 'held', fetch_until = NULL, "  # noqa: S608 - marks only
        "reason = 'the config has no such source, or its mapping fetches nothing' "
        f"WHERE state = 'fetching' AND source NOT IN ({marks(len(names))})",
        names,
    ).rowcount


# -- lists -------------------------------------------------------------------------------------------------------------


def position(db: Database, name: str) -> Position | None:
    row = db.execute("SELECT value, at FROM positions WHERE name = ?", (name,)).fetchone()
    return Position(value=row["value"], at=row["at"]) if row else None


def record_position(db: Database, name: str, value: str, now: float) -> None:
    db.execute(
        "INSERT INTO positions (name, value, at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, "
        "at = excluded.at",
        (name, value, now),
    )


def forget_position(db: Database, name: str) -> None:
    db.execute("DELETE FROM positions WHERE name = ?", (name,))
