"""Save what can be read of a damaged store into a new one.

Rows are read in spans of their ids; a span in which something cannot be read is halved until the unreadable rows stand alone.
The new store counts as young, so that every chat is looked for in the CRM before it is written. What has lost something that
it rests on is set back rather than believed: such a chat is read again from its deliveries, such a job is planned again.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from bridge.errors import StoreError
from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.migrations import bring_up_to_date
from bridge.store.sqlite.upkeep import count_as_young
from bridge.store.statements import searching

#: those with ids, and those that can be read in order only
_WITH_IDS = ("deliveries", "chats", "jobs", "operations", "attempts", "audit", "figures")
_IN_ORDER = ("visitors", "identities", "delivered", "target_stops", "positions", "tokens", "tombstones", "counted")
#: ids read in one go
SPAN = 1 << 12
#: a header that asks for more is damaged itself
MOST = 1 << 40

Row = tuple[Any, ...]


@dataclass(slots=True)
class Saved:
    table: str
    rows: int = 0
    #: places (spans of ids, or ends of what can be read in order) at which something could not be read
    gaps: int = 0


def salvage(damaged: Path, to: Path) -> list[Saved]:
    """Write what is readable of `damaged` to a new store. Gives what there was of each table.

    The damaged file is only read. Raises StoreError if `to` is there already, or nothing can be read.
    """
    if to.exists():
        raise StoreError(f"{to}: is there already; name a new file.")
    if not damaged.is_file():
        raise StoreError(f"{damaged}: there is no such file.")
    copy = to.with_name(to.name + ".damaged")
    new = connect(to)
    try:
        _copy_whole(damaged, copy)
        bring_up_to_date(Database(new))
        new.execute("PRAGMA foreign_keys=OFF")
        new.execute("BEGIN")
        found = _copied(copy, new)
        _refuse_nothing(found, damaged)
        _set_back(new)
        searching.index_all_later(new)
        count_as_young(new)
        new.execute("COMMIT")
        new.execute("PRAGMA journal_mode=DELETE")
    except BaseException:
        new.close()
        _remove(to)
        raise
    finally:
        _remove(copy)
    new.close()
    return found


def _copy_whole(damaged: Path, copy: Path) -> None:
    """A copy to read from, filled up to the length that the file should have: SQLite reads nothing of one that was cut short."""
    for suffix in ("", "-wal"):
        beside = damaged.with_name(damaged.name + suffix)
        if beside.exists():
            shutil.copyfile(beside, copy.with_name(copy.name + suffix))
    with copy.open("r+b") as file:
        header = file.read(100)
        page = int.from_bytes(header[16:18], "big")  # see "The Database Header" in SQLite's file format
        wanted = int.from_bytes(header[28:32], "big") * (65536 if page == 1 else page)
        if header.startswith(b"SQLite format 3\x00") and copy.stat().st_size < wanted < MOST:
            file.truncate(wanted)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _refuse_nothing(found: list[Saved], damaged: Path) -> None:
    if not any(saved.rows for saved in found):
        raise StoreError(f"{damaged}: nothing in it can be read; put a backup in its place.")


def _copied(damaged: Path, new: sqlite3.Connection) -> list[Saved]:
    found = []
    for table in (*_WITH_IDS, *_IN_ORDER):
        saved = Saved(table)
        # a connection that has met damage may go on refusing, so each table has its own
        with contextlib.closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as old:
            columns = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
            with contextlib.suppress(sqlite3.DatabaseError):
                old.execute("PRAGMA cell_size_check=ON")
                there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
                columns = [column for column in columns if column in there]
                if not columns:
                    saved.gaps = 1
                    found.append(saved)
                    continue
                listed = ", ".join(columns)
                read = _by_ids(old, table, listed, saved) if table in _WITH_IDS else _in_order(old, table, listed, saved)
                insert = f"INSERT OR IGNORE INTO {table} ({listed}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
                for row in read:
                    # a damaged page may hold what is no row of this table
                    with contextlib.suppress(sqlite3.IntegrityError):
                        saved.rows += new.execute(insert, row).rowcount
        found.append(saved)
    return found


def _by_ids(old: sqlite3.Connection, table: str, columns: str, saved: Saved) -> Iterator[Row]:
    last = _last_id(old, table)
    first = 1
    while last is None or first <= last:
        rows = _span(old, table, columns, first, first + SPAN - 1, saved)
        if last is None and not rows:
            return
        yield from rows
        first += SPAN


def _last_id(old: sqlite3.Connection, table: str) -> int | None:
    """From the table's end, or from an index (the + keeps SQLite from looking at the end). None: neither can be read."""
    for sql in (f"SELECT max(id) FROM {table} NOT INDEXED", f"SELECT max(+id) FROM {table}"):  # noqa: S608 - our own names
        with contextlib.suppress(sqlite3.DatabaseError):
            return int(old.execute(sql).fetchone()[0] or 0)
    return None


