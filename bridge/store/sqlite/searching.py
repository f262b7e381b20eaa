"""The index by which chats are found: kept in the commit that writes the chat, never in the one that takes a delivery.

Chats from before there was an index are added in slices while the service runs; `unsearched_below` says how far that has come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bridge.model import Chat, Correction, Plan
from bridge.store.search_words import points_of, points_of_correction, points_of_plan, words_of

#: chats whose index is tidied in one go (some seconds), and the pages of a larger one that are
AT_ONCE, PAGES = 50_000, 1_000
_NEXT = "unsearched_below"


def index(db: sqlite3.Connection, row: int, chat: Chat, *, is_new: bool) -> None:
    if not is_new:
        forget(db, row)
    db.execute("INSERT INTO chats_text (rowid, words) VALUES (?, ?)", (row, words_of(chat)))
    _add(db, row, points_of(chat))


def index_plan(db: sqlite3.Connection, row: int, plan: Plan) -> None:
    """What was found in the chat only by understanding it."""
    _add(db, row, points_of_plan(plan))


def index_points(db: sqlite3.Connection, row: int, corrected: Correction) -> None:
    _add(db, row, points_of_correction(corrected))


def forget(db: sqlite3.Connection, row: int) -> None:
    """The chat is found by nothing any more."""
    db.execute("DELETE FROM chats_text WHERE rowid = ?", (row,))
    db.execute("DELETE FROM chat_points WHERE chat = ?", (row,))


def scrub(db: sqlite3.Connection) -> None:
    """Take the words of what was forgotten out of the file, too: the index leaves them standing until it is tidied. A very
    large one is tidied a piece at a time, for nobody could write meanwhile.
    """
    last = db.execute("SELECT max(rowid) AS last FROM chats_text").fetchone()["last"] or 0
    if last <= AT_ONCE:
        db.execute("INSERT INTO chats_text (chats_text) VALUES ('optimize')")
    else:
        db.execute("INSERT INTO chats_text (chats_text, rank) VALUES ('merge', ?)", (PAGES,))


def index_older(db: sqlite3.Connection, limit: int) -> int:
    """Add at most so many chats from before there was an index, the newest first; 0: all are in it."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (_NEXT,)).fetchone()
    below = int(row["value"]) if row else 0
    rows = db.execute(
        "SELECT id, chat, visitor_name FROM chats WHERE id < ? ORDER BY id DESC LIMIT ?", (below, limit)
    ).fetchall()
    for one in rows:
        if one["visitor_name"] != "":  # emptied by retention
            index(db, one["id"], Chat.model_validate_json(one["chat"]), is_new=False)
    if rows:
        db.execute("UPDATE facts SET value = ? WHERE name = ?", (str(rows[-1]["id"]), _NEXT))
    elif row:
        db.execute("DELETE FROM facts WHERE name = ?", (_NEXT,))
    return len(rows)


def index_all_later(db: sqlite3.Connection) -> None:
    """Every chat that is there now is to be added by `index_older`."""
    db.execute("INSERT OR REPLACE INTO facts SELECT ?, coalesce(max(id), 0) + 1 FROM chats", (_NEXT,))


def _add(db: sqlite3.Connection, row: int, values: Iterable[str]) -> None:
    for value in values:
        db.execute("INSERT OR IGNORE INTO chat_points (value, chat) VALUES (?, ?)", (value, row))
