"""Deliveries in, and what they mean: chats, their revisions and jobs."""

from __future__ import annotations

import json
from collections.abc import Collection

from bridge.model import Chat, Correction, Delivery
from bridge.store.records import Accepted, ChatChange, Sorted, StoredChat, VisitorContacts
from bridge.store.statements import fetches, people, searching
from bridge.store.statements.database import Database, Row, marks

#: states in which a delivery is not over
OPEN = ("received", "fetching")


def accept(db: Database, delivery: Delivery) -> Accepted:
    received_at = delivery.received_at.timestamp()
    row = db.execute(
        "INSERT INTO deliveries (source, dedupe_key, received_at, method, query, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (source, dedupe_key) DO UPDATE SET repeats = deliveries.repeats + 1, repeated_at = excluded.received_at "
        "RETURNING id, repeats",
        (
            delivery.source,
            delivery.dedupe_key,
            received_at,
            delivery.method,
            delivery.query,
            json.dumps(delivery.headers),
            delivery.body,
        ),
    ).fetchone()
    return Accepted(id=row["id"], duplicate=row["repeats"] > 0)


def received(db: Database, limit: int, *, sources: Collection[str] | None = None) -> list[Delivery]:
    """Of these sources, or of all."""
    of = "" if sources is None else f"AND source IN ({marks(len(sources))}) "
    rows = db.execute(
        f"SELECT * FROM deliveries WHERE state = 'received' {of}ORDER BY id LIMIT ?", (*(sources or ()), limit)  # noqa: S608 - marks only
    )
    return [fetches.delivery_of(row) for row in rows]


def stored_chat(row: Row) -> StoredChat:
    return StoredChat(
        row=row["id"], revision=row["revision"], updated_at=row["updated_at"], chat=Chat.model_validate_json(row["chat"]),
        corrected=Correction.model_validate_json(row["corrected"]) if row["corrected"] else None,
    )  # fmt: skip


def chat_of(db: Database, source: str, chat_id: str) -> StoredChat | None:
    row = db.execute("SELECT * FROM chats WHERE source = ? AND chat_id = ?", (source, chat_id)).fetchone()
    return stored_chat(row) if row else None


def chat(db: Database, row: int) -> StoredChat:
    return stored_chat(db.execute("SELECT * FROM chats WHERE id = ?", (row,)).fetchone())


def chats_of_visitor(db: Database, source: str, visitor_id: str, *, waiting: bool) -> list[StoredChat]:
    rows = db.execute(
        "SELECT * FROM chats WHERE source = ? AND visitor_id = ? AND (NOT ? OR EXISTS (SELECT 1 FROM jobs WHERE "
        "jobs.chat = chats.id AND jobs.state IN ('pending', 'running', 'retrying', 'waiting'))) ORDER BY id DESC LIMIT 50",
        (source, visitor_id, waiting),
    )
    return [stored_chat(row) for row in rows]


def contacts_of(db: Database, source: str, visitor_id: str) -> VisitorContacts | None:
    row = db.execute("SELECT * FROM visitors WHERE source = ? AND visitor_id = ?", (source, visitor_id)).fetchone()
    if row is None:
        return None
    return VisitorContacts(
        source=source,
        visitor_id=visitor_id,
        name=row["name"],
        phones=tuple(json.loads(row["phones"])),
        emails=tuple(json.loads(row["emails"])),
    )


def sort_again(db: Database, deliveries: list[int], source: str | None) -> int:
    return db.execute(
        "UPDATE deliveries SET state = 'received', reason = '', findings = '[]' WHERE (state IN ('not_understood', 'held') "  # noqa: S608 - marks only
        "OR (state = 'fetching' AND fetch_until IS NULL)) AND body IS NOT NULL "
        f"AND (id IN ({marks(len(deliveries))}) OR source = ?)",
        (*deliveries, source),
    ).rowcount


class BaseMovedOn(Exception):
    """The chat has another revision than the change was made from."""


def record_sorted(db: Database, results: list[Sorted], now: float) -> list[int]:
    left = []
    for result in results:
        db.execute("SAVEPOINT sorted")
        try:
            _record_one(db, result, now)
        except BaseMovedOn:
            # left as it was: sorted again on the next round, from the chat as it stands then
            db.execute("ROLLBACK TO sorted")
            left.append(result.delivery)
        db.execute("RELEASE sorted")
    return left


