"""A connection as the statements take it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridge.store.postgres.connecting import Connection, dict_row, psycopg
from bridge.store.postgres.dialect import told

#: statements of one kind that travel together
TOGETHER = 100
#: characters of a statement to which rows are still added
LONGEST = 50_000
#: rows that are put in, where nothing depends on which comes first
_INSERT = re.compile(
    r"(INSERT INTO [\w, ()]+ VALUES )(\((?:%s|'\w*'|plain\(%s\)::tsvector|, )+\))((?: ON CONFLICT DO NOTHING)?)"
)
#: what stands in a text in the place of the one character that PostgreSQL keeps in none
NUL = "\u2400"


class Database:
    """See bridge.store.statements.database. Values are put into the statement on this side: nothing has to be prepared, and a
    value without a type of its own (a NULL, a text) takes that of its place.

    What nobody waits for (`executemany`, `later`) goes with the next statement that somebody does: a round trip less.
    """

    __slots__ = ("_schema", "_waiting", "connection")

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self._schema = schema
        self._waiting: list[str] = []

    def execute(self, sql: str, parameters: Any = (), /) -> psycopg.Cursor[dict[str, Any]]:
        cursor = psycopg.ClientCursor(self.connection, row_factory=dict_row)
        statement = told(sql, self._schema)
        if self._waiting:
            self._waiting.append(_filled(cursor, statement, parameters))
            self._send(cursor)
            while cursor.nextset():  # to what the last one gave
                pass
            return cursor
        try:
            cursor.execute(statement, parameters)
        except psycopg.DataError as error:
            if error.sqlstate is not None:
                raise
            # nothing was sent: there is a NUL in a text
            cursor.execute(statement, _without_nul(parameters))
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> None:
        cursor = psycopg.ClientCursor(self.connection)
        statement = told(sql, self._schema)
        plain = _INSERT.fullmatch(statement)
        for one in parameters:
            if plain is None:
                self._waiting.append(_filled(cursor, statement, one))
            else:
                self._add_row(plain[1], _filled(cursor, plain[2], one), plain[3])
            if len(self._waiting) >= TOGETHER:
                self._send(cursor)

    def _add_row(self, head: str, row: str, tail: str) -> None:
        """Rows that go into the same table one after another go in by one statement."""
        last = self._waiting[-1] if self._waiting else ""
        if len(last) < LONGEST and last.startswith(head) and last.endswith(f"){tail}"):
            self._waiting[-1] = f"{last[: len(last) - len(tail)]}, {row}{tail}"
        else:
            self._waiting.append(f"{head}{row}{tail}")

    def later(self, statement: str) -> None:
        """Of PostgreSQL's own, without values."""
        self._waiting.append(statement)

    def flush(self) -> None:
        if self._waiting:
            self._send(psycopg.ClientCursor(self.connection))

    def discard(self) -> None:
        """What was not sent yet."""
        self._waiting.clear()

    def _send(self, cursor: psycopg.ClientCursor[Any]) -> None:
        together = "; ".join(self._waiting)
        self._waiting.clear()
        cursor.execute(together)


def _filled(cursor: psycopg.ClientCursor[Any], statement: str, parameters: Any) -> str:
    try:
        return cursor.mogrify(statement, parameters)
    except psycopg.DataError:
        return cursor.mogrify(statement, _without_nul(parameters))


def _without_nul(parameters: Sequence[Any] | Mapping[str, Any]) -> Any:
    if isinstance(parameters, Mapping):
        return {name: _clean(value) for name, value in parameters.items()}
    return [_clean(value) for value in parameters]


def _clean(value: Any) -> Any:
    return value.replace("\0", NUL) if isinstance(value, str) else value
