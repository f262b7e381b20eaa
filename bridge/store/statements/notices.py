"""Stopped targets, and alerts: once a cause, until it is resolved."""

from __future__ import annotations

from bridge.store.records import TargetStop
from bridge.store.statements.database import Database

_STOPPED = "target = ? AND state = 'waiting' AND reason = 'target_stopped'"


def stops(db: Database) -> dict[str, TargetStop]:
    return {row["target"]: TargetStop(**dict(row)) for row in db.execute("SELECT * FROM target_stops")}


def stop_target(db: Database, stop: TargetStop) -> None:
    db.execute(
        "INSERT INTO target_stops (target, reason, detail, since, until) VALUES (?, ?, ?, ?, ?) ON CONFLICT (target) "
        "DO UPDATE SET reason = excluded.reason, detail = excluded.detail, until = excluded.until",
        (stop.target, stop.reason, stop.detail, stop.since, stop.until),
    )


def stopped(target: str) -> tuple[str, tuple[object, ...]]:
    """What gives the chats that `go` is about."""
    return f"SELECT DISTINCT chat FROM jobs WHERE {_STOPPED}", (target,)  # noqa: S608 - a constant


def go(db: Database, target: str, now: float, *, rested: bool = False) -> bool:
    wanted = " AND until IS NOT NULL" if rested else ""
    changed = db.execute(f"DELETE FROM target_stops WHERE target = ?{wanted}", (target,)).rowcount  # noqa: S608 - a constant
    if changed:
        db.execute(f"UPDATE jobs SET next_at = ? WHERE {_STOPPED}", (now, target))  # noqa: S608 - a constant
    return bool(changed)


def raise_alert(db: Database, cause: str, text: str, now: float) -> bool:
    raised = db.execute(
        "INSERT INTO alerts (cause, text, opened_at) VALUES (?, ?, ?) ON CONFLICT (cause) DO UPDATE SET text = excluded.text, "
        "opened_at = excluded.opened_at, resolved_at = NULL WHERE alerts.resolved_at IS NOT NULL",
        (cause, text, now),
    ).rowcount
    return bool(raised)


def resolve_alert(db: Database, cause: str, now: float) -> bool:
    return bool(db.execute("UPDATE alerts SET resolved_at = ? WHERE cause = ? AND resolved_at IS NULL", (now, cause)).rowcount)


def open_alerts(db: Database) -> dict[str, str]:
    return {
        row["cause"]: row["text"]
        for row in db.execute("SELECT cause, text FROM alerts WHERE resolved_at IS NULL ORDER BY opened_at")
    }
