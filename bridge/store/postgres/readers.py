"""Reads: point look-ups of the service, and what pages and commands ask, each beside the writes and never in their way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bridge.errors import NoRoom
from bridge.store.postgres.connecting import OWN_FAULT, Connection, connect, is_lost, psycopg, refusal
from bridge.store.postgres.database import Database

Result = TypeVar("Result")

#: how long a page may take to be asked for, in milliseconds
PAGE_TIMEOUT = 20_000
_PAGE = f"BEGIN READ ONLY; SELECT set_config('statement_timeout', '{PAGE_TIMEOUT}', true)"


class Readers:
    """So many questions at once, each on a connection to itself, in a thread of its own."""

    def __init__(self, settings: dict[str, Any], schema: str, *, threads: int, name: str) -> None:
        self._settings = settings
        self._schema = schema
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._mine = threading.local()
        self._open: list[Connection] = []
        self._closed = False

    async def ask(self, question: Callable[[Database], Result]) -> Result:
        """What is there now. Raises NoRoom if the database cannot be asked."""
        return await self._in_thread(lambda: self._asked(question))

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """For pages: nothing can be changed by it, and it takes no longer than PAGE_TIMEOUT."""

        def page(db: Database) -> list[dict[str, Any]]:
            db.connection.execute(_PAGE)
            found = db.execute(sql, parameters).fetchall()
            db.connection.execute("COMMIT")
            return found

        return await self.ask(page)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as error:
            if not self._closed:  # of the question itself
                raise
            raise NoRoom("The store is closed.") from error

    def _asked(self, question: Callable[[Database], Result]) -> Result:
        for again in (True, False):
            connection = getattr(self._mine, "connection", None)
            if connection is None:
                connection = self._mine.connection = connect(self._settings)
                self._open.append(connection)
            try:
                return question(Database(connection, self._schema))
            except psycopg.Error as error:
                lost = is_lost(connection)
                self._drop(connection)
                if error.sqlstate is not None and error.sqlstate[:2] in OWN_FAULT:
                    raise
                if not (lost and again):  # it may have been lost long ago, while nobody asked
                    raise refusal(error) from error
            except BaseException:
                self._drop(connection)
                raise
        raise AssertionError

    def _drop(self, connection: Connection) -> None:
        with contextlib.suppress(psycopg.Error):
            connection.close()
        self._open.remove(connection)
        self._mine.connection = None

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        for connection in self._open:
            with contextlib.suppress(psycopg.Error):
                connection.close()
        self._open.clear()
