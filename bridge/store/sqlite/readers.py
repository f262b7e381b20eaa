"""Connections for pages and commands: read only, beside the writer, kept open for the next question."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bridge.store.sqlite.engine import connect

#: idle connections that are kept
KEPT = 4


class Readers:
    """Opened when first asked; each question has a connection to itself, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._ask, sql, parameters)

    def _ask(self, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            connection = self._idle.pop()  # one step of the interpreter: no two threads get the same
        except IndexError:
            connection = connect(self._path, read_only=True)
        try:
            found = [dict(row) for row in connection.execute(sql, parameters)]
        except BaseException:
            connection.close()
            raise
        if self._closed or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append(connection)
        return found

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()
