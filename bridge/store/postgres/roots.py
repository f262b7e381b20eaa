"""What a write is about, locked before the write looks at anything.

All locks that are waited for are taken here, at the beginning of a transaction, for all of the writes that share it, and in one
order: chats by number, deliveries by number, visitors by name, guards by name, keys of locks by name. So two transactions never
wait for one another. What a write reads after that, it reads as it was when the last of these locks was had: nobody else changes
it before the commit. One lock comes last of all: whoever adds to figures stands in line for that at the end (`finishing`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.store.postgres.database import Database
from bridge.store.roots import NOTHING, Roots
from bridge.store.statements.database import marks


@dataclass(slots=True)
class Gathered:
    chats: set[int] = field(default_factory=set)
    jobs: set[int] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)
    chats_of: set[tuple[str, tuple[object, ...]]] = field(default_factory=set)
    deliveries: set[int] = field(default_factory=set)
    visitors: set[tuple[str, str]] = field(default_factory=set)
    guards: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def take(db: Database, roots: Iterable[Roots]) -> None:
    """Lock them all; inside a transaction, before anything else of it."""
    found = Gathered()
    for one in roots:
        if one is not NOTHING:
            for name in Gathered.__slots__:
                getattr(found, name).update(getattr(one, name))
    _chats(db, found)
    if found.deliveries:
        db.execute(
            f"SELECT id FROM deliveries WHERE id IN ({marks(len(found.deliveries))}) ORDER BY id FOR UPDATE",  # noqa: S608 - marks only
            sorted(found.deliveries),
        )
    if found.visitors:
        _visitors(db, sorted(found.visitors))
    if found.guards:
        hold_guards(db, sorted(found.guards))
    if found.keys:
        db.execute(
            f"SELECT key FROM locks WHERE key IN ({marks(len(found.keys))}) ORDER BY key FOR UPDATE", sorted(found.keys)  # noqa: S608 - marks only
        )


def _chats(db: Database, found: Gathered) -> None:
    numbers = set(found.chats)
    if found.jobs:
        rows = db.execute(f"SELECT chat FROM jobs WHERE id IN ({marks(len(found.jobs))})", sorted(found.jobs))  # noqa: S608 - marks only
        numbers |= {row["chat"] for row in rows}
    if found.named:
        pairs = ", ".join(["(?, ?)"] * len(found.named))
        names = [part for name in sorted(found.named) for part in name]
        rows = db.execute(f"SELECT id FROM chats WHERE (source, chat_id) IN ({pairs})", names)  # noqa: S608 - marks only
        numbers |= {row["id"] for row in rows}
    for sql, values in found.chats_of:
        numbers |= {row["chat"] for row in db.execute(sql, values)}
    if numbers:
        db.execute(
            # not FOR UPDATE: rows that refer to a chat may be added by others
            f"SELECT id FROM chats WHERE id IN ({marks(len(numbers))}) ORDER BY id FOR NO KEY UPDATE",  # noqa: S608 - marks only
            sorted(numbers),
        )


def _visitors(db: Database, pairs: list[tuple[str, str]]) -> None:
    """Those that are not there yet are made: a row that is not there cannot be locked."""
    several = ", ".join(["(?, ?, 0)"] * len(pairs))
    values = [part for pair in pairs for part in pair]
    db.execute(f"INSERT INTO visitors (source, visitor_id, updated_at) VALUES {several} ON CONFLICT DO NOTHING", values)  # noqa: S608 - marks only
    db.execute(
        f"SELECT 1 FROM visitors WHERE (source, visitor_id) IN ({', '.join(['(?, ?)'] * len(pairs))}) "  # noqa: S608 - marks only
        "ORDER BY source, visitor_id FOR UPDATE",
        values,
    )


def hold_guards(db: Database, names: list[str]) -> None:
    """Sorted, as everywhere."""
    locked = f"SELECT name FROM guards WHERE name IN ({marks(len(names))}) ORDER BY name FOR UPDATE"  # noqa: S608 - marks only
    if len(db.execute(locked, names).fetchall()) < len(names):
        db.execute(f"INSERT INTO guards (name) VALUES {', '.join(['(?)'] * len(names))} ON CONFLICT DO NOTHING", names)  # noqa: S608 - marks only
        db.execute(locked, names)
