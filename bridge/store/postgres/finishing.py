"""Outcomes of several jobs in one statement: most of what a worker writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.errors import StaleLease
from bridge.store.postgres.database import Database
from bridge.store.postgres.roots import hold_guards
from bridge.store.records import Attempt, Job, Outcome
from bridge.store.statements import jobs, tallies
from bridge.store.tallies import Tally

_COLUMNS = [f"c{number}" for number in range(jobs.ENDED_VALUES)]
_ENDED = (
    f"UPDATE jobs AS j SET {jobs.ENDED.format(*(f'v.{name}' for name in _COLUMNS))} FROM (VALUES {{rows}}) "  # noqa: S608 - our own names
    f"AS v (id, epoch, {', '.join(_COLUMNS)}) WHERE j.id = v.id AND j.epoch = v.epoch AND j.state = 'running' "
    "RETURNING j.id, j.epoch"
)
_ROW = f"({', '.join('?' * (len(_COLUMNS) + 2))})"


@dataclass(frozen=True, slots=True)
class Ended:
    job: Job
    outcome: Outcome
    attempt: Attempt | None
    tally: Tally | None
    now: float


def finish(db: Database, ended: Sequence[Ended]) -> list[StaleLease | None]:
    """What became of each. The chats are held.

    The last that a transaction does: the lines of figures are everybody's, so they are held from here to the commit, no longer.
    """
    values = [value for one in ended
              for value in (one.job.id, one.job.epoch, *jobs.ended_values(one.outcome, one.attempt, one.now))]  # fmt: skip
    rows = db.execute(_ENDED.format(rows=", ".join([_ROW] * len(ended))), values)
    ours = {(row["id"], row["epoch"]) for row in rows}
    results: list[StaleLease | None] = []
    counted: dict[int, Tally] = {}
    for one in ended:
        if (one.job.id, one.job.epoch) not in ours:
            results.append(StaleLease())
            continue
        jobs.follow_up(db, one.job, one.outcome, one.attempt, one.now)
        if one.tally is not None:
            counted[one.job.chat_row] = one.tally  # of several of one chat the latest: it tells of the others as well
        results.append(None)
    sources = sorted({tally.source for tally in counted.values()})
    tallies.count_all(db, counted, lambda: hold_guards(db, [f"figures:{source}" for source in sources]))
    return results
