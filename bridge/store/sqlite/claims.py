"""Claims of one process: due jobs in turns, and those of workers that are gone."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Mapping

from bridge.store.records import Job
from bridge.store.statements.jobs import FIRST_IN_LANE, SOURCES, Turns, next_due, readable


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
    return readable(db, claimed, now)


def _in_turn(db: sqlite3.Connection, target: str, places: int, now: float, turns: Turns) -> list[int]:
    """Ids of due jobs: the source served longest ago goes first, of each source the job that has been due longest.

    No more rows are read than are taken, and one for each source.
    """
    waiting: list[tuple[int, float, str, int, sqlite3.Cursor]] = []
    names = db.execute(f"{SOURCES} SELECT source FROM waiting WHERE source IS NOT NULL", {"target": target}).fetchall()  # noqa: S608 - a constant
    for name in names:
        source = name["source"]
        due = db.execute(
            "SELECT id, next_at FROM jobs j WHERE target = ? AND source = ? AND state IN ('pending', 'retrying', 'waiting') "  # noqa: S608 - constants
            f"AND next_at <= ? AND {FIRST_IN_LANE} ORDER BY next_at",
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
    if db.execute("SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < ? LIMIT 1", (now,)).fetchone() is not None:
        return True
    due = next_due(db, targets)
    return due is not None and due <= now


def void_all_leases(db: sqlite3.Connection, now: float) -> int:
    """At start: one process has this file, so whoever held a lease is gone."""
    return db.execute(
        "UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_until = NULL, epoch = epoch + 1, next_at = ? "
        "WHERE state = 'running'",
        (now,),
    ).rowcount
