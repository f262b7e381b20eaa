"""Keep a copy of the store, and put one back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from bridge.errors import StoreError
from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.migrations import AHEAD

#: pages copied in one go; between two of them the service writes
PAGES_AT_ONCE = 256

#: a fact that is there once the store has moved: into what
MOVED_TO = "moved_to"

Progress = Callable[[int, int], None]


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
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy:
            source.backup(
                copy, pages=PAGES_AT_ONCE, sleep=0.005,
                progress=(lambda _, left, total: progress(total - left, total)) if progress else None,
            )  # fmt: skip
            copy.execute("PRAGMA journal_mode=DELETE")
            refuse_other_files(copy, to)
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
        with (
            contextlib.closing(sqlite3.connect(f"{backup_file.absolute().as_uri()}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as copy,
        ):
            source.backup(copy)
            refuse_other_files(copy, backup_file)
            count_as_young(copy)
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
    # what it was moved into has written since; that is looked for like all else
    db.execute("DELETE FROM facts WHERE name = ?", (MOVED_TO,))


def refuse_moved(db: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError with the way on, and the way back, if all that is in this store works in a database by now."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (MOVED_TO,)).fetchone()
    if row is not None:
        raise StoreError(
            f"{path}: was moved by `chat2crm store copy` into {row[0]}. A service on this file would write the same chats a "
            "second time. Put that database into `store:`. To go back to the file all the same, with every replica stopped: "
            "`chat2crm store backup back.db`, then `chat2crm store restore back.db`; every chat is then looked for in the CRM "
            "before it is written, and what came in since stays in the database."
        )


def refuse_other_files(db: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError if this is no store of ours, or a damaged one."""
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(f"{path}: is damaged ({' '.join(str(verdict).split())}).")
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone() is None:
        raise StoreError(f"{path}: is no store of chat2crm.")
