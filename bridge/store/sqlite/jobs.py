"""Jobs: claimed by workers under leases, finished with an outcome, sent round again by people."""

from __future__ import annotations

import heapq
import itertools
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from bridge.errors import StaleLease
from bridge.model import Correction, EventKind, JobState, Plan
from bridge.store.records import Attempt, Job, Outcome
from bridge.store.sqlite import searching
from bridge.store.sqlite.intake import supersede

#: An older job of the same chat and target goes first, unless it is over. A held one that has begun to write holds up the
#: lane; one that has written nothing was superseded when the newer one came.
_FIRST_IN_LANE = (
    "NOT EXISTS (SELECT 1 FROM jobs e WHERE e.chat = j.chat AND e.target = j.target AND e.id <> j.id AND "
    "(e.state = 'running' OR e.revision < j.revision AND e.state NOT IN ('done', 'skipped', 'dead')))"
)


def job_of(row: sqlite3.Row) -> Job:
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


#: the sources that have jobs for a target which are not over: a seek in the index for each, however many jobs there are
_SOURCES = (
    "WITH RECURSIVE waiting(source) AS (SELECT min(source) FROM jobs WHERE target = :target AND "
    "state IN ('pending', 'retrying', 'waiting') UNION ALL SELECT (SELECT min(source) FROM jobs WHERE target = :target "
    "AND source > waiting.source AND state IN ('pending', 'retrying', 'waiting')) FROM waiting WHERE source IS NOT NULL) "
)


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


def claim(
    db: sqlite3.Connection, *, owner: str, until: float, now: float, room: Mapping[str, int], turns: Turns | None = None
) -> list[Job]:
    """Target by target, so that one whose jobs pile up is no burden to the others; and of a target's sources in turn."""
    turns = turns or Turns()
    ids = [job_id for target, places in room.items() for job_id in _in_turn(db, target, places, now, turns)]
    vanished = db.execute("SELECT id, target FROM jobs WHERE state = 'running' AND lease_until < ?", (now,)).fetchall()
    # of a target that is stopped nothing is taken up, not even what was under way
    ids += [row["id"] for row in vanished if row["target"] in room]
    claimed = (
        db.execute(
            "UPDATE jobs SET state = 'running', epoch = epoch + 1, lease_owner = ?, lease_until = ?, updated_at = ? "
            "WHERE id = ? RETURNING *",
            (owner, until, now, job_id),
        ).fetchone()
        for job_id in ids
    )
    return [job_of(row) for row in claimed]


def _in_turn(db: sqlite3.Connection, target: str, places: int, now: float, turns: Turns) -> list[int]:
    """Ids of due jobs: the source served longest ago goes first, of each source the job that has been due longest.

    No more rows are read than are taken, and one for each source.
    """
    waiting: list[tuple[int, float, str, int, sqlite3.Cursor]] = []
    names = db.execute(f"{_SOURCES} SELECT source FROM waiting WHERE source IS NOT NULL", {"target": target}).fetchall()  # noqa: S608 - a constant
    for (source,) in names:
        due = db.execute(
            "SELECT id, next_at FROM jobs j WHERE target = ? AND source = ? AND state IN ('pending', 'retrying', 'waiting') "  # noqa: S608 - constants
            f"AND next_at <= ? AND {_FIRST_IN_LANE} ORDER BY next_at",
            (target, source, now),
        )
        if (row := due.fetchone()) is not None:
            heapq.heappush(waiting, (turns.last(target, source), row["next_at"], source, row["id"], due))
    taken: list[int] = []
    while waiting and len(taken) < places:
        _, _, source, job_id, due = heapq.heappop(waiting)
        taken.append(job_id)
        turn = turns.take(target, source)
        if (row := due.fetchone()) is not None:
            heapq.heappush(waiting, (turn, row["next_at"], source, row["id"], due))
    for *_, due in waiting:
        due.close()  # or the statement would stand open while its rows are changed
    return taken


def anything_due(db: sqlite3.Connection, targets: Iterable[str], now: float) -> bool:
    """A cheap look before a write transaction is begun for nothing."""
    if db.execute("SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < ?)", (now,)).fetchone()[0]:
        return True
    due = next_due(db, targets)
    return due is not None and due <= now


def hold_strangers(db: sqlite3.Connection, known: Iterable[str], now: float) -> int:
    """Jobs of targets that the config does not have (any more) wait for a person, whole and listed."""
    return db.execute(
        "UPDATE jobs SET state = 'held', reason = 'target_unknown', updated_at = ?, detail = 'The target ' || target || "
        "' is not in the config any more. Put it back and replay this job, or skip it.' "
        "WHERE state IN ('pending', 'retrying', 'waiting') AND target NOT IN (SELECT value FROM json_each(?))",
        (now, json.dumps(list(known))),
    ).rowcount


def void_all_leases(db: sqlite3.Connection, now: float) -> int:
    """At start: one process has this file, so whoever held a lease is gone."""
    return db.execute(
        "UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_until = NULL, epoch = epoch + 1, next_at = ? "
        "WHERE state = 'running'",
        (now,),
    ).rowcount


def next_due(db: sqlite3.Connection, targets: Iterable[str]) -> float | None:
    times = (
        db.execute(
            f"{_SOURCES} SELECT min((SELECT min(next_at) FROM jobs WHERE target = :target AND source = waiting.source AND "  # noqa: S608 - a constant
            "state IN ('pending', 'retrying', 'waiting'))) FROM waiting",
            {"target": target},
        ).fetchone()[0]
        for target in targets
    )
    return min((float(time) for time in times if time is not None), default=None)


