"""A store with a past: one chat that was really written, copied row by row as often as asked."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

#: what is different in the copy number `i`, column by column; the rest is as in the one chat that is there
_DIFFERENT: dict[str, dict[str, str]] = {
    "deliveries": {"id": "id + i", "dedupe_key": "dedupe_key || '-' || i", "chat": "chat + i", "received_at": "received_at - i"},
    "chats": {
        "id": "id + i", "chat_id": "chat_id || '-' || i", "visitor_id": "visitor_id || '-' || i",
        "started_at": "started_at - i", "ended_at": "ended_at - i", "updated_at": "updated_at - i",
    },
    "jobs": {
        "id": "id + i", "chat": "chat + i", "chat_id": "chat_id || '-' || i", "created_at": "created_at - i",
        "updated_at": "updated_at - i", "next_at": "next_at - i",
    },
    "operations": {
        "id": "id + i * (SELECT count(*) FROM one)", "job": "job + i", "chat": "chat + i",
        "marker": "'c2c-' || lower(hex(randomblob(8)))", "sent_at": "sent_at - i", "settled_at": "settled_at - i",
        "record_id": "record_id || i",
    },
    "attempts": {
        "id": "id + i * (SELECT count(*) FROM one)", "job": "job + i", "started_at": "started_at - i", "ended_at": "ended_at - i",
    },
    "identities": {"value": "value || '-' || i", "client_id": "client_id || i", "written_at": "written_at - i"},
    "delivered": {"chat": "chat + i"},
    "chat_points": {"value": "value || '-' || i", "chat": "chat + i"},
    "counted": {"chat": "chat + i"},
    "visitors": {"visitor_id": "visitor_id || '-' || i"},
}  # fmt: skip

#: what chats add to the figures gathers by the day: a line for each page of each day of a year, as many as a day can have
_DAYS, _PAGES = 365, 200
_FIGURES = (
    "INSERT INTO figures ({columns}) WITH RECURSIVE count(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM count WHERE i + 1 < ?) "
    "SELECT {selected} FROM figures, count WHERE dimension = 'page' AND period NOT LIKE 'm%'"
)
_OF_ANOTHER_DAY = {"period": f"date(period, '-' || (1 + i % {_DAYS}) || ' days')", "value": f"value || '-' || (i / {_DAYS})"}


def fill(store: Path, copies: int) -> None:
    """The store holds one chat that is done, and no process has it open. Raises RuntimeError if that is not so."""
    db = sqlite3.connect(store)
    try:
        if db.execute("SELECT count(*), min(state) FROM jobs").fetchone() != (1, "done"):
            raise RuntimeError(f"{store}: does not hold one job that is done")
        db.execute("PRAGMA synchronous=OFF")
        for table, different in _DIFFERENT.items():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            db.execute("DROP TABLE IF EXISTS temp.one")
            db.execute(f"CREATE TEMP TABLE one AS SELECT * FROM main.{table}")
            db.execute(
                f"WITH RECURSIVE count(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM count WHERE i < ?) "
                f"INSERT INTO main.{table} ({', '.join(columns)}) "
                f"SELECT {', '.join(different.get(column, column) for column in columns)} FROM one, count",
                (copies,),
            )
            db.commit()
        columns = [row[1] for row in db.execute("PRAGMA table_info(figures)") if row[1] != "id"]
        selected = ", ".join(_OF_ANOTHER_DAY.get(column, column) for column in columns)
        db.execute(_FIGURES.format(columns=", ".join(columns), selected=selected), (min(copies, _DAYS * _PAGES),))
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.close()
    # or the kernel would still be writing it out while somebody is measured
    with store.open("rb") as file:
        os.fsync(file.fileno())
