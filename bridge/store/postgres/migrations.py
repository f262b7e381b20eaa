"""The tables, and how an older store becomes a newer one. A migration is never edited once it was released.

Replicas of two versions run beside one another during an upgrade. So a migration only adds: tables, indexes, columns that may be
empty or have a default. What an older version still reads or writes is taken away in a later release than the one that has
stopped using it. A replica that comes up refuses a store that a newer version has written; one that runs already goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.errors import ConfigError, StoreError
from bridge.store.postgres.connecting import psycopg
from bridge.store.postgres.database import Database
from bridge.store.postgres.first import FIRST, TEXT

#: seconds by which a provider's clock may be ahead of ours: chats say themselves when they ended
AHEAD = 900.0
#: how often the list of migrations is made, where replicas do so at the same moment
TRIES = 5

#: tables that a store of one process has no need of
ONLY_HERE = frozenset({"locks", "guards", "agreements", "migrations"})

def p0001_first(db: Database) -> None:
    """All that a store of one file has had until then, and what replicas share."""
    for statement in FIRST.split(";\n"):
        if statement.strip():
            db.connection.execute(statement)
    # a store that was lost may have stood in this one's place
    db.execute(
        "INSERT INTO facts (name, value) SELECT 'born_at', (extract(epoch FROM clock_timestamp()) + ?)::double precision::text",
        (AHEAD,),
    )


def p0002_one_customers_chats(db: Database) -> None:
    """The newest chats of a customer, for whoever looks for words in them."""
    db.connection.execute(
        "CREATE INDEX jobs_site_chat ON jobs (substr(source, 1, strpos(source, '.')), chat) WHERE strpos(source, '.') > 0"
    )


#: another replica makes the same table at this moment
_MADE_JUST_NOW = (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject)

MIGRATIONS: tuple[Callable[[Database], None], ...] = (p0001_first, p0002_one_customers_chats)


def bring_up_to_date(db: Database, limits: str = "") -> None:
    """Apply what is missing, once, however many replicas begin at the same moment; `limits` is said first in the transaction.
    Raises StoreError for a store that a newer version has written, and where this user may not make tables.
    """
    _refuse_other_encodings(db)
    if not _missing(db):
        return
    for left in reversed(range(TRIES)):
        try:
            db.execute(f"CREATE TABLE IF NOT EXISTS migrations (name {TEXT} PRIMARY KEY, at double precision NOT NULL)")
            break
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreError(
                f"The database does not let this user make tables ({str(error).strip()}). Let it: "
                "GRANT CREATE ON SCHEMA public TO the user, or make it the database's owner."
            ) from error
        except _MADE_JUST_NOW:
            if not left:
                raise
    with db.connection.transaction():
        if limits:
            db.execute(limits)
        # whoever comes second waits here, and finds nothing missing
        db.execute("LOCK TABLE migrations IN EXCLUSIVE MODE")
        for migration in _missing(db):
            migration(db)
            db.execute(
                "INSERT INTO migrations (name, at) VALUES (?, extract(epoch FROM clock_timestamp()))", (migration.__name__,)
            )


def _missing(db: Database) -> list[Callable[[Database], None]]:
    """Raises StoreError for a store that a newer version has written."""
    there = db.execute("SELECT to_regclass('migrations') IS NOT NULL AS there").fetchone()
    applied = {row["name"] for row in db.execute("SELECT name FROM migrations")} if there and there["there"] else set()
    newer = applied - {migration.__name__ for migration in MIGRATIONS}
    if newer:
        raise StoreError(
            f"The store was written by a newer version of chat2crm (it has {', '.join(sorted(newer))}). Start that version "
            "again, or put a dump back that was made before the upgrade."
        )
    return [migration for migration in MIGRATIONS if migration.__name__ not in applied]


def is_current(db: Database) -> bool:
    """Whether a store is there to which nothing has to be added."""
    try:
        return not _missing(db)
    except StoreError:
        return False


def _refuse_other_encodings(db: Database) -> None:
    row = db.execute("SELECT current_setting('server_encoding') AS encoding").fetchone()
    if row is not None and row["encoding"] != "UTF8":
        raise ConfigError(
            f"store: the database keeps its texts in {row['encoding']}, in which chats cannot be kept whole. Make one with "
            "CREATE DATABASE chat2crm ENCODING 'UTF8' TEMPLATE template0."
        )