def renew(db: sqlite3.Connection, jobs: Mapping[int, int], until: float) -> set[int]:
    ours = set()
    for job_id, epoch in jobs.items():
        changed = db.execute(
            "UPDATE jobs SET lease_until = ? WHERE id = ? AND epoch = ? AND state = 'running'", (until, job_id, epoch)
        ).rowcount
        if changed:
            ours.add(job_id)
    return ours


def require_lease(db: sqlite3.Connection, job_id: int, epoch: int) -> None:
    row = db.execute("SELECT 1 FROM jobs WHERE id = ? AND epoch = ? AND state = 'running'", (job_id, epoch)).fetchone()
    if row is None:
        raise StaleLease


def finish(db: sqlite3.Connection, job: Job, outcome: Outcome, attempt: Attempt | None, now: float) -> None:
    failing = outcome.state is JobState.RETRYING
    changed = db.execute(
        "UPDATE jobs SET state = ?, reason = ?, detail = ?, error_code = ?, attempts = attempts + ?, tries = tries + ?, "
        "next_at = ?, failing_since = CASE WHEN ? THEN coalesce(failing_since, ?) WHEN ? THEN failing_since END, "
        "lease_owner = NULL, lease_until = NULL, updated_at = ?, rehearsed = coalesce(?, rehearsed) "
        "WHERE id = ? AND epoch = ? AND state = 'running'",
        (
            outcome.state,
            outcome.reason,
            outcome.detail,
            outcome.error_code,
            1 if outcome.uses_attempt else 0,
            1 if attempt else 0,
            outcome.next_at if outcome.next_at is not None else now,
            failing,
            now,
            outcome.state is JobState.WAITING,
            now,
            outcome.rehearsed.model_dump_json() if outcome.rehearsed else None,
            job.id,
            job.epoch,
        ),
    ).rowcount
    if not changed:
        raise StaleLease
    if outcome.rehearsed:
        searching.index_plan(db, job.chat_row, outcome.rehearsed)
    if attempt is not None:
        db.execute(
            "INSERT INTO attempts (job, number, started_at, ended_at, outcome, error_code, detail, steps) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.id,
                attempt.number,
                attempt.started_at,
                attempt.ended_at,
                attempt.outcome,
                attempt.error_code,
                attempt.detail,
                "[" + ",".join(step.model_dump_json(exclude_defaults=True) for step in attempt.steps) + "]",
            ),
        )
    if outcome.state is JobState.WAITING and outcome.reason == "no_contact":
        # the contact may have come while this attempt was looking at the chat without it
        db.execute(
            "UPDATE jobs SET next_at = ? WHERE id = ? AND ? < (SELECT updated_at FROM chats WHERE chats.id = jobs.chat)",
            (now, job.id, job.updated_at),
        )
    if outcome.state not in {JobState.DONE, JobState.SKIPPED}:
        # a newer revision that came while this one ran carries on in its place
        newer = db.execute(
            "SELECT max(revision) FROM jobs WHERE chat = ? AND target = ? AND state IN ('pending', 'retrying', 'waiting')",
            (job.chat_row, job.target),
        ).fetchone()[0]
        if newer is not None and newer > job.revision:
            supersede(db, job.chat_row, job.target, newer, now)


_SOMETHING_WRITTEN = "EXISTS (SELECT 1 FROM operations o WHERE o.job = jobs.id AND o.state IN ('sent', 'done'))"
#: a later job of the lane carries what this one would: it is under way and this one has written nothing, or it has begun to write
_LEFT_TO_LATER = (
    f"SELECT 1 FROM jobs WHERE chat = :chat AND target = :target AND revision > :revision AND ({_SOMETHING_WRITTEN} "  # noqa: S608 - constants
    "AND state <> 'done' OR state NOT IN ('done', 'skipped', 'dead') AND NOT EXISTS "
    "(SELECT 1 FROM operations o WHERE o.job = :id AND o.state IN ('sent', 'done')))"
)


def replay(db: sqlite3.Connection, job_ids: Sequence[int], *, again: bool, now: float, for_real: bool = False) -> list[int]:
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
            "failing_since = NULL, next_at = ?, updated_at = ?, for_real = max(for_real, ?) WHERE id = ?",
            (now, now, for_real, job_id),
        )
        sent_round.append(job_id)
    return sent_round


def skip(db: sqlite3.Connection, job_ids: Sequence[int], reason: str, now: float) -> list[int]:
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


def choose(db: sqlite3.Connection, job_id: int, client_id: str, now: float) -> bool:
    if not replay(db, [job_id], again=False, now=now):
        return False
    db.execute("UPDATE jobs SET chosen = ? WHERE id = ?", (client_id, job_id))
    return True


def correct(db: sqlite3.Connection, job_id: int, corrected: Correction, now: float) -> bool:
    """For every later version of the chat as well, and for the other targets' jobs of it from their next attempt on."""
    if not replay(db, [job_id], again=False, now=now):
        return False
    chat = db.execute(
        "UPDATE chats SET corrected = ? WHERE id = (SELECT chat FROM jobs WHERE id = ?) RETURNING id",
        (corrected.model_dump_json(exclude_defaults=True), job_id),
    ).fetchone()
    searching.index_points(db, chat["id"], corrected)
    return True
