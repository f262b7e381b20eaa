"""The tables, and how an older store becomes a newer one. A migration is never edited once it was released."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path

from sqlite_utils import Database, Migrations

from bridge.errors import StoreError
from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.first import FIRST

migrations = Migrations("chat2crm")

#: seconds by which a provider's clock may be ahead of ours: chats say themselves when they ended
AHEAD = 900.0

#: as of m0006
FIGURES = (
    "chats", "missed", "missed_n", "abandoned", "abandoned_n", "in_30", "in_60", "answer_n", "duration_s", "duration_n",
    "gap_s", "gap_n", "handoffs", "handoffs_n", "contact", "contact_n", "new_clients", "known_clients", "clients_n", "deals",
)  # fmt: skip


@migrations()
def m0001_first(db: Database) -> None:
    """Deliveries, chats, jobs, the journal, identities."""
    # one by one: executescript() would commit the transaction that the migration stands in
    for statement in FIRST.split(";\n"):
        if statement.strip():
            db.execute(statement)
    # a store that was lost may have stood in this one's place
    db.execute("INSERT INTO facts VALUES ('born_at', ?)", [repr(time.time() + AHEAD)])


@migrations()
def m0002_tokens(db: Database) -> None:
    """Access tokens that run out."""
    db.execute(
        """
        CREATE TABLE tokens (
            name TEXT PRIMARY KEY,
            version INTEGER NOT NULL DEFAULT 0,         -- counts the pairs that were saved; 0: none yet
            sealed BLOB NOT NULL DEFAULT x'',
            expires_at REAL,
            saved_at REAL,
            ended TEXT NOT NULL DEFAULT '',             -- why a person has to agree again
            consent BLOB NOT NULL DEFAULT x'',          -- of a consent that has been begun
            claimed_by TEXT,                            -- who is renewing it …
            claimed_until REAL                          -- … and is taken for gone after that
        ) WITHOUT ROWID
        """
    )


@migrations()
def m0003_sources_in_turn(db: Database) -> None:
    """Due jobs are found source by source, so that one source's thousands are not in the way of another's one."""
    db.execute("DROP INDEX jobs_due")
    db.execute(
        "CREATE INDEX jobs_due ON jobs (target, source, next_at) WHERE state IN ('pending', 'retrying', 'waiting')"
    )


@migrations()
def m0004_found_again(db: Database) -> None:
    """Chats are found by what was said in them; a person corrects contact points, and lets rehearsed chats be written."""
    # the words stand in it a second time: an index without them could not forget a chat
    db.execute("CREATE VIRTUAL TABLE chats_text USING fts5 (words, detail=none, tokenize='unicode61 remove_diacritics 2')")
    db.execute("CREATE TABLE chat_points (value TEXT NOT NULL, chat INTEGER NOT NULL, PRIMARY KEY (value, chat)) WITHOUT ROWID")
    db.execute("CREATE INDEX chat_points_chat ON chat_points (chat)")
    db.execute("ALTER TABLE chats ADD COLUMN corrected TEXT")
    db.execute("CREATE INDEX jobs_rehearsed ON jobs (target, id) WHERE state = 'skipped' AND reason = 'rehearsed'")
    db.execute("ALTER TABLE jobs ADD COLUMN for_real INTEGER NOT NULL DEFAULT 0")
    # older chats are added while the service runs: nobody listens to the chat services during a migration
    db.execute("INSERT OR REPLACE INTO facts SELECT 'unsearched_below', coalesce(max(id), 0) + 1 FROM chats")


@migrations()
def m0005_people(db: Database) -> None:
    """What was erased stays known by keyed hashes; who looked, sent round, erased."""
    db.execute("CREATE TABLE tombstones (mark TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID")
    db.execute("CREATE INDEX tombstones_at ON tombstones (at)")
    db.execute(
        "CREATE TABLE audit (id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, "
        "about TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '')"
    )


@migrations()
def m0006_figures(db: Database) -> None:
    """Figures of the chats, added up by the day; and what each chat has added, so that it can be put in the place of that."""
    columns = ", ".join(f"{name} INTEGER NOT NULL DEFAULT 0" for name in FIGURES)
    db.execute(
        "CREATE TABLE figures (id INTEGER PRIMARY KEY, dimension TEXT NOT NULL, period TEXT NOT NULL, source TEXT NOT NULL, "
        f"value TEXT NOT NULL, open INTEGER NOT NULL, {columns}, response TEXT NOT NULL DEFAULT '', "
        "ratings TEXT NOT NULL DEFAULT '', UNIQUE (dimension, period, source, value, open))"
    )
    # lines: NULL once the chat's content is gone, after which nothing of it changes any more
    db.execute("CREATE TABLE counted (chat INTEGER PRIMARY KEY, added TEXT NOT NULL, lines TEXT)")


@migrations()
def m0007_left_open(db: Database) -> None:
    """What was sent and never answered is found by whose card it was for, and by being so."""
    db.execute("ALTER TABLE operations ADD COLUMN client TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE INDEX operations_open ON operations (sent_at) WHERE state = 'sent'")
    db.execute("CREATE INDEX operations_deals ON operations (target, client, state, settled_at) WHERE kind = 'deal'")
    # those that are open now: few
    rows = db.execute(
        "SELECT o.id, o.position, j.plan, c.record_id FROM operations o JOIN jobs j ON j.id = o.job LEFT JOIN operations c "
        "ON c.job = o.job AND c.generation = o.generation AND c.kind = 'create' AND c.state = 'done' "
        "WHERE o.kind = 'deal' AND o.state = 'sent' AND j.plan IS NOT NULL"
    ).fetchall()
    for operation, position, plan, made in rows:
        scope = json.loads(plan)["operations"][position].get("scope") or {}
        client = scope.get("client") or {"entity": scope.get("entity"), "id": made}
        if client["id"]:
            key = f"{client.get('entity') or 'client'}:{client['id']}"
            db.execute("UPDATE operations SET client = ? WHERE id = ?", [key, operation])


@migrations()
def m0008_one_customers(db: Database) -> None:
    """A customer's rows are found among those of hundreds of others. Without customers all of these stay empty."""
    for table in ("jobs", "deliveries"):
        # one for each way in which rows are asked for: without it, the planner takes all of a customer's rows to find one chat's
        for name, columns in (("site", "id"), ("site_state", "state, id"), ("site_chat", "chat")):
            db.execute(
                f"CREATE INDEX {table}_{name} ON {table} (substr(source, 1, instr(source, '.')), {columns}) "
                "WHERE instr(source, '.') > 0"
            )


def bring_up_to_date(db: Database) -> None:
    """Apply what is missing. Raises StoreError for a store that a newer version has written."""
    with contextlib.closing(sqlite3.connect(":memory:")) as empty:
        ours = {migration.name for migration in migrations.pending(Database(empty))}
    newer = {migration.name for migration in migrations.applied(db)} - ours
    if newer:
        raise StoreError(
            f"The store was written by a newer version of chat2crm (it has {', '.join(sorted(newer))}). Start that version "
            "again, or restore a backup that was made before the upgrade."
        )
    migrations.apply(db)


def is_current(path: Path) -> bool:
    """Whether a store is there to which nothing has to be added; nothing is."""
    if not path.exists():
        return False
    try:
        with contextlib.closing(connect(path, read_only=True)) as connection:
            return not migrations.pending(Database(connection))
    except sqlite3.Error:
        return False
