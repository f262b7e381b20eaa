"""What a statement needs of a connection. A connection of SQLite is one as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol


class Row(Protocol):
    """A row, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Iterable[str]: ...


class Rows(Protocol):
    """What a statement has given."""

    @property
    def rowcount(self) -> int:
        """How many rows it has changed."""
        ...

    def fetchone(self) -> Any:
        """A Row, or None."""
        ...

    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """Parameters are `?` with a sequence, or `:name` with a mapping."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Rows: ...
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> object:
        """Of this nobody is told anything but that it went wrong; an engine may put it off until the next statement."""
        ...


def marks(count: int) -> str:
    """Between the brackets of `IN ()`: so many `?`, and NULL where there are none."""
    return ", ".join("?" * count) or "NULL"
