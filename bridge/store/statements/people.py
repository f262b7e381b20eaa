"""A person's data goes for good; that it was there stays known by keyed hashes. And the list of who did what."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.model import Chat
from bridge.store.records import AuditEntry, Forgetting
from bridge.store.statements import searching, tallies
from bridge.store.statements.database import Database, marks

#: why a job or delivery is skipped whose content was erased
FORGOTTEN = "forgotten"
_OVER = "('done', 'skipped', 'dead')"
#: attempts and operations are found by their job
_OF_CHAT = "job IN (SELECT id FROM jobs WHERE chat = ?)"
#: marks looked up by one statement
AT_ONCE = 500


def forget(db: Database, what: Forgetting, now: float) -> tuple[int, ...]:
    """Gives the jobs that are being worked on just now; if there are any, nothing was changed."""
    running = db.execute(
        f"SELECT id FROM jobs WHERE state = 'running' AND chat IN ({marks(len(what.chats))}) ORDER BY id", [*what.chats]  # noqa: S608 - marks only
    ).fetchall()
    if running:
        return tuple(row["id"] for row in running)
    for row, alias in what.chats.items():
        _chat(db, row, alias, now)
    for delivery, alias in what.deliveries.items():
        db.execute(
            "UPDATE deliveries SET dedupe_key = ?, body = NULL, headers = '{}', query = '', findings = '[]', fetch_lane = '', "
            "reason = CASE WHEN state = 'sorted' THEN '' ELSE ? END, "
            "state = CASE WHEN state = 'sorted' THEN state ELSE 'skipped' END WHERE id = ?",
            (alias, FORGOTTEN, delivery),
        )
    db.executemany("DELETE FROM visitors WHERE source = ? AND visitor_id = ?", what.visitors)
    db.executemany("DELETE FROM identities WHERE target = ? AND kind = ? AND value = ?", what.identities)
    db.executemany(
        f"UPDATE jobs SET plan = NULL, rehearsed = NULL, detail = '' WHERE id = ? AND state IN {_OVER}",  # noqa: S608 - a constant
        [(job,) for job in what.plans],
    )
    db.executemany(
        "INSERT INTO tombstones (mark, at) VALUES (?, ?) ON CONFLICT (mark) DO UPDATE SET at = excluded.at",
        [(mark, now) for mark in sorted(what.marks)],
    )
    return ()


def _chat(db: Database, row: int, alias: str, now: float) -> None:
    source = db.execute("SELECT source FROM chats WHERE id = ?", (row,)).fetchone()["source"]
    known = Chat(source=source, chat_id=alias).model_dump_json(exclude_defaults=True)
    # the name '' marks a chat that was emptied
    db.execute(
        "UPDATE chats SET chat_id = ?, visitor_id = NULL, visitor_name = '', chat = ?, corrected = NULL WHERE id = ?",
        (alias, known, row),
    )
    searching.forget(db, row)
    tallies.close(db, row)
    db.execute(
        "UPDATE jobs SET reason = ?, state = 'skipped', updated_at = ?, error_code = '' "  # noqa: S608 - a constant
        f"WHERE chat = ? AND state NOT IN {_OVER}",
        (FORGOTTEN, now, row),
    )
    db.execute(
        "UPDATE jobs SET chat_id = ?, plan = NULL, rehearsed = NULL, detail = '', chosen = NULL WHERE chat = ?", (alias, row)
    )
    db.execute(f"DELETE FROM attempts WHERE {_OF_CHAT}", (row,))  # noqa: S608 - a constant
    db.execute(f"DELETE FROM identities WHERE operation IN (SELECT id FROM operations WHERE {_OF_CHAT})", (row,))  # noqa: S608 - a constant
    # markers are keyed hashes and say nothing; the CRM's ids lead to the person
    db.execute(f"UPDATE operations SET record_id = '', client = '' WHERE {_OF_CHAT}", (row,))  # noqa: S608 - a constant
    # hashes of messages without a key: what was said could be guessed and tried
    db.execute("DELETE FROM delivered WHERE chat = ?", (row,))


def empty_delivery(db: Database, delivery: int, alias: str) -> None:
    """What was erased has come once more."""
    if alias:
        # the row of the first time goes, whose key is the same now
        db.execute(
            "DELETE FROM deliveries WHERE source = (SELECT source FROM deliveries WHERE id = ?) AND dedupe_key = ? AND id <> ?",
            (delivery, alias, delivery),
        )
        db.execute("UPDATE deliveries SET dedupe_key = ? WHERE id = ?", (alias, delivery))
    db.execute("UPDATE deliveries SET body = NULL, headers = '{}', query = '' WHERE id = ?", (delivery,))


def tombstones(db: Database, asked: Iterable[str]) -> dict[str, float]:
    wanted, found = list(asked), dict[str, float]()
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE]
        rows = db.execute(f"SELECT mark, at FROM tombstones WHERE mark IN ({marks(len(some))})", some)  # noqa: S608 - marks only
        found |= {row["mark"]: row["at"] for row in rows}
    return found


def any_tombstone(db: Database) -> bool:
    return db.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is not None


def record_audit(db: Database, entry: AuditEntry) -> None:
    db.execute(
        "INSERT INTO audit (at, who, what, about, detail) VALUES (?, ?, ?, ?, ?)",
        (entry.at, entry.who, entry.what, entry.about, entry.detail),
    )