def _record_one(db: Database, result: Sorted, now: float) -> None:
    row = db.execute("SELECT state, event, findings FROM deliveries WHERE id = ?", (result.delivery,)).fetchone()
    if row is None or row["state"] not in OPEN:
        return
    chat_row = None
    for contacts in result.contacts:
        _keep_contacts(db, contacts, now)
    for change in result.changes:
        chat_row = _change_chat(db, change, now)
    # a delivery of several parts is told of in turns
    findings = dict.fromkeys((*json.loads(row["findings"]), *result.findings))
    kinds = dict.fromkeys(filter(None, (*row["event"].split(", "), *result.event.split(", "))))
    db.executemany(
        "UPDATE deliveries SET state = ?, event = ?, reason = ?, findings = ?, chat = coalesce(?, chat) WHERE id = ?",
        [(result.state, ", ".join(kinds), result.reason, json.dumps([*findings], ensure_ascii=False), chat_row, result.delivery)],
    )
    if result.erase:
        people.empty_delivery(db, result.delivery, result.alias)
    fetches.set_out(db, result.delivery, result.fetch)


def _keep_contacts(db: Database, contacts: VisitorContacts, now: float) -> None:
    known = contacts_of(db, contacts.source, contacts.visitor_id)
    # what came last stands first; what was known before is not forgotten
    phones = list(dict.fromkeys((*contacts.phones, *(known.phones if known else ()))))[:10]
    emails = list(dict.fromkeys((*contacts.emails, *(known.emails if known else ()))))[:10]
    name = contacts.name or (known.name if known else None)
    db.execute(
        "INSERT INTO visitors (source, visitor_id, name, phones, emails, updated_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (source, visitor_id) DO UPDATE SET name = excluded.name, phones = excluded.phones, "
        "emails = excluded.emails, updated_at = excluded.updated_at",
        (contacts.source, contacts.visitor_id, name, json.dumps(phones), json.dumps(emails), now),
    )


def _change_chat(db: Database, change: ChatChange, now: float) -> int:
    chat = change.chat
    values = (
        chat.visitor.id,
        chat.kind,
        chat.channel,
        chat.visitor.name,
        chat.started_at.timestamp() if chat.started_at else None,
        chat.ended_at.timestamp() if chat.ended_at else None,
        now,
        chat.model_dump_json(exclude_defaults=True),
    )
    if change.base_revision == 0:
        made = db.execute(
            "INSERT INTO chats (source, chat_id, revision, visitor_id, kind, channel, visitor_name, started_at, ended_at, "
            "updated_at, chat) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id, revision",
            (chat.source, chat.chat_id, *values),
        ).fetchone()
    else:
        # a change that causes no job (a contact that came later) is no new revision
        made = db.execute(
            "UPDATE chats SET revision = revision + ?, visitor_id = ?, kind = ?, channel = ?, visitor_name = ?, started_at = ?, "
            "ended_at = ?, updated_at = ?, chat = ? WHERE source = ? AND chat_id = ? AND revision = ? RETURNING id, revision",
            (1 if change.jobs else 0, *values, chat.source, chat.chat_id, change.base_revision),
        ).fetchone()
    if made is None:
        raise BaseMovedOn
    searching.index(db, made["id"], chat, is_new=change.base_revision == 0)
    for new in change.jobs:
        supersede(db, made["id"], new.target, made["revision"], now)
        db.executemany(
            "INSERT INTO jobs (chat, source, chat_id, kind, target, revision, state, quiet, created_at, updated_at, next_at) "
            "VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)",
            [(made["id"], chat.source, chat.chat_id, chat.kind, new.target, made["revision"], int(new.quiet), now, now,
              new.next_at)],
        )  # fmt: skip
    if change.wake:
        db.executemany(
            "UPDATE jobs SET next_at = ? WHERE chat = ? AND state = 'waiting' AND reason = 'no_contact'", [(now, made["id"])]
        )
    return int(made["id"])


def supersede(db: Database, chat_row: int, target: str, revision: int, now: float) -> None:
    """A newer revision carries all that an older job of its lane would have written, unless that has begun to write."""
    db.executemany(
        "UPDATE jobs SET state = 'skipped', reason = 'superseded', detail = '', updated_at = ? WHERE chat = ? AND target = ? "
        "AND revision < ? AND state IN ('pending', 'retrying', 'waiting', 'held', 'dead') AND NOT EXISTS "
        "(SELECT 1 FROM operations o WHERE o.job = jobs.id AND o.state IN ('sent', 'done'))",
        [(now, chat_row, target, revision)],
    )
