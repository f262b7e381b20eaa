"""Stopped targets, and alerts: once a cause, until it is resolved."""

from __future__ import annotations

import sqlite3

from bridge.store.records import TargetStop


def stops(db: sqlite3.Connection) -> dict[str, TargetStop]:
    return {row["target"]: TargetStop(**dict(row)) for row in db.execute("SELECT * FROM target_stops")}


def stop_target(db: sqlite3.Connection, stop: TargetStop) -> None:
    db.execute(
        "INSERT INTO target_stops (target, reason, detail, since, until) VALUES (?, ?, ?, ?, ?) ON CONFLICT (target) "
        "DO UPDATE SET reason = excluded.reason, detail = excluded.detail, until = excluded.until",
        (stop.target, stop.reason, stop.detail, stop.since, stop.until),
    )


def go(db: sqlite3.Connection, target: str, now: float) -> bool:
    changed = db.execute("DELETE FROM target_stops WHERE target = ?", (target,)).rowcount
    if changed:
        db.execute(
            "UPDATE jobs SET next_at = ? WHERE target = ? AND state = 'waiting' AND reason = 'target_stopped'", (now, target)
        )
    return bool(changed)


def raise_alert(db: sqlite3.Connection, cause: str, text: str, now: float) -> bool:
    row = db.execute("SELECT resolved_at FROM alerts WHERE cause = ?", (cause,)).fetchone()
    if row is not None and row["resolved_at"] is None:
        return False
    db.execute("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, NULL)", (cause, text, now))
    return True


def resolve_alert(db: sqlite3.Connection, cause: str, now: float) -> bool:
    return bool(db.execute("UPDATE alerts SET resolved_at = ? WHERE cause = ? AND resolved_at IS NULL", (now, cause)).rowcount)


def open_alerts(db: sqlite3.Connection) -> dict[str, str]:
    return {
        row["cause"]: row["text"]
        for row in db.execute("SELECT cause, text FROM alerts WHERE resolved_at IS NULL ORDER BY opened_at")
    }