def _span(old: sqlite3.Connection, table: str, columns: str, first: int, last: int, saved: Saved) -> list[Row]:
    try:
        # NOT INDEXED: an index may lead to rows that are not there
        sql = f"SELECT {columns} FROM {table} NOT INDEXED WHERE id BETWEEN ? AND ?"  # noqa: S608 - our own names
        return old.execute(sql, (first, last)).fetchall()
    except sqlite3.DatabaseError:
        if first == last:
            saved.gaps += 1
            return []
        middle = (first + last) // 2
        before = saved.gaps
        rows = [
            *_span(old, table, columns, first, middle, saved), *_span(old, table, columns, middle + 1, last, saved),
        ]  # fmt: skip
        saved.gaps = before + (saved.gaps > before)
        return rows


def _in_order(old: sqlite3.Connection, table: str, columns: str, saved: Saved) -> Iterator[Row]:
    """From the beginning as far as it goes, and from the end as far as it goes."""
    keys = [row[1] for row in sorted(old.execute(f"PRAGMA table_info({table})"), key=lambda row: row[5]) if row[5]]
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{key} {direction}" for key in keys)
        try:
            yield from old.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")  # noqa: S608 - our own names
        except sqlite3.DatabaseError:
            saved.gaps += 1
        else:
            return


def _set_back(new: sqlite3.Connection) -> None:
    """What rests on something that is lost."""
    over = "('done', 'skipped')"
    new.execute("DELETE FROM chats WHERE NOT json_valid(chat)")
    new.execute("UPDATE jobs SET plan = NULL WHERE NOT json_valid(plan)")
    # a plan is carried out row by row of the journal, so one without its rows is made again; the young store looks first
    new.execute(
        f"UPDATE jobs SET plan = NULL WHERE state NOT IN {over} AND plan IS NOT NULL AND json_array_length(plan, '$.operations') "  # noqa: S608 - a constant
        "IS NOT (SELECT count(*) FROM operations o WHERE o.job = jobs.id AND o.generation = jobs.generation)"
    )
    new.execute(
        f"DELETE FROM operations WHERE job IN (SELECT id FROM jobs WHERE plan IS NULL AND state NOT IN {over})"  # noqa: S608 - a constant
    )
    # a job whose chat is lost, and a chat that lost its jobs: read again from their deliveries, where those are whole
    new.execute("DELETE FROM jobs WHERE chat NOT IN (SELECT id FROM chats)")
    new.execute(
        "DELETE FROM chats WHERE id NOT IN (SELECT chat FROM jobs) AND id IN (SELECT chat FROM deliveries WHERE body NOT NULL) "
        "AND id NOT IN (SELECT chat FROM deliveries WHERE body IS NULL AND chat IS NOT NULL)"
    )
    new.execute("DELETE FROM operations WHERE job NOT IN (SELECT id FROM jobs)")
    new.execute("DELETE FROM attempts WHERE job NOT IN (SELECT id FROM jobs)")
    new.execute("DELETE FROM delivered WHERE chat NOT IN (SELECT id FROM chats)")
    # which lines it was added to cannot be trusted; what it has added stays
    new.execute("DELETE FROM counted WHERE chat NOT IN (SELECT id FROM chats)")
    new.execute("UPDATE counted SET added = '', lines = NULL")
    new.execute("DELETE FROM identities WHERE operation IS NOT NULL AND operation NOT IN (SELECT id FROM operations)")
    new.execute(
        "UPDATE deliveries SET state = 'received', chat = NULL WHERE state = 'sorted' AND body IS NOT NULL AND chat IS NOT NULL "
        "AND chat NOT IN (SELECT id FROM chats)"
    )
