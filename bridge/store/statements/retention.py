"""Keep the store small.

What is emptied stays known: a delivery's dedupe key, a chat's id, its message keys and the ids of what was written outlive the
content, so that a late redelivery or a chat that goes on doubles nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.model import Chat
from bridge.store.records import Keep
from bridge.store.statements import searching, tallies
from bridge.store.statements.database import Database, marks
from bridge.store.statements.facts import fact, remember

_OVER = "NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.chat = chats.id AND jobs.state NOT IN ('done', 'skipped', 'dead'))"


#: those of the chats (by number) that nobody else is at; nobody will be until the commit
Hold = Callable[[Any, list[int]], list[int]]


def prune(db: Database, keep: Keep, limit: int, *, hold: Hold | None = None) -> int:
    """Empty or delete at most so many rows of each kind; gives how many there were, 0 when all is done. `hold`: where others
    write at the same time.
    """
    emptied = _chats(db, keep.chats_since, limit, hold)
    return _raw(db, keep.raw_since, limit) + emptied + _keys(db, keep.keys_since, limit, hold)


def _raw(db: Database, since: float, limit: int) -> int:
    """Deliveries come in in order of time, so a place in their ids says how far this has come."""
    done_to = int(fact(db, "emptied_to") or 0)
    rows = db.execute(
        "SELECT id, received_at, state FROM deliveries WHERE id > ? ORDER BY id LIMIT ?", (done_to, limit)
    ).fetchall()
    passed = done_to
    for row in rows:
        # one that is still fetched for is over, or held, when `retry.give_up_after` is
        if row["received_at"] >= since or row["state"] in {"received", "fetching"}:
            break
        passed = row["id"]
        # what nobody could read yet waits for a mapping that can
        if row["state"] not in {"not_understood", "held"}:
            db.execute("UPDATE deliveries SET body = NULL, headers = '{}', query = '' WHERE id = ?", (row["id"],))
    if passed != done_to:
        remember(db, "emptied_to", str(passed))
    return passed - done_to


def _over(db: Database, which: str, since: float, limit: int, hold: Hold | None) -> list[Any]:
    """The oldest chats of which no job is open."""
    wanted = f"updated_at < ? AND {which} AND {_OVER}"
    rows = db.execute(
        f"SELECT id, source, chat_id FROM chats WHERE {wanted} ORDER BY updated_at LIMIT ?", (since, limit)  # noqa: S608 - constants
    ).fetchall()
    if hold is None or not rows:
        return rows
    held = hold(db, [row["id"] for row in rows])
    # asked once more: until it was held, one may have gone on
    return db.execute(
        f"SELECT id, source, chat_id FROM chats WHERE id IN ({marks(len(held))}) AND {wanted}", (*held, since)  # noqa: S608 - constants
    ).fetchall()


def _chats(db: Database, since: float, limit: int, hold: Hold | None) -> int:
    rows = _over(db, "visitor_name IS NOT ''", since, limit, hold)
    for row in rows:
        known = Chat(source=row["source"], chat_id=row["chat_id"]).model_dump_json(exclude_defaults=True)
        # visitor_name '' marks a chat that was emptied
        db.execute("UPDATE chats SET chat = ?, visitor_name = '', corrected = NULL WHERE id = ?", (known, row["id"]))
        searching.forget(db, row["id"])
        tallies.close(db, row["id"])
        db.execute("DELETE FROM attempts WHERE job IN (SELECT id FROM jobs WHERE chat = ?)", (row["id"],))
        db.execute("UPDATE jobs SET plan = NULL, rehearsed = NULL, detail = '' WHERE chat = ?", (row["id"],))
        # of a client that was perhaps made and never seen: without the plan nobody can look any more, and all would wait for it
        db.execute("DELETE FROM identities WHERE operation IN (SELECT id FROM operations WHERE job IN "
                   "(SELECT id FROM jobs WHERE chat = ?))", (row["id"],))  # fmt: skip
    gone = db.execute(
        "DELETE FROM visitors WHERE (source, visitor_id) IN "
        "(SELECT source, visitor_id FROM visitors WHERE updated_at < ? LIMIT ?)",
        (since, limit),
    ).rowcount
    gone += db.execute(
        "DELETE FROM identities WHERE (target, kind, value) IN (SELECT target, kind, value FROM identities "
        "WHERE written_at < ? AND operation IS NULL LIMIT ?)",
        (since, limit),
    ).rowcount
    return len(rows) + gone


def _keys(db: Database, since: float, limit: int, hold: Hold | None) -> int:
    chats = [row["id"] for row in _over(db, "visitor_name = ''", since, limit, hold)]
    for chat in chats:
        db.execute("DELETE FROM operations WHERE job IN (SELECT id FROM jobs WHERE chat = ?)", (chat,))
        db.execute("DELETE FROM jobs WHERE chat = ?", (chat,))
        db.execute("DELETE FROM delivered WHERE chat = ?", (chat,))
        db.execute("DELETE FROM counted WHERE chat = ?", (chat,))
        db.execute("DELETE FROM chats WHERE id = ?", (chat,))
    rows = db.execute("SELECT id, received_at, state FROM deliveries ORDER BY id LIMIT ?", (limit,)).fetchall()
    old = [(row["id"],) for row in rows if row["received_at"] < since and row["state"] != "received"]
    db.executemany("DELETE FROM deliveries WHERE id = ?", old)
    gone = db.execute(
        "DELETE FROM tombstones WHERE mark IN (SELECT mark FROM tombstones WHERE at < ? LIMIT ?)", (since, limit)
    ).rowcount
    gone += db.execute("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? LIMIT ?)", (since, limit)).rowcount
    return len(chats) + len(old) + gone
