"""What was erased leaves the file, too: SQLite would let it stand there until the place is needed."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from bridge.errors import StoreError
from bridge.store.sqlite.engine import connect

#: chats whose index is tidied in one go (some seconds), and the pages of a larger one that are
AT_ONCE, PAGES = 50_000, 1_000


def overwrite(db: sqlite3.Connection) -> None:
    """From now on what is freed is overwritten with zeros, or the texts could still be read out of the file."""
    db.execute("PRAGMA secure_delete=ON")


def scrub(db: sqlite3.Connection) -> None:
    """Take the words of what was forgotten out of the file, too: the index leaves them standing until it is tidied. A very
    large one is tidied a piece at a time, for nobody could write meanwhile.
    """
    last = db.execute("SELECT max(rowid) AS last FROM chats_text").fetchone()["last"] or 0
    if last <= AT_ONCE:
        db.execute("INSERT INTO chats_text (chats_text) VALUES ('optimize')")
    else:
        db.execute("INSERT INTO chats_text (chats_text, rank) VALUES ('merge', ?)", (PAGES,))


def sweep(path: Path) -> bool:
    """Fold the write-ahead log into the file and empty it: it still holds the pages as they were. False: a running service
    reads from it just now, and writes over it by and by.
    """
    with contextlib.suppress(sqlite3.Error, StoreError), contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA busy_timeout=500")
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    return False
