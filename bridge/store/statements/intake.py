"""Deliveries in, and what they mean: chats, their revisions and jobs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from bridge.model import Chat, Correction, Delivery
from bridge.store.records import Accepted, ChatChange, NewJob, Sorted, StoredChat, VisitorContacts
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
    new, others = _apart(results)
    left = _record_new(db, new, now) if new else []
    for result in others:
        db.execute("SAVEPOINT sorted")
        try:
            _record_one(db, result, now)
        except BaseMovedOn:
            # left as it was: sorted again on the next round, from the chat as it stands then
            db.execute("ROLLBACK TO sorted")
            left.append(result.delivery)
        db.execute("RELEASE sorted")
    return left


def _apart(results: list[Sorted]) -> tuple[list[Sorted], list[Sorted]]:
    """Those that are a new chat each and nothing else, which is most of what comes; and those that are to be taken one by one."""
    deliveries = Counter(result.delivery for result in results)
    named = Counter((change.chat.source, change.chat.chat_id) for result in results for change in result.changes)
    new, others = list[Sorted](), list[Sorted]()
    for result in results:
        changes = result.changes
        alone = (
            len(changes) == 1 and changes[0].base_revision == 0 and named[changes[0].chat.source, changes[0].chat.chat_id] == 1
            and deliveries[result.delivery] == 1 and not (result.contacts or result.fetch or result.erase or changes[0].wake)
        )  # fmt: skip
        (new if alone else others).append(result)
    return new, others


def _record_new(db: Database, results: list[Sorted], now: float) -> list[int]:
    """New chats, all by the same few statements. Gives the deliveries of those that are there already."""
    numbers = [result.delivery for result in results]
    rows = db.execute(
        f"SELECT id, state, event, findings, fetch_at FROM deliveries WHERE id IN ({marks(len(numbers))})", numbers  # noqa: S608 - marks only
    )
    told = {row["id"]: row for row in rows if row["state"] in OPEN}
    wanted = [result for result in results if result.delivery in told]
    chats = _made(db, [result.changes[0].chat for result in wanted], now)
    done = [(result, chats[result.changes[0].chat.chat_id, result.changes[0].chat.source]) for result in wanted
            if (result.changes[0].chat.chat_id, result.changes[0].chat.source) in chats]  # fmt: skip
    searching.index_new(db, [(row, result.changes[0].chat) for result, row in done])
    db.executemany(_NEW_JOB, [
        _job(row, result.changes[0].chat, new, 1, now) for result, row in done for new in result.changes[0].jobs
    ])  # fmt: skip
    alike: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for result, row in done:
        alike[_said(result, told[result.delivery])].append((result.delivery, row))
    for said, pairs in alike.items():
        cases = " ".join(["WHEN ? THEN ?"] * len(pairs))
        db.executemany(
            "UPDATE deliveries SET state = ?, event = ?, reason = ?, findings = ?, "  # noqa: S608 - marks only
            f"chat = CASE id {cases} END WHERE id IN ({marks(len(pairs))})",
            [(*said, *(number for pair in pairs for number in pair), *(delivery for delivery, _ in pairs))],
        )
    for result, _ in done:
        if told[result.delivery]["fetch_at"] is not None:
            fetches.set_out(db, result.delivery, None)
    kept = {result.delivery for result, _ in done}
    return [result.delivery for result in wanted if result.delivery not in kept]


def _record_one(db: Database, result: Sorted, now: float) -> None:
    row = db.execute("SELECT state, event, findings FROM deliveries WHERE id = ?", (result.delivery,)).fetchone()
    if row is None or row["state"] not in OPEN:
        return
    chat_row = None
    for contacts in result.contacts:
        _keep_contacts(db, contacts, now)
    for change in result.changes:
        chat_row = _change_chat(db, change, now)
    db.executemany(
        "UPDATE deliveries SET state = ?, event = ?, reason = ?, findings = ?, chat = coalesce(?, chat) WHERE id = ?",
        [(*_said(result, row), chat_row, result.delivery)],
    )
    if result.erase:
        people.empty_delivery(db, result.delivery, result.alias)
    fetches.set_out(db, result.delivery, result.fetch)


def _said(result: Sorted, before: Row) -> tuple[str, ...]:
    """State, event, reason and findings; a delivery of several parts is told of in turns."""
    findings = dict.fromkeys((*json.loads(before["findings"]), *result.findings))
    kinds = dict.fromkeys(filter(None, (*before["event"].split(", "), *result.event.split(", "))))
    return result.state, ", ".join(kinds), result.reason, json.dumps([*findings], ensure_ascii=False)


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


_NEW_CHAT = "(?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
_NEW_JOB = (
    "INSERT INTO jobs (chat, source, chat_id, kind, target, revision, state, quiet, created_at, updated_at, next_at) "
    "VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)"
)


def _made(db: Database, chats: Sequence[Chat], now: float) -> dict[tuple[str, str], int]:
    """(Chat id, source) → number, of those of the chats that were not there yet."""
    if not chats:
        return {}
    rows = db.execute(
        "INSERT INTO chats (source, chat_id, revision, visitor_id, kind, channel, visitor_name, started_at, ended_at, "  # noqa: S608 - marks only
        f"updated_at, chat) VALUES {', '.join([_NEW_CHAT] * len(chats))} ON CONFLICT DO NOTHING RETURNING id, source, chat_id",
        [value for chat in chats for value in (chat.source, chat.chat_id, *_kept(chat, now))],
    ).fetchall()
    return {(row["chat_id"], row["source"]): int(row["id"]) for row in rows}


def _kept(chat: Chat, now: float) -> tuple[object, ...]:
    return (
        chat.visitor.id,
        chat.kind,
        chat.channel,
        chat.visitor.name,
        chat.started_at.timestamp() if chat.started_at else None,
        chat.ended_at.timestamp() if chat.ended_at else None,
        now,
        chat.model_dump_json(exclude_defaults=True),
    )


def _job(row: int, chat: Chat, new: NewJob, revision: int, now: float) -> tuple[object, ...]:
    return row, chat.source, chat.chat_id, chat.kind, new.target, revision, int(new.quiet), now, now, new.next_at


def _change_chat(db: Database, change: ChatChange, now: float) -> int:
    chat = change.chat
    if change.base_revision == 0:
        number, revision = _made(db, [chat], now).get((chat.chat_id, chat.source)), 1
    else:
        # a change that causes no job (a contact that came later) is no new revision
        made = db.execute(
            "UPDATE chats SET revision = revision + ?, visitor_id = ?, kind = ?, channel = ?, visitor_name = ?, started_at = ?, "
            "ended_at = ?, updated_at = ?, chat = ? WHERE source = ? AND chat_id = ? AND revision = ? RETURNING id, revision",
            (1 if change.jobs else 0, *_kept(chat, now), chat.source, chat.chat_id, change.base_revision),
        ).fetchone()
        number, revision = (int(made["id"]), int(made["revision"])) if made else (None, 0)
    if number is None:
        raise BaseMovedOn
    searching.index(db, number, chat, is_new=change.base_revision == 0)
    for new in change.jobs:
        supersede(db, number, new.target, revision, now)
        db.executemany(_NEW_JOB, [_job(number, chat, new, revision, now)])
    if change.wake:
        db.executemany(
            "UPDATE jobs SET next_at = ? WHERE chat = ? AND state = 'waiting' AND reason = 'no_contact'", [(now, number)]
        )
    return number


def supersede(db: Database, chat_row: int, target: str, revision: int, now: float) -> None:
    """A newer revision carries all that an older job of its lane would have written, unless that has begun to write."""
    if revision <= 1:
        return  # there is nothing older
    db.executemany(
        "UPDATE jobs SET state = 'skipped', reason = 'superseded', detail = '', updated_at = ? WHERE chat = ? AND target = ? "
        "AND revision < ? AND state IN ('pending', 'retrying', 'waiting', 'held', 'dead') AND NOT EXISTS "
        "(SELECT 1 FROM operations o WHERE o.job = jobs.id AND o.state IN ('sent', 'done'))",
        [(now, chat_row, target, revision)],
    )
