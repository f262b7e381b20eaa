"""STORE — what a store promises. Engines keep it; the same conformance suite runs over each of them.

* What a method has returned from is on disk: it survives `kill -9` and a power cut.
* Every write under a job's lease carries the job's epoch and raises StaleLease if another worker holds it by now.
* A store that cannot take a write raises NoRoom and has changed nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bridge.config.values import store_kind
from bridge.errors import ConfigError
from bridge.store import promise
from bridge.store.records import (
    Accepted,
    Attempt,
    AuditEntry,
    Brake,
    Erased,
    Fetching,
    Forgetting,
    Identity,
    Job,
    Keep,
    OperationRow,
    Outcome,
    Position,
    Sorted,
    StoredChat,
    TargetStop,
    TokenRow,
    VisitorContacts,
)
from bridge.store.tallies import Tally

if TYPE_CHECKING:
    from bridge.clock import Clock

__all__ = [
    "AUDITED",
    "Accepted",
    "Attempt",
    "AuditEntry",
    "Brake",
    "Erased",
    "Fetching",
    "Forgetting",
    "Identity",
    "Job",
    "Keep",
    "OperationRow",
    "Outcome",
    "Position",
    "Sorted",
    "Store",
    "StoredChat",
    "Tally",
    "TargetStop",
    "TokenRow",
    "VisitorContacts",
    "open_store",
]

#: what people do that is written down, and how it is called
AUDITED = {
    "raw_viewed": "looked at a delivery's bytes", "replayed": "sent round again", "written_again": "had it written again",
    "skipped": "left out", "chosen": "chose the client", "corrected": "corrected the contacts",
    "written": "said that it is written", "sorted_again": "had it read again",
    "released": "let a target go on", "exported": "took out a person's data", "erased": "erased a person's data",
}  # fmt: skip


class Store(
    promise.Intake, promise.Fetches, promise.Jobs, promise.Targets, promise.Tokens, promise.Journal, promise.Identities,
    promise.Decisions, promise.PersonalData, promise.Notices, promise.Agreed, promise.Upkeep, promise.Reads, Protocol,
):  # fmt: skip
    #: when this store was made or restored; chats older than that are looked for in the CRM before they are written
    born_at: float
    #: several processes may have it open, each with work under way: what they have to agree on stands in it
    several: bool

    async def open(self) -> None: ...
    async def close(self) -> None: ...


def open_store(url: str, *, clock: Clock, service: bool = True) -> Store:
    """The engine for a URL. `service=False` is for commands beside a running service: no exclusive lock is taken."""
    if is_postgres(url):
        from bridge.store.postgres import PostgresStore  # an engine is loaded only if it is used

        return PostgresStore(url, clock=clock, service=service)
    from bridge.store.sqlite import SqliteStore  # as above

    return SqliteStore(sqlite_path(url), clock=clock, service=service)


def is_current(url: str) -> bool:
    """Whether there is a store of this version, so that opening it changes nothing."""
    if is_postgres(url):
        from bridge.store.postgres import connecting, opening  # as above

        return opening.is_up_to_date(connecting.parameters(url))
    from bridge.store.sqlite.migrations import is_current  # as above

    return is_current(sqlite_path(url))


def is_postgres(url: str) -> bool:
    """Raises ConfigError for what is no address of a store."""
    try:
        return store_kind(url) == "postgresql"
    except ValueError as error:
        raise ConfigError(f"store: {error}") from error


def sqlite_path(url: str) -> Path:
    """The file of an SQLite store. Raises ConfigError for any other URL."""
    if is_postgres(url):
        raise ConfigError("store: is a database of PostgreSQL, not a file")
    return Path(url.partition("://")[2].removeprefix("/"))
