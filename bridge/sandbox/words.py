"""The text index, brought up to date when somebody searches: most runs never do, and a batch costs half as much."""

from __future__ import annotations

import sqlite3

from bridge.sandbox.entities import Entity

# Every row of a table up to the highest one in its index is in that index, but for those in `words_stale`.


def catch_up(db: sqlite3.Connection, entity: Entity) -> None:
    """Index what was written since the last search; call it within a transaction."""
    index, table = f"{entity.table}_words", entity.table
    body = " || char(10) || ".join(f"ifnull({field}, '')" for field in entity.words)
    stale = "SELECT record_id FROM words_stale WHERE kind = :kind"
    insert = f"INSERT INTO {index} (rowid, body) SELECT id, {body} FROM {table} WHERE "  # noqa: S608  # names are ours
    db.execute(f"{insert} id > (SELECT ifnull(max(rowid), 0) FROM {index}) ORDER BY id")  # noqa: S608  # names are ours
    if db.execute(stale, {"kind": entity.name}).fetchone():
        db.execute(f"DELETE FROM {index} WHERE rowid IN ({stale})", {"kind": entity.name})  # noqa: S608  # names are ours
        db.execute(f"{insert} id IN ({stale})", {"kind": entity.name})
        db.execute("DELETE FROM words_stale WHERE kind = ?", (entity.name,))


def forget(db: sqlite3.Connection, entity: Entity, record_id: int) -> None:
    """Say that a record's text has changed."""
    db.execute("INSERT OR IGNORE INTO words_stale VALUES (?, ?)", (entity.name, record_id))


def forget_all(db: sqlite3.Connection, entity: Entity) -> None:
    db.execute(f"DELETE FROM {entity.table}_words")  # noqa: S608  # table names are ours
    db.execute("DELETE FROM words_stale WHERE kind = ?", (entity.name,))
