"""Folds the write-ahead log into the file, beside whoever writes.

SQLite does it within a commit, every thousand pages: the pages are copied and both files synced, and whoever commits waits for
the disk ten times as long as for the commit itself. Here a thread of its own does it often enough that little is ever left; where
it cannot keep up, SQLite's own way is the limit, much later.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import structlog

from bridge.errors import StoreError
from bridge.store.sqlite.engine import connect

log = structlog.get_logger()

#: commits after which it is done again
COMMITS = 64
#: pages of the log from which on it is done within a commit all the same: 64 MB
MOST_PAGES = 16_000


class Folding:
    """Its thread begins with the first work there is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._commits = 0
        self._due = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None

    def take_over(self, connection: sqlite3.Connection) -> None:
        """From the connection that makes the commits."""
        connection.execute(f"PRAGMA wal_autocheckpoint={MOST_PAGES}")

    def committed(self) -> None:
        """Called after each commit, in whatever thread made it."""
        self._commits += 1
        if self._commits < COMMITS or self._closing:
            return
        self._commits = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="store-folding", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """Returns when what is under way is done."""
        self._closing = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._closing:
                return
            try:
                if self._connection is None:  # kept: to open one takes a quarter of what it then does
                    self._connection = connect(self._path)
                # what others read or write just now is left for the next time
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except (sqlite3.Error, StoreError) as error:
                # it is tried again after the next commits; a log that cannot be folded grows
                log.warning("store.unfolded", why=str(error))
