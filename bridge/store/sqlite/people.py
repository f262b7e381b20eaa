"""A person's data goes for good; that it was there stays known by keyed hashes. And the list of who did what."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bridge.errors import StoreError
from bridge.model import Chat
from bridge.store.records import AuditEntry, Forgetting
from bridge.store.sqlite import searching, tallies
from bridge.store.sqlite.engine import connect

#: why a job or delivery is skipped whose content was erased
FORGOTTEN = "forgotten"
_OVER = "('done', 'skipped', 'dead')"


def forget(db: sqlite3.Connection, what: Forgetting, now: float) -> tuple[int, ...]:
    """Gives the jobs that are being worked on just now; if there are any, nothing was changed."""
    chats = json.dumps([*what.chats])
    running = db.execute(
        "SELECT id FROM jobs WHERE state = 'running' AND chat IN (SELECT value FROM json_each(?)) ORDER BY id", (chats,)
    ).fetchall()
    if running:
        return tuple(row["id"] for row in running)
    # what is freed is overwritten with zeros, or the texts could still be read out of the file
    db.execute("PRAGMA secure_delete=ON")
    for row, alias in what.chats.items():
        _chat(db, row, alias, now)
    searching.scrub(db)
    for delivery, alias in what.deliveries.items():
        db.execute(
            "UPDATE deliveries SET dedupe_key = ?, body = NULL, headers = '{}', query = '', findings = '[]', fetch_lane = '', "
            "reason = CASE WHEN state = 'sorted' THEN '' ELSE ? END, "
            "state = CASE WHEN state = 'sorted' THEN state ELSE 'skipped' END WHERE id = ?",
            (alias, FORGOTTEN, delivery),
        )
    db.executemany("DELETE FROM visitors WHERE source = ? AND visitor_id = ?", what.visitors)
    db.executemany("DELETE FROM identities WHERE target = ? AND kind = ? AND value = ?", what.identities)
    db.executemany(
        f"UPDATE jobs SET plan = NULL, rehearsed = NULL, detail = '' WHERE id = ? AND state IN {_OVER}",  # noqa: S608 - a constant
        [(job,) for job in what.plans],
    )
    db.executemany("INSERT OR REPLACE INTO tombstones VALUES (?, ?)", [(mark, now) for mark in what.marks])
    return ()


def _chat(db: sqlite3.Connection, row: int, alias: str, now: float) -> None:
    source = db.execute("SELECT source FROM chats WHERE id = ?", (row,)).fetchone()["source"]
    known = Chat(source=source, chat_id=alias).model_dump_json(exclude_defaults=True)
    # the name '' marks a chat that was emptied
    db.execute(
        "UPDATE chats SET chat_id = ?, visitor_id = NULL, visitor_name = '', chat = ?, corrected = NULL WHERE id = ?",
        (alias, known, row),
    )
    searching.forget(db, row)
    tallies.close(db, row)
    db.execute(
        "UPDATE jobs SET reason = ?, state = 'skipped', updated_at = ?, error_code = '' "  # noqa: S608 - a constant
        f"WHERE chat = ? AND state NOT IN {_OVER}",
        (FORGOTTEN, now, row),
    )
    db.execute(
        "UPDATE jobs SET chat_id = ?, plan = NULL, rehearsed = NULL, detail = '', chosen = NULL WHERE chat = ?", (alias, row)
    )
    db.execute("DELETE FROM attempts WHERE job IN (SELECT id FROM jobs WHERE chat = ?)", (row,))
    db.execute("DELETE FROM identities WHERE operation IN (SELECT id FROM operations WHERE chat = ?)", (row,))
    # markers are keyed hashes and say nothing; the CRM's ids lead to the person
    db.execute("UPDATE operations SET record_id = '', client = '' WHERE chat = ?", (row,))
    # hashes of messages without a key: what was said could be guessed and tried
    db.execute("DELETE FROM delivered WHERE chat = ?", (row,))


def empty_delivery(db: sqlite3.Connection, delivery: int, alias: str) -> None:
    """What was erased has come once more."""
    db.execute("PRAGMA secure_delete=ON")
    # the row of the first time goes, whose key is the same now
    db.execute(
        "UPDATE OR REPLACE deliveries SET body = NULL, headers = '{}', query = '', "
        "dedupe_key = CASE WHEN ? = '' THEN dedupe_key ELSE ? END WHERE id = ?",
        (alias, alias, delivery),
    )


def sweep(path: Path) -> bool:
    """Fold the write-ahead log into the file and empty it: it still holds the pages as they were. False: a running service
    reads from it just now, and writes over it by and by.
    """
    with contextlib.suppress(sqlite3.Error, StoreError), contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA busy_timeout=500")
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    return False


def tombstones(db: sqlite3.Connection, marks: Iterable[str]) -> dict[str, float]:
    rows = db.execute(
        "SELECT mark, at FROM tombstones WHERE mark IN (SELECT value FROM json_each(?))", (json.dumps(list(marks)),)
    )
    return {row["mark"]: row["at"] for row in rows}


def any_tombstone(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is not None


def record_audit(db: sqlite3.Connection, entry: AuditEntry) -> None:
    db.execute(
        "INSERT INTO audit (at, who, what, about, detail) VALUES (?, ?, ?, ?, ?)",
        (entry.at, entry.who, entry.what, entry.about, entry.detail),
    )
