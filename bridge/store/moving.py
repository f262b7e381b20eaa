"""A store of one file moves into a database: for a business that has outgrown one machine.

Rows travel in slices, each in a commit that also says how far the copy has come, so that one that was broken off goes on where it
was. While it is not whole nobody can work on the new store. In the end all rows are read back and compared. The old store is only
read; at the very end it is marked as moved, so that nobody starts a service on it by mistake.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlite_utils

from bridge.errors import NoRoom, StoreError
from bridge.store.postgres.connecting import Connection, connect, parameters, psycopg, said
from bridge.store.postgres.database import NUL, Database
from bridge.store.postgres.migrations import bring_up_to_date as make_tables
from bridge.store.postgres.opening import COPYING
from bridge.store.sqlite.engine import connect as open_file
from bridge.store.sqlite.guard import LockFile
from bridge.store.sqlite.migrations import bring_up_to_date
from bridge.store.sqlite.upkeep import MOVED_TO
from bridge.store.statements import fetches, searching
from bridge.store.statements.facts import fact, remember

#: table → what its rows are told apart by. In an order in which nothing refers to what is not there yet
TABLES: dict[str, tuple[str, ...]] = {
    "deliveries": ("id",), "chats": ("id",), "visitors": ("source", "visitor_id"), "jobs": ("id",), "operations": ("id",),
    "attempts": ("id",), "identities": ("target", "kind", "value"), "delivered": ("chat", "target", "message_key"),
    "target_stops": ("target",), "alerts": ("cause",), "positions": ("name",), "tokens": ("name",), "tombstones": ("mark",),
    "audit": ("id",), "figures": ("id",), "counted": ("chat",), "chat_points": ("value", "chat"),
}  # fmt: skip
#: rows that travel in one commit, and bytes of them
SLICE, SLICE_BYTES = 2_000, 8_000_000
_WHOLE_NUMBERS = 1 << 64

Row = tuple[Any, ...]
#: (table, rows that are through, rows in all)
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    table: str
    rows: int
    #: over all rows, in whatever order they were read
    checksum: str


def copy(source: Path, url: str, *, again: bool = False, tell: Tell = lambda *_: None) -> list[Copied]:
    """Copy the store in a file into a database that has none, or go on with a copy that was broken off (`again`: begin it anew).

    Raises:
        StoreError: the store is in use, the database holds another one, the two differ in the end, or it broke off.
        ConfigError: the address is none of a database.
    """
    settings = parameters(url)
    lock = LockFile(source.with_name(source.name + ".lock"))
    if not source.is_file():
        raise StoreError(f"{source}: there is no store.")
    lock.take()
    try:
        with contextlib.closing(open_file(source)) as old, contextlib.closing(connect(settings)) as new:
            bring_up_to_date(sqlite_utils.Database(old))
            return _Copy(source, old, new, tell).whole(again=again)
    except NoRoom as error:
        raise StoreError(f"{error.message} Is it running, and is the address right?") from error
    except psycopg.Error as error:
        raise StoreError(
            f"The copy broke off: {said(error)}. What is through is kept; the same command goes on from there."
        ) from error
    finally:
        lock.release()


class _Copy:
    def __init__(self, source: Path, old: sqlite3.Connection, new: Connection, tell: Tell) -> None:
        self._source = source
        self._old = old
        self._new = new
        self._db = Database(new, "")
        self._tell = tell
        born: Any = old.execute("SELECT value FROM facts WHERE name = 'born_at'").fetchone()
        self._born_at = str(born["value"])

    def whole(self, *, again: bool) -> list[Copied]:
        make_tables(self._db)
        progress = self._begin(again=again)
        for table, keys in TABLES.items():
            self._table(table, keys, progress)
        copied = [self._compared(table) for table in TABLES]
        # before anybody can work on the new one: two services on two stores would write the same chats twice
        here = self._new.info
        self._old.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (MOVED_TO, f"{here.host}:{here.port}/{here.dbname}"))
        self._finish(progress)
        return copied

    def _begin(self, *, again: bool) -> dict[str, Any]:
        with self._new.transaction():
            told = fact(self._db, COPYING)
            if told is None:
                there = [name for name in TABLES if self._db.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()]  # noqa: S608 - our own names
                if there:
                    raise StoreError(
                        f"There is a store in the database already, with rows in {', '.join(there)}. Two stores cannot be made "
                        "one: name a database that is empty."
                    )
            progress: dict[str, Any] = json.loads(told) if told else {"of": self._born_at, "at": {}}
            if progress["of"] != self._born_at and not again:
                raise StoreError(
                    "A copy of another store was begun in this database. Name the store that it was of, or begin anew with "
                    f"{self._source} by --again."
                )
            if again:
                for name in reversed(TABLES):
                    self._db.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names
                progress = {"of": self._born_at, "at": {}}
            remember(self._db, COPYING, json.dumps(progress))
        return progress

    def _table(self, table: str, keys: Sequence[str], progress: dict[str, Any]) -> None:
        columns = self._columns(table)
        listed, key = ", ".join(columns), ", ".join(keys)
        total = self._count(self._old, table)
        through = self._count(self._db, table) if table in progress["at"] else 0
        last = progress["at"].get(table)
        self._tell(table, through, total)
        while True:
            where = f"WHERE ({key}) > ({', '.join('?' * len(keys))})" if last is not None else ""
            rows = self._old.execute(f"SELECT {listed} FROM {table} {where} ORDER BY {key} LIMIT {SLICE}", last or ())  # noqa: S608 - our own names
            taken = [tuple(row) for row in _no_more_than(SLICE_BYTES, rows)]
            if not taken:
                return
            last = [taken[-1][columns.index(name)] for name in keys]
            before = json.dumps(progress)
            progress["at"][table] = last
            with self._new.transaction():
                moved = self._db.execute(
                    "UPDATE facts SET value = ? WHERE name = ? AND value = ?", (json.dumps(progress), COPYING, before)
                ).rowcount
                if not moved:
                    raise StoreError("Another copy into this database is under way; wait for it to end.")
                with self._new.cursor().copy(f"COPY {table} ({listed}) FROM STDIN") as told:
                    for row in taken:
                        told.write_row([_storable(value) for value in row])
            through += len(taken)
            self._tell(table, through, total)

    def _compared(self, table: str) -> Copied:
        listed = ", ".join(self._columns(table))
        statement = f"SELECT {listed} FROM {table}"  # noqa: S608 - our own names
        there = _checksum(tuple(_storable(value) for value in row) for row in self._old.execute(statement))
        with self._new.transaction(), self._new.cursor(name="read_back", row_factory=psycopg.rows.tuple_row) as reading:
            reading.itersize = SLICE
            here = _checksum(reading.execute(statement))
        if there != here:
            raise StoreError(
                f"{table}: {there[0]} row(s) in {self._source}, {here[0]} in the database, and not the same ones: the store was "
                "changed while the copy was broken off. Begin anew: the same command with --again."
            )
        return Copied(table, *here)

    def _finish(self, progress: dict[str, Any]) -> None:
        with self._new.transaction():
            # whoever had them worked on the old store
            self._db.execute(
                "UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_until = NULL, epoch = epoch + 1 "
                "WHERE state = 'running'"
            )
            fetches.void_leases(self._db)
            remember(self._db, "born_at", self._born_at)
            # whose tables these were is noted when they are first worked with
            self._db.execute("DELETE FROM facts WHERE name = 'made_as'")
            # the words of chats stand in an index that each kind of database has its own way of keeping
            searching.index_all_later(self._db)
            for table, keys in TABLES.items():
                if keys == ("id",):
                    self._db.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest((SELECT max(id) FROM {table}), 1))"  # noqa: S608 - our own names
                    )
            ended = self._db.execute("DELETE FROM facts WHERE name = ? AND value = ?", (COPYING, json.dumps(progress))).rowcount
            if not ended:
                raise StoreError("Another copy into this database is under way; wait for it to end.")
        for table in TABLES:
            self._db.execute(f"ANALYZE {table}")

    def _columns(self, table: str) -> list[str]:
        return [row["name"] for row in self._old.execute(f"PRAGMA table_info({table})")]

    def _count(self, db: Any, table: str) -> int:
        return int(db.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"])  # noqa: S608 - our own names


def _no_more_than(size: int, rows: Iterable[Any]) -> Iterator[Any]:
    """The first of the rows, until so many bytes are together; one row at the least."""
    for row in rows:
        yield row
        size -= sum(len(value) for value in tuple(row) if isinstance(value, str | bytes))
        if size <= 0:
            return


def _storable(value: Any) -> Any:
    return value.replace("\0", NUL) if isinstance(value, str) else value


def _checksum(rows: Iterable[Row]) -> tuple[int, str]:
    """How many, and a sum over them in which their order does not matter."""
    count = total = 0
    for row in rows:
        count += 1
        total += int.from_bytes(hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest())
    return count, f"{total % _WHOLE_NUMBERS:016x}"
