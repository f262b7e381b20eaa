"""What is looked at when a store is opened, and what is done by one replica at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.errors import NoRoom, StoreAway, StoreError
from bridge.store.postgres.connecting import IN_THE_WAY, connect, is_lost, psycopg, said
from bridge.store.postgres.database import Database
from bridge.store.postgres.migrations import AHEAD, bring_up_to_date, is_current
from bridge.store.statements.database import marks
from bridge.store.statements.facts import fact, remember

#: by what it is known that the tables are no longer those that were made once, but were put back from a dump, or that the
#: server has been set back to an earlier moment, or another has taken its place. What this user may not see counts as unchanged
_MADE_AS = (
    "SELECT 'jobs'::regclass::oid::text || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())::text AS made"
)
_TIMELINE = "SELECT (pg_control_checkpoint()).timeline_id::text AS timeline"

#: by their first two characters, what another moment may help with: lost, read-only, out of something, locked, going down, broken
_AWAY = frozenset({"08", "25", "53", "55", "57", "58"})

#: milliseconds, for one transaction: for what another replica that opens the store holds, and after which the server ends it if
#: nothing is heard of this one any more, so that the others need not wait for a machine that is gone. A migration may take long
LIMITS = "SELECT set_config('lock_timeout', '10000', true), set_config('idle_in_transaction_session_timeout', '10000', true)"

#: a fact that is there while a store is copied into the database
COPYING = "copying"


@dataclass(frozen=True, slots=True)
class Found:
    schema: str
    born_at: float
    #: the database's time: seconds since 1970
    at: float


def prepare(settings: dict[str, Any], *, make: bool) -> Found:
    """Bring the store up to date, and say what is to be known of it. Raises StoreAway where another moment may help, else
    StoreError.
    """
    try:
        connection = connect(settings)
    except NoRoom as error:
        raise StoreAway(f"{error.message} Is it running, and is `store:` right?") from error
    try:
        db = Database(connection, "")
        if not make and db.execute("SELECT to_regclass('deliveries') IS NULL AS missing").fetchone()["missing"]:  # type: ignore[index]
            raise StoreError("There is no store in the database yet. Start `chat2crm serve` first, or correct `store:`.")
        bring_up_to_date(db, LIMITS)
        if fact(db, COPYING) is not None:
            raise StoreError(
                "A store is being copied into this database, and the copy is not whole. Let `chat2crm store copy` come to its "
                "end: the same command goes on where it was broken off."
            )
        _notice_what_was_put_back(db)
        return look(db)
    except psycopg.Error as error:
        if is_lost(connection) or error.sqlstate in IN_THE_WAY or (error.sqlstate or "")[:2] in _AWAY:
            raise StoreAway(f"The database does not take it now: {said(error)}.") from error
        raise StoreError(f"The database cannot be used: {said(error)}.") from error
    finally:
        connection.close()


def look(db: Database) -> Found:
    row: Any = db.execute(
        "SELECT quote_ident(current_schema()) AS schema, extract(epoch FROM clock_timestamp())::double precision AS at, "
        "(SELECT value FROM facts WHERE name = 'born_at') AS born_at"
    ).fetchone()
    return Found(schema=row["schema"], born_at=float(row["born_at"]), at=row["at"])


def is_up_to_date(settings: dict[str, Any]) -> bool:
    """Whether there is a store of this version, so that opening it changes nothing."""
    try:
        connection = connect(settings)
    except NoRoom:
        return False
    try:
        return is_current(Database(connection, ""))
    except psycopg.Error:
        return False
    finally:
        connection.close()


def _notice_what_was_put_back(db: Database) -> None:
    """A store that was put back counts as young: every chat that may have been written by now is looked for in the CRM before it
    is written.
    """
    with db.connection.transaction():
        db.execute(LIMITS)
        if not alone(db, "opening", wait=True):
            return
        row: Any = db.execute(_MADE_AS).fetchone()
        made = row["made"]
        try:
            with db.connection.transaction():
                timeline: Any = db.execute(_TIMELINE).fetchone()
                made += f" {timeline['timeline']}"
        except psycopg.Error:
            made += " ?"
        was = fact(db, "made_as")
        pairs = zip(made.split(), was.split(), strict=True) if was is not None else ()
        if any(now != then for now, then in pairs if "?" not in {now, then}):
            db.execute(
                "UPDATE facts SET value = (extract(epoch FROM clock_timestamp()) + ?)::double precision::text "
                "WHERE name = 'born_at'",
                (AHEAD,),
            )
        if was != made:
            remember(db, "made_as", made)


def alone(db: Database, name: str, *, wait: bool = False) -> bool:
    """Until the end of the transaction no other replica gets True for this name."""
    db.execute("INSERT INTO guards (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    taken = db.execute(f"SELECT 1 FROM guards WHERE name = ? FOR UPDATE{'' if wait else ' SKIP LOCKED'}", (name,))  # noqa: S608 - constants
    return taken.fetchone() is not None


def hold(db: Database, chats: list[int]) -> list[int]:
    """Those of the chats that nobody else holds; they are held until the end of the transaction."""
    rows = db.execute(
        f"SELECT id FROM chats WHERE id IN ({marks(len(chats))}) ORDER BY id FOR UPDATE SKIP LOCKED", chats  # noqa: S608 - marks only
    )
    return [row["id"] for row in rows]
