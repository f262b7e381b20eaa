"""Jobs: claimed by workers under leases, finished with an outcome, sent round again by people."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import structlog

from bridge.errors import StaleLease
from bridge.model import Correction, EventKind, JobState, Plan
from bridge.store.records import Attempt, Job, Outcome
from bridge.store.statements import searching
from bridge.store.statements.database import Database, Row, marks
from bridge.store.statements.intake import supersede

log = structlog.get_logger()

#: An older job of the same chat and target goes first, unless it is over. A held one that has begun to write holds up the
#: lane; one that has written nothing was superseded when the newer one came.
FIRST_IN_LANE = (
    "NOT EXISTS (SELECT 1 FROM jobs e WHERE e.chat = j.chat AND e.target = j.target AND e.id <> j.id AND "
    "(e.state = 'running' OR e.revision < j.revision AND e.state NOT IN ('done', 'skipped', 'dead')))"
)


def job_of(row: Row) -> Job:
    return Job(
        id=row["id"],
        chat_row=row["chat"],
        source=row["source"],
        chat_id=row["chat_id"],
        kind=EventKind(row["kind"]),
        target=row["target"],
        revision=row["revision"],
        state=JobState(row["state"]),
        reason=row["reason"],
        detail=row["detail"],
        attempts=row["attempts"],
        epoch=row["epoch"],
        generation=row["generation"],
        quiet=bool(row["quiet"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        next_at=row["next_at"],
        failing_since=row["failing_since"],
        plan=Plan.model_validate_json(row["plan"]) if row["plan"] else None,
        chosen=row["chosen"],
        for_real=bool(row["for_real"]),
    )


def readable(db: Database, claimed: Iterable[Row], now: float) -> list[Job]:
    """The claimed jobs. One whose row cannot be read waits for a person: it would fail every claim, and so all others, too."""
    jobs = []
    for row in claimed:
        try:
            jobs.append(job_of(row))
        except ValueError as error:  # pydantic's as well
            log.error("job.unread", job=row["id"], why=type(error).__name__)  # noqa: TRY400 - a trace would show the plan
            db.execute(
                "UPDATE jobs SET state = 'dead', reason = 'internal', detail = ?, error_code = 'internal', lease_owner = NULL, "
                "lease_until = NULL, updated_at = ? WHERE id = ?", (_UNREADABLE, now, row["id"]),
            )  # fmt: skip
    return jobs


_UNREADABLE = "What is stored of it cannot be read, so nothing was sent; make a backup (`chat2crm store backup`), and report it."

#: the sources that have jobs for a target which are not over: a seek in the index for each, however many jobs there are
SOURCES = (
    "WITH RECURSIVE waiting(source) AS (SELECT min(source) FROM jobs WHERE target = :target AND "
    "state IN ('pending', 'retrying', 'waiting') UNION ALL SELECT (SELECT min(source) FROM jobs WHERE target = :target "
    "AND source > waiting.source AND state IN ('pending', 'retrying', 'waiting')) FROM waiting WHERE source IS NOT NULL) "
)


_STRANGE = "state IN ('pending', 'retrying', 'waiting') AND target NOT IN ({})"


class Turns:
    """Whose turn it is. Kept in memory: after a restart everybody begins anew, which harms nobody."""

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._last: dict[tuple[str, str], int] = {}

    def last(self, target: str, source: str) -> int:
        return self._last.get((target, source), 0)

    def take(self, target: str, source: str) -> int:
        self._last[target, source] = turn = next(self._count)
        return turn


def job(db: Database, job_id: int) -> Job | None:
    row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return job_of(row) if row else None


def strangers(known: Sequence[str]) -> tuple[str, tuple[object, ...]]:
    """What gives the chats that `hold_strangers` is about."""
    names = ("", *known)
    return f"SELECT DISTINCT chat FROM jobs WHERE {_STRANGE.format(marks(len(names)))}", names  # noqa: S608 - constants


def hold_strangers(db: Database, known: Iterable[str], now: float) -> int:
    """Jobs of targets that the config does not have (any more) wait for a person, whole and listed."""
    # no target has an empty name; beside it there may be none
    names = ["", *known]
    return db.execute(
        "UPDATE jobs SET state = 'held', reason = 'target_unknown', updated_at = ?, detail = 'The target ' || target || "  # noqa: S608 - marks only
        "' is not in the config any more. Put it back and replay this job, or skip it.' "
        f"WHERE {_STRANGE.format(marks(len(names)))}",
        (now, *names),
    ).rowcount


def next_due(db: Database, targets: Iterable[str]) -> float | None:
    times = (
        db.execute(
            f"{SOURCES} SELECT min(next_at) AS next_at FROM (SELECT (SELECT min(next_at) FROM jobs WHERE target = :target "  # noqa: S608 - a constant
            "AND source = waiting.source AND "
            "state IN ('pending', 'retrying', 'waiting')) AS next_at FROM waiting) AS each_of_them",
            {"target": target},
        ).fetchone()["next_at"]
        for target in targets
    )
    return min((float(time) for time in times if time is not None), default=None)


def renew(db: Database, jobs: Mapping[int, int], until: float) -> set[int]:
    ours = set()
    for job_id, epoch in jobs.items():
        changed = db.execute(
            "UPDATE jobs SET lease_until = ? WHERE id = ? AND epoch = ? AND state = 'running'", (until, job_id, epoch)
        ).rowcount
        if changed:
            ours.add(job_id)
    return ours


def require_lease(db: Database, job_id: int, epoch: int) -> None:
    row = db.execute("SELECT 1 FROM jobs WHERE id = ? AND epoch = ? AND state = 'running'", (job_id, epoch)).fetchone()
    if row is None:
        raise StaleLease


#: what an outcome changes; the marks are for `ended_values`
ENDED = (
    "state = {}, reason = {}, detail = {}, error_code = {}, attempts = attempts + {}, tries = tries + {}, next_at = {}, "
    "failing_since = CASE WHEN {} THEN coalesce(failing_since, {}) WHEN {} THEN failing_since END, lease_owner = NULL, "
    "lease_until = NULL, updated_at = {}, rehearsed = coalesce({}, rehearsed)"
)
ENDED_VALUES = ENDED.count("{}")
_ENDED = f"UPDATE jobs SET {ENDED.format(*['?'] * ENDED_VALUES)} WHERE id = ? AND epoch = ? AND state = 'running'"  # noqa: S608 - marks only


def ended_values(outcome: Outcome, attempt: Attempt | None, now: float) -> tuple[object, ...]:
    return (
        outcome.state, outcome.reason, outcome.detail, outcome.error_code, 1 if outcome.uses_attempt else 0, 1 if attempt else 0,
        outcome.next_at if outcome.next_at is not None else now, outcome.state is JobState.RETRYING, now,
        outcome.state is JobState.WAITING, now, outcome.rehearsed.model_dump_json() if outcome.rehearsed else None,
    )  # fmt: skip


def finish(db: Database, job: Job, outcome: Outcome, attempt: Attempt | None, now: float) -> None:
    if not db.execute(_ENDED, (*ended_values(outcome, attempt, now), job.id, job.epoch)).rowcount:
        raise StaleLease
    follow_up(db, job, outcome, attempt, now)


def follow_up(db: Database, job: Job, outcome: Outcome, attempt: Attempt | None, now: float) -> None:
    """All that an outcome brings with it, but for the job's own row."""
    if outcome.rehearsed:
        searching.index_plan(db, job.chat_row, outcome.rehearsed)
    if attempt is not None:
        db.executemany(
            "INSERT INTO attempts (job, number, started_at, ended_at, outcome, error_code, detail, steps) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(
                job.id, attempt.number, attempt.started_at, attempt.ended_at, attempt.outcome, attempt.error_code, attempt.detail,
                "[" + ",".join(step.model_dump_json(exclude_defaults=True) for step in attempt.steps) + "]",
            )],
        )  # fmt: skip
    if outcome.state is JobState.WAITING and outcome.reason == "no_contact":
        # the contact may have come while this attempt was looking at the chat without it
        db.execute(
            "UPDATE jobs SET next_at = ? WHERE id = ? AND ? < (SELECT updated_at FROM chats WHERE chats.id = jobs.chat)",
            (now, job.id, job.updated_at),
        )
    if outcome.state not in {JobState.DONE, JobState.SKIPPED}:
        # a newer revision that came while this one ran carries on in its place
        newer = db.execute(
            "SELECT max(revision) AS revision FROM jobs WHERE chat = ? AND target = ? "
            "AND state IN ('pending', 'retrying', 'waiting')",
            (job.chat_row, job.target),
        ).fetchone()["revision"]
        if newer is not None and newer > job.revision:
            supersede(db, job.chat_row, job.target, newer, now)


