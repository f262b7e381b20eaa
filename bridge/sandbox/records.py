"""The sandbox CRM's storage engine: records in SQLite, each change committed before the method returns. Knows no HTTP.

Not thread-safe: it is made for one event loop, and its calls are short. Methods raise the errors of `refusals`.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bridge.errors import StoreError
from bridge.sandbox import words
from bridge.sandbox.entities import ATTACHED, CLIENT, ENTITIES, NOTE, OWNER, Entity
from bridge.sandbox.evidence import overwritten, traces
from bridge.sandbox.points import digits_of, email_key, merged_lists
from bridge.sandbox.refusals import Duplicate, KeyReused, Merged, Missing, UnknownReference

Row = dict[str, Any]
SCHEMA = Path(__file__).with_name("schema.sql")


class Records:
    """All records of one sandbox. `path` is a file, or ":memory:"; `clock` gives seconds since 1970."""

    def __init__(self, path: str | Path = ":memory:", *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        try:
            self.db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, cached_statements=500)
            try:
                self._set_up()
            except BaseException:
                self.db.close()
                raise
        except sqlite3.Error as error:
            raise StoreError(
                f"the sandbox cannot use {path} as its database ({error}); "
                "give --db a file in a folder that exists and can be written, or :memory:"
            ) from error

    def _set_up(self) -> None:
        self.db.row_factory = _as_dict
        # SQLite's own lower() knows no Cyrillic.
        self.db.create_function("casefold", 1, lambda text: text and text.casefold(), deterministic=True)
        self.db.execute("PRAGMA journal_mode = WAL")
        # The process may be killed at any time and loses nothing; only a power cut could take the last commits.
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute("PRAGMA wal_autocheckpoint = 8000")
        self.db.executescript(SCHEMA.read_text(encoding="utf-8"))

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, entity: Entity, record_id: int) -> Row:
        row = self._row(entity, record_id)
        if row is None:
            raise Missing(entity.name, record_id)
        if entity is CLIENT and row["gone"]:
            if row["merged_into"] is not None:
                raise Merged(record_id, row["merged_into"])
            raise Missing(entity.name, record_id)
        return row

    def read_by_external_id(self, entity: Entity, external_id: str) -> Row:
        """Find a record by its unique key; unlike a search, this never lags."""
        holder = self._holder(entity, "external_id", external_id)
        if holder is None:
            raise Missing(entity.name, external_id)
        return self.read(entity, holder)

    def _row(self, entity: Entity, record_id: int) -> Row | None:
        found: Row | None = self.db.execute(f"SELECT * FROM {entity.table} WHERE id = ?", (record_id,)).fetchone()  # noqa: S608  # table names are ours
        return found

    def _holder(self, entity: Entity, field: str, value: str) -> int | None:
        live = " AND gone = 0" if entity is CLIENT else ""
        row = self.db.execute(f"SELECT id FROM {entity.table} WHERE {field} = ?{live}", (value,)).fetchone()  # noqa: S608  # names are ours
        return None if row is None else int(row["id"])

    # -- creating ------------------------------------------------------------------------------------------------------

    def create(self, entity: Entity, values: Mapping[str, Any], *, key: tuple[str, str] | None = None) -> Row:
        """Commit a new record and give it as stored. `key` (idempotency key, fingerprint) is remembered with it."""
        now = self.clock()
        with self.transaction():
            self._check(entity, values)
            columns = {name: _stored(value) for name, value in values.items()}
            columns |= {"created_at": now, "changed_at": now}
            if entity is CLIENT:
                columns["touched_at"] = now
            elif entity is not OWNER:
                columns |= traces(entity, values)
                self._touch(values["client_id"], now)
            names = ", ".join(columns)
            marks = ", ".join("?" * len(columns))
            new_id = (
                self.db.execute(
                    f"INSERT INTO {entity.table} ({names}) VALUES ({marks})",  # noqa: S608  # names are ours
                    tuple(columns.values()),
                ).lastrowid
                or 0
            )
            if entity is CLIENT:
                self._index_points(new_id, values["phones"], values["emails"], now)
            if key is not None:
                self.db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", (key[0], entity.name, key[1], new_id, now))
        return {"id": new_id} | _defaults(entity, columns)

    def recall(self, entity: Entity, key: str, fingerprint: str, *, valid_for: float) -> Row | None:
        """Give the record that a create with this idempotency key made, if the key is still valid."""
        row = self.db.execute("SELECT * FROM keys WHERE key = ? AND operation = ?", (key, entity.name)).fetchone()
        if row is None:
            return None
        if row["created_at"] <= self.clock() - valid_for:
            self.db.execute("DELETE FROM keys WHERE key = ? AND operation = ?", (key, entity.name))
            return None
        if row["fingerprint"] != fingerprint:
            raise KeyReused(key)
        return self.read(entity, row["record_id"])

    def _check(self, entity: Entity, values: Mapping[str, Any], *, own_id: int | None = None) -> None:
        if values.get("client_id") is not None:
            self.read(CLIENT, values["client_id"])
        for field, table in entity.references:
            wanted = values.get(field)
            if wanted is not None and self._row(ENTITIES[table], wanted) is None:
                raise UnknownReference(field, wanted)
        for field in ("external_id", "code"):
            if values.get(field) is not None:
                holder = self._holder(entity, field, values[field])
                if holder is not None and holder != own_id:
                    raise Duplicate(entity.name, field, holder)

    def _touch(self, client_id: int | None, now: float) -> None:
        if client_id is not None:
            self.db.execute("UPDATE clients SET touched_at = ? WHERE id = ?", (now, client_id))

    def _index_points(self, client_id: int, phones: list[str], emails: list[str], now: float) -> None:
        """Make the searched points those of the lists; points that stay keep the time they were written."""
        had = {row["value"] for row in self.db.execute("SELECT value FROM points WHERE client_id = ?", (client_id,))}
        keep: dict[str, tuple[str, str | None]] = {}
        for digits in map(digits_of, phones):
            keep[digits] = ("phone", digits[::-1])
        for address in map(email_key, emails):
            keep[address] = ("email", None)
        self.db.executemany(
            "DELETE FROM points WHERE client_id = ? AND value = ?", [(client_id, value) for value in had - keep.keys()]
        )
        self.db.executemany(
            "INSERT INTO points VALUES (?, ?, ?, ?, ?)",
            [(client_id, kind, value, backwards, now) for value, (kind, backwards) in keep.items() if value not in had],
        )

    # -- changing ------------------------------------------------------------------------------------------------------

    def update(self, entity: Entity, record_id: int, changes: Mapping[str, Any], *, replace_lists: bool = False) -> Row:
        """Change the given fields only. Phones, e-mails and custom fields are added to, unless `replace_lists`."""
        now = self.clock()
        with self.transaction():
            had = self.read(entity, record_id)
            new = dict(changes)
            if entity is CLIENT:
                new = _with_lists(had, new, replace=replace_lists)
                self.db.executemany("INSERT INTO overwritten VALUES (?, ?, ?, ?, ?)", overwritten(had, new, now))
            elif "custom" in new and not replace_lists:
                new["custom"] = _merged_custom(json.loads(had["custom"]), new["custom"])
            self._check(entity, new, own_id=record_id)
            columns = {name: _stored(value) for name, value in new.items()} | {"changed_at": now}
            if entity is CLIENT:
                columns["touched_at"] = now
            else:
                self._touch(new.get("client_id"), now)
            settings = ", ".join(f"{name} = ?" for name in columns)
            self.db.execute(f"UPDATE {entity.table} SET {settings} WHERE id = ?", (*columns.values(), record_id))  # noqa: S608  # names are ours
            row = had | columns
            if entity is CLIENT and new.keys() & {"phones", "emails"}:
                self._index_points(record_id, json.loads(row["phones"]), json.loads(row["emails"]), now)
            if new.keys() & set(entity.words):
                words.forget(self.db, entity, record_id)
        return row

    def merge(self, client_id: int, into: int) -> Row:
        """Move everything of one client to another: what people do in a CRM when they find a double."""
        now = self.clock()
        with self.transaction():
            loser, winner = self.read(CLIENT, client_id), self.read(CLIENT, into)
            if client_id == into:
                raise UnknownReference("into", into)
            self.db.execute("UPDATE clients SET gone = 1, merged_into = ?, changed_at = ? WHERE id = ?", (into, now, client_id))
            self.db.execute("DELETE FROM points WHERE client_id = ?", (client_id,))
            for entity in ATTACHED:
                self.db.execute(f"UPDATE {entity.table} SET client_id = ? WHERE client_id = ?", (into, client_id))  # noqa: S608  # names are ours
            phones = merged_lists(json.loads(winner["phones"]), json.loads(loser["phones"]), phones=True)
            emails = merged_lists(json.loads(winner["emails"]), json.loads(loser["emails"]), phones=False)
            kept = {name: winner[name] or loser[name] for name in ("external_id", "code", "owner_id", "company")}
            columns = {"phones": _stored(phones), "emails": _stored(emails), **kept, "changed_at": now, "touched_at": now}
            settings = ", ".join(f"{name} = ?" for name in columns)
            self.db.execute(f"UPDATE clients SET {settings} WHERE id = ?", (*columns.values(), into))  # noqa: S608  # names are ours
            self._index_points(into, phones, emails, now)
        return winner | columns

    def delete(self, client_id: int) -> None:
        with self.transaction():
            self.read(CLIENT, client_id)
            self.db.execute("UPDATE clients SET gone = 1, changed_at = ? WHERE id = ?", (self.clock(), client_id))
            self.db.execute("DELETE FROM points WHERE client_id = ?", (client_id,))

    def delete_note(self, note_id: int) -> None:
        with self.transaction():
            self.read(NOTE, note_id)
            self.db.execute("DELETE FROM notes WHERE id = ?", (note_id,))
            words.forget(self.db, NOTE, note_id)

    def reset(self) -> None:
        """Forget everything; ids begin at 1 again."""
        with self.transaction():
            for entity in ENTITIES.values():
                self.db.execute(f"DELETE FROM {entity.table}")  # noqa: S608  # names are ours
                if entity.words:
                    words.forget_all(self.db, entity)
            for table in ("points", "keys", "overwritten", "sqlite_sequence"):
                self.db.execute(f"DELETE FROM {table}")  # noqa: S608  # names are ours


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _stored(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def _defaults(entity: Entity, columns: Row) -> Row:
    """A new record's columns as a read would give them."""
    return columns | {"gone": 0, "merged_into": None} if entity is CLIENT else columns


def _with_lists(had: Row, new: Row, *, replace: bool) -> Row:
    if replace:
        return new
    for field in new.keys() & {"phones", "emails"}:
        new[field] = merged_lists(json.loads(had[field]), new[field], phones=field == "phones")
    if "custom" in new:
        new["custom"] = _merged_custom(json.loads(had["custom"]), new["custom"])
    return new


def _merged_custom(had: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**had, **given}.items() if value is not None}
