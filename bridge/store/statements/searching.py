"""The index by which chats are found: kept in the commit that writes the chat, never in the one that takes a delivery.

Chats from before there was an index are added in slices while the service runs; `unsearched_below` says how far that has come.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.model import Chat, Correction, Plan
from bridge.store.search_words import points_of, points_of_correction, points_of_plan, words_of
from bridge.store.statements.database import Database
from bridge.store.statements.facts import remember

_NEXT = "unsearched_below"
_POINT = "INSERT INTO chat_points (value, chat) VALUES (?, ?) ON CONFLICT DO NOTHING"


def index(db: Database, row: int, chat: Chat, *, is_new: bool) -> None:
    if not is_new:
        forget(db, row)
    index_new(db, [(row, chat)])


def index_new(db: Database, chats: Iterable[tuple[int, Chat]]) -> None:
    """Chats that were not in it before, each with its number."""
    known = list(chats)
    db.executemany("INSERT INTO chats_text (rowid, words) VALUES (?, ?)", [(row, words_of(chat)) for row, chat in known])
    db.executemany(_POINT, [(value, row) for row, chat in known for value in points_of(chat)])


def index_plan(db: Database, row: int, plan: Plan) -> None:
    """What was found in the chat only by understanding it."""
    _add(db, row, points_of_plan(plan))


def index_points(db: Database, row: int, corrected: Correction) -> None:
    _add(db, row, points_of_correction(corrected))


def forget(db: Database, row: int) -> None:
    """The chat is found by nothing any more."""
    db.executemany("DELETE FROM chats_text WHERE rowid = ?", [(row,)])
    db.executemany("DELETE FROM chat_points WHERE chat = ?", [(row,)])


def index_older(db: Database, limit: int) -> int:
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


def index_all_later(db: Database) -> None:
    """Every chat that is there now is to be added by `index_older`."""
    below = db.execute("SELECT coalesce(max(id), 0) + 1 AS below FROM chats").fetchone()["below"]
    remember(db, _NEXT, str(below))


def _add(db: Database, row: int, values: Iterable[str]) -> None:
    db.executemany(_POINT, [(value, row) for value in values])
