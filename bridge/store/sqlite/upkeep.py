"""Keep the store small, and keep a copy of it.

What is emptied stays known: a delivery's dedupe key, a chat's id, its message keys and the ids of what was written outlive the
content, so that a late redelivery or a chat that goes on doubles nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from bridge.errors import StoreError
from bridge.model import Chat
from bridge.store.records import Keep
from bridge.store.sqlite import searching, tallies
from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.migrations import AHEAD

#: pages copied in one go; between two of them the service writes
PAGES_AT_ONCE = 256

Progress = Callable[[int, int], None]

_OVER = "NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.chat = chats.id AND jobs.state NOT IN ('done', 'skipped', 'dead'))"


def prune(db: sqlite3.Connection, keep: Keep, limit: int) -> int:
    """Empty or delete at most so many rows of each kind; gives how many there were, 0 when all is done."""
    return _raw(db, keep.raw_since, limit) + _chats(db, keep.chats_since, limit) + _keys(db, keep.keys_since, limit)


def _raw(db: sqlite3.Connection, since: float, limit: int) -> int:
    """Deliveries come in in order of time, so a place in their ids says how far this has come."""
    row = db.execute("SELECT value FROM facts WHERE name = 'emptied_to'").fetchone()
    done_to = int(row["value"]) if row else 0
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
        db.execute("INSERT OR REPLACE INTO facts VALUES ('emptied_to', ?)", (str(passed),))
    return passed - done_to


def _chats(db: sqlite3.Connection, since: float, limit: int) -> int:
    rows = db.execute(
        f"SELECT id, source, chat_id FROM chats WHERE updated_at < ? AND visitor_name IS NOT '' AND {_OVER} "  # noqa: S608 - constant
        "ORDER BY updated_at LIMIT ?",
        (since, limit),
    ).fetchall()
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


def _keys(db: sqlite3.Connection, since: float, limit: int) -> int:
    chats = [
        row["id"]
        for row in db.execute(
            f"SELECT id FROM chats WHERE updated_at < ? AND visitor_name = '' AND {_OVER} LIMIT ?",  # noqa: S608 - constant
            (since, limit),
        )
    ]
    for chat in chats:
        db.execute("DELETE FROM operations WHERE chat = ?", (chat,))
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


def backup(path: Path, to: Path, progress: Progress | None = None) -> None:
    """Copy the store while it is in use; the copy is whole and of one moment.

    Raises StoreError, and leaves no half of one.
    """
    if to.exists():
        raise StoreError(f"{to}: is there already; name a new file, so that no older backup is lost.")
    part = to.with_name(to.name + ".part")
    part.unlink(missing_ok=True)
    source = connect(path, read_only=True)
    try:
        part.touch(mode=0o600)  # people's data stands in it
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            source.backup(
                copy, pages=PAGES_AT_ONCE, sleep=0.005,
                progress=(lambda _, left, total: progress(total - left, total)) if progress else None,
            )  # fmt: skip
            copy.execute("PRAGMA journal_mode=DELETE")
            refuse_other_files(copy, to)
        finally:
            copy.close()
        part.rename(to)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{to}: the backup could not be written: {error}.") from error
    finally:
        source.close()
        part.unlink(missing_ok=True)


def restore(backup_file: Path, path: Path) -> None:
    """Put a backup in the place of the store; what stood there is kept beside it as `.before-restore`.

    From then on the store counts as young: every chat that is older is looked for in the CRM before it is written. The caller
    holds the lock file. Raises StoreError, and then nothing is changed.
    """
    if not backup_file.is_file():
        raise StoreError(f"{backup_file}: there is no such file.")
    fresh = path.with_name(path.name + ".restoring")
    fresh.unlink(missing_ok=True)
    try:
        source = sqlite3.connect(f"{backup_file.absolute().as_uri()}?mode=ro", uri=True)
        copy = sqlite3.connect(fresh, isolation_level=None)
        try:
            source.backup(copy)
            refuse_other_files(copy, backup_file)
            count_as_young(copy)
        finally:
            source.close()
            copy.close()
    except sqlite3.Error as error:
        fresh.unlink(missing_ok=True)
        raise StoreError(f"{backup_file}: is no backup of a store, or it is damaged ({error}). Nothing was changed.") from error
    except StoreError:
        fresh.unlink(missing_ok=True)
        raise
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(f"{path.name}.before-restore{suffix}"))
    fresh.replace(path)


def count_as_young(db: sqlite3.Connection) -> None:
    """Every chat that may have been written by now is looked for in the CRM before it is written."""
    db.execute("INSERT OR REPLACE INTO facts VALUES ('born_at', ?)", (repr(time.time() + AHEAD),))


def refuse_other_files(db: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError if this is no store of ours, or a damaged one."""
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(f"{path}: is damaged ({' '.join(str(verdict).split())}).")
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone() is None:
        raise StoreError(f"{path}: is no store of chat2crm.")