_SOMETHING_WRITTEN = "EXISTS (SELECT 1 FROM operations o WHERE o.job = jobs.id AND o.state IN ('sent', 'done'))"
#: a later job of the lane carries what this one would: it is under way and this one has written nothing, or it has begun to write
_LEFT_TO_LATER = (
    f"SELECT 1 FROM jobs WHERE chat = :chat AND target = :target AND revision > :revision AND ({_SOMETHING_WRITTEN} "  # noqa: S608 - constants
    "AND state <> 'done' OR state NOT IN ('done', 'skipped', 'dead') AND NOT EXISTS "
    "(SELECT 1 FROM operations o WHERE o.job = :id AND o.state IN ('sent', 'done')))"
)


def replay(db: Database, job_ids: Sequence[int], *, again: bool, now: float, for_real: bool = False) -> list[int]:
    """A job that has written nothing forgets its plan, so that a corrected mapping or route counts. With `again` a new
    generation begins: what was delivered counts as not delivered for the jobs named. With `for_real` they are written although
    their target only rehearses. Not sent round are those that run, and those whose chat a later job is writing.
    """
    sent_round = []
    for job_id in job_ids:
        row = db.execute("SELECT * FROM jobs WHERE id = ? AND state <> 'running'", (job_id,)).fetchone()
        if row is None or db.execute(_LEFT_TO_LATER, dict(row)).fetchone():
            continue
        if again:
            db.execute("DELETE FROM delivered WHERE chat = ? AND target = ?", (row["chat"], row["target"]))
            # whatever an unanswered request may have done, the person has looked and wants it written anew
            db.execute("DELETE FROM identities WHERE operation IN (SELECT id FROM operations WHERE job = ?)", (job_id,))
            db.execute("UPDATE operations SET state = 'void' WHERE job = ? AND state = 'sent'", (job_id,))
            db.execute("UPDATE jobs SET generation = generation + 1, plan = NULL WHERE id = ?", (job_id,))
        else:
            db.execute(f"UPDATE jobs SET plan = NULL WHERE id = ? AND NOT {_SOMETHING_WRITTEN}", (job_id,))  # noqa: S608 - constant
        db.execute(
            "UPDATE jobs SET state = 'pending', reason = 'replayed', detail = '', error_code = '', attempts = 0, "
            "failing_since = NULL, next_at = ?, updated_at = ?, for_real = CASE WHEN ? THEN 1 ELSE for_real END WHERE id = ?",
            (now, now, for_real, job_id),
        )
        sent_round.append(job_id)
    return sent_round


def skip(db: Database, job_ids: Sequence[int], reason: str, now: float) -> list[int]:
    skipped = []
    for job_id in job_ids:
        changed = db.execute(
            "UPDATE jobs SET state = 'skipped', reason = ?, detail = '', updated_at = ? "
            "WHERE id = ? AND state NOT IN ('running', 'done', 'skipped')",
            (reason, now, job_id),
        ).rowcount
        if changed:
            skipped.append(job_id)
    return skipped


def choose(db: Database, job_id: int, client_id: str, now: float) -> bool:
    if not replay(db, [job_id], again=False, now=now):
        return False
    db.execute("UPDATE jobs SET chosen = ? WHERE id = ?", (client_id, job_id))
    return True


def correct(db: Database, job_id: int, corrected: Correction, now: float) -> bool:
    """For every later version of the chat as well, and for the other targets' jobs of it from their next attempt on."""
    if not replay(db, [job_id], again=False, now=now):
        return False
    chat = db.execute(
        "UPDATE chats SET corrected = ? WHERE id = (SELECT chat FROM jobs WHERE id = ?) RETURNING id",
        (corrected.model_dump_json(exclude_defaults=True), job_id),
    ).fetchone()
    searching.index_points(db, chat["id"], corrected)
    return True
