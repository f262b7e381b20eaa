"""The journal: what was sent, what is known of it, whose a contact point is, what a chat has delivered."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import BrakeReached, StaleLease
from bridge.model import OperationKind, OperationState, Plan
from bridge.store.records import Brake, Identity, Job, OperationRow
from bridge.store.statements import searching
from bridge.store.statements.database import Database, Row
from bridge.store.statements.jobs import require_lease

_PLANNED = "(?, ?, ?, ?, ?, ?, ?, ?, 'planned')"
#: operations in one statement: the note of a long chat may have thousands of parts, and engines take only so many marks
_AT_ONCE = 100
_POINT = "target = ? AND kind = ? AND value = ?"


def operation_of(row: Row) -> OperationRow:
    return OperationRow(
        id=row["id"],
        job=row["job"],
        chat_row=row["chat"],
        target=row["target"],
        kind=OperationKind(row["kind"]),
        part=row["part"],
        generation=row["generation"],
        marker=row["marker"],
        state=OperationState(row["state"]),
        sent_at=row["sent_at"],
        answered=bool(row["answered"]),
        record_id=row["record_id"],
        position=row["position"],
    )


def operations(db: Database, job_id: int) -> list[OperationRow]:
    rows = db.execute(
        "SELECT o.* FROM operations o JOIN jobs j ON j.id = o.job AND j.generation = o.generation "
        "WHERE o.job = ? ORDER BY position",
        (job_id,),
    )
    return [operation_of(row) for row in rows]


def operation(db: Database, operation_id: int) -> OperationRow | None:
    row = db.execute("SELECT * FROM operations WHERE id = ?", (operation_id,)).fetchone()
    return operation_of(row) if row else None


def twin(db: Database, op: OperationRow) -> OperationRow | None:
    row = db.execute(
        "SELECT o.* FROM jobs j JOIN operations o ON o.job = j.id WHERE j.chat = ? AND j.target = ? AND j.id <> ? "
        "AND o.marker = ? AND o.state IN ('sent', 'done') ORDER BY o.state LIMIT 1",
        (op.chat_row, op.target, op.job, op.marker),
    ).fetchone()
    return operation_of(row) if row else None


def is_alone(db: Database, job: Job) -> bool:
    other = db.execute(
        "SELECT 1 FROM jobs WHERE chat = ? AND target = ? AND id <> ? LIMIT 1", (job.chat_row, job.target, job.id)
    ).fetchone()
    return other is None


def left_open(db: Database, job: Job) -> list[OperationRow]:
    rows = db.execute(
        "SELECT o.* FROM jobs j JOIN operations o ON o.job = j.id WHERE j.chat = ? AND j.target = ? AND j.id <> ? "
        "AND o.state = 'sent' AND o.kind = 'note' ORDER BY o.id",
        (job.chat_row, job.target, job.id),
    )
    return [operation_of(row) for row in rows]


def deals(db: Database, target: str, client: str, since: float) -> list[OperationRow]:
    rows = db.execute(
        "SELECT * FROM operations WHERE kind = 'deal' AND target = ? AND client = ? "
        "AND (state = 'sent' OR state = 'done' AND settled_at >= ?) ORDER BY id",
        (target, client, since),
    )
    return [operation_of(row) for row in rows]


def record_plan(db: Database, job: Job, plan: Plan, now: float) -> list[OperationRow]:
    kept = db.execute(
        "UPDATE jobs SET plan = ?, updated_at = ? WHERE id = ? AND epoch = ? AND state = 'running'",
        (plan.model_dump_json(exclude_defaults=True), now, job.id, job.epoch),
    ).rowcount
    if not kept:
        raise StaleLease
    replaced = db.execute("DELETE FROM operations WHERE job = ? AND generation = ? RETURNING state", (job.id, job.generation))
    if any(row["state"] in {OperationState.SENT, OperationState.DONE} for row in replaced.fetchall()):
        raise AssertionError("a plan of which something was sent is carried out, never replaced")
    searching.index_plan(db, job.chat_row, plan)
    return _planned(db, job, plan)


def _planned(db: Database, job: Job, plan: Plan) -> list[OperationRow]:
    rows = [
        (job.id, job.chat_row, job.target, position, one.kind, one.part, job.generation, one.marker)
        for position, one in enumerate(plan.operations)
    ]
    made: list[OperationRow] = []
    for some in (rows[first : first + _AT_ONCE] for first in range(0, len(rows), _AT_ONCE)):
        made += map(operation_of, db.execute(
            "INSERT INTO operations (job, chat, target, position, kind, part, generation, marker, state) "  # noqa: S608 - marks only
            f"VALUES {', '.join([_PLANNED] * len(some))} RETURNING *",
            [value for row in some for value in row],
        ).fetchall())  # fmt: skip
    return sorted(made, key=lambda row: row.position)


def record_sent(
    db: Database, op: OperationRow, *, epoch: int, client: str, pending: Sequence[tuple[str, str]],
    brake: Brake | None, sent_at: float, now: float,
) -> OperationRow:
    require_lease(db, op.job, epoch)
    # counted in the commit that adds one, so that jobs side by side cannot pass together
    if brake is not None and clients_made(db, op.target, brake.since) >= brake.most:
        raise BrakeReached
    row = db.execute(
        "UPDATE operations SET state = 'sent', sent_at = ?, answered = 0, settled_at = NULL, client = ? "
        "WHERE id = ? AND state <> 'done' RETURNING *",
        (sent_at, client, op.id),
    ).fetchone()
    for kind, value in sorted(pending):
        db.execute(
            "INSERT INTO identities (target, kind, value, operation, written_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (target, kind, value) DO UPDATE SET client_id = NULL, operation = excluded.operation, "
            "written_at = excluded.written_at",
            (op.target, kind, value, op.id, now),
        )
    return operation_of(row)


def record_answered(db: Database, op: OperationRow, now: float) -> None:
    """From now on its search has to catch up: what it did it may have done as late as it answered."""
    db.execute(
        "UPDATE operations SET answered = 1, sent_at = ? WHERE id = ? AND state = 'sent' AND sent_at = ?",
        (now, op.id, op.sent_at),
    )


def settle(
    db: Database,
    op: OperationRow,
    state: OperationState,
    *,
    record_id: str,
    entity: str,
    identities: Sequence[tuple[str, str]],
    message_keys: Sequence[str],
    now: float,
) -> OperationRow | None:
    # by the marker too: the number may be that of another plan's operation by now
    row = db.execute(
        "UPDATE operations SET state = ?, record_id = ?, settled_at = ? WHERE id = ? AND state = 'sent' AND marker = ? "
        # that one sending came to nothing says nothing of a later one; that it was carried out does
        "AND (? OR sent_at = ?) RETURNING *",
        (state, record_id, now, op.id, op.marker, state is OperationState.DONE, op.sent_at),
    ).fetchone()
    if row is None:
        return operation(db, op.id)  # somebody else found out first; what they wrote stands
    if state is OperationState.VOID:
        db.execute("DELETE FROM identities WHERE operation = ?", (op.id,))
        return operation_of(row)
    if op.kind is OperationKind.CREATE:  # only to a client that is being made do contact points lead
        db.execute(
            "UPDATE identities SET client_id = ?, entity = ?, operation = NULL, written_at = ? WHERE operation = ?",
            (record_id, entity, now, op.id),
        )
    remember(db, op.target, identities, record_id, entity, now)
    db.executemany(
        "INSERT INTO delivered (chat, target, message_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(op.chat_row, op.target, key) for key in message_keys],
    )
    return operation_of(row)


def delivered(db: Database, chat_row: int, target: str) -> frozenset[str]:
    rows = db.execute("SELECT message_key FROM delivered WHERE chat = ? AND target = ?", (chat_row, target))
    return frozenset(row["message_key"] for row in rows)


def known(db: Database, target: str, points: Sequence[tuple[str, str]]) -> list[Identity]:
    if not points:
        return []
    rows = db.execute(
        f"SELECT * FROM identities WHERE {' OR '.join([_POINT] * len(points))}",  # noqa: S608 - marks only
        [value for point in points for value in (target, *point)],
    )
    found = {(row["kind"], row["value"]): row for row in rows}
    return [
        Identity(
            kind=kind, value=value, client_id=row["client_id"], entity=row["entity"], operation=row["operation"],
            written_at=row["written_at"],
        )
        for kind, value in points if (row := found.get((kind, value))) is not None
    ]  # fmt: skip


def remember(
    db: Database, target: str, points: Sequence[tuple[str, str]], client_id: str, entity: str, now: float
) -> None:
    db.executemany(
        "INSERT INTO identities (target, kind, value, client_id, entity, written_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [(target, kind, value, client_id, entity, now) for kind, value in sorted(points)],
    )


def forget(db: Database, target: str, points: Sequence[tuple[str, str]]) -> None:
    db.executemany(
        "DELETE FROM identities WHERE target = ? AND kind = ? AND value = ? AND operation IS NULL",
        [(target, kind, value) for kind, value in sorted(points)],
    )


def clients_made(db: Database, target: str, since: float) -> int:
    row = db.execute(
        "SELECT count(*) AS n FROM operations WHERE kind = 'create' AND target = ? AND sent_at >= ? "
        "AND state IN ('sent', 'done')",
        (target, since),
    ).fetchone()
    return int(row["n"])


def written(db: Database, job_id: int, record_id: str, now: float) -> OperationRow | None:
    """The job's operation whose outcome is unknown counts as carried out. Gives it, or None if there is none."""
    rows = [op for op in operations(db, job_id) if op.state is OperationState.SENT]
    if not rows:
        return None
    plan_row = db.execute("SELECT plan FROM jobs WHERE id = ?", (job_id,)).fetchone()
    plan = Plan.model_validate_json(plan_row["plan"])
    op = rows[0]
    planned = plan.operations[op.position]
    settle(db, op, OperationState.DONE, record_id=record_id, entity="", identities=(), message_keys=planned.message_keys, now=now)
    return op
