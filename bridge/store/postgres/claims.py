"""Claims of several replicas: due jobs in turns, none of them twice, and those of workers that are gone.

Whoever claims a job holds its chat's row for as long as that commit takes, and so does everything else that changes a job's
state. Rows that somebody holds are passed over, not waited for; they are looked at again with the next claim. What was found to
be due is asked once more when the rows are held, so that of a lane there is never more than one job running.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store.postgres.database import Database
from bridge.store.records import Job
from bridge.store.statements.database import marks
from bridge.store.statements.jobs import FIRST_IN_LANE, Turns, readable

#: jobs of vanished workers that are taken up by one claim
VANISHED = 64
#: of so many sources of a target each is asked for all that there is place for
FEW_SOURCES = 4

_OPEN = "state IN ('pending', 'retrying', 'waiting')"
#: of each target its sources with the job that is due first: a seek in the index for each, however many jobs there are
_HEADS = (
    "SELECT r.target, s.source, s.next_at FROM (VALUES {targets}) AS r (target) CROSS JOIN LATERAL ("  # noqa: S608 - constants
    "WITH RECURSIVE heads (source, next_at) AS ("
    f"(SELECT source, next_at FROM jobs WHERE target = r.target AND {_OPEN} ORDER BY source, next_at LIMIT 1) "
    "UNION ALL SELECT n.source, n.next_at FROM heads h CROSS JOIN LATERAL ("
    f"SELECT source, next_at FROM jobs WHERE target = r.target AND source > h.source AND {_OPEN} "
    "ORDER BY source, next_at LIMIT 1) AS n) SELECT source, next_at FROM heads) AS s WHERE s.next_at <= ? "
    # and, of no target, whether anybody's lease is over
    "UNION ALL SELECT NULL, NULL, min(lease_until) FROM jobs WHERE state = 'running' AND lease_until < ? HAVING count(*) > 0"
)
#: so many of a target's source, with their chats held
_DUE = (
    "SELECT r.target, r.source, d.id, d.next_at FROM (VALUES {parts}) AS r (target, source, most) "  # noqa: S608 - constants
    "CROSS JOIN LATERAL ("
    "SELECT j.id, j.next_at FROM jobs j JOIN chats c ON c.id = j.chat "
    f"WHERE j.target = r.target AND j.source = r.source AND j.{_OPEN} AND j.next_at <= ? AND {FIRST_IN_LANE} "
    "ORDER BY j.next_at, j.id LIMIT r.most FOR NO KEY UPDATE OF c SKIP LOCKED) AS d ORDER BY d.next_at, d.id"
)
_GONE = (
    "SELECT j.id, j.target FROM jobs j JOIN chats c ON c.id = j.chat WHERE j.state = 'running' AND j.lease_until < ? "
    "AND j.target IN ({targets}) ORDER BY j.lease_until LIMIT ? FOR NO KEY UPDATE OF c SKIP LOCKED"
)
_TAKER = "(?::bigint, ?, ?::double precision)"
#: a few rows are joined, by their numbers; a planner that has seen the tables empty might read them whole
_FEW = "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"


@dataclass(frozen=True, slots=True)
class Claim:
    owner: str
    until: float
    now: float
    room: Mapping[str, int]
    turns: Turns


def claim(db: Database, asked: Sequence[Claim]) -> list[list[Job]]:
    """Inside a transaction. What each of them gets, each target's sources in turn: those of one replica that ask at the same
    moment are served by one look, as if they were one with room for all, and share what it gives.
    """
    now, turns = min(one.now for one in asked), asked[0].turns
    room: Counter[str] = Counter()
    for one in asked:
        room.update(one.room)
    found = _found(db, room, now, turns)
    if not found:
        return [[] for _ in asked]
    takers = _dealt(found, asked)
    values = [part for job_id, taker in takers.items() for part in (job_id, asked[taker].owner, asked[taker].until)]
    rows = db.execute(
        "UPDATE jobs j SET state = 'running', epoch = epoch + 1, lease_owner = t.owner, lease_until = t.until, updated_at = ? "  # noqa: S608 - marks and constants
        f"FROM (VALUES {', '.join([_TAKER] * len(takers))}) AS t (id, owner, until) WHERE j.id = t.id AND "
        f"(j.{_OPEN} AND j.next_at <= ? AND {FIRST_IN_LANE} OR j.state = 'running' AND j.lease_until < ?) RETURNING j.*",
        (now, *values, now, now),
    ).fetchall()
    place = {job_id: number for number, job_id in enumerate(takers)}
    given: list[list[Job]] = [[] for _ in asked]
    for job in readable(db, sorted(rows, key=lambda row: place[row["id"]]), now):
        given[takers[job.id]].append(job)
    return given


def _dealt(found: Sequence[tuple[int, str]], asked: Sequence[Claim]) -> dict[int, int]:
    """Which of the jobs (number, target) goes to whom, in the order in which they were found. One that nobody has room for, since
    its lease is over and its worker is gone, goes to the first who works for its target.
    """
    left = [Counter(one.room) for one in asked]
    dealt: dict[int, int] = {}
    for job_id, target in found:
        taker = max(range(len(asked)), key=lambda number: (left[number][target], target in asked[number].room, -number))
        left[taker][target] -= 1
        dealt[job_id] = taker
    return dealt


def _found(db: Database, room: Mapping[str, int], now: float, turns: Turns) -> list[tuple[int, str]]:
    """Jobs that may be taken up (number, target), their chats held."""
    if not room:
        return []
    heads: dict[str, dict[str, float]] = defaultdict(dict)
    targets = ", ".join(["(?)"] * len(room))
    gone = False
    for row in db.execute(_HEADS.format(targets=targets), (*room, now, now)):
        if row["target"] is None:
            gone = True
        else:
            heads[row["target"]][row["source"]] = row["next_at"]
    if not heads and not gone:
        return []
    db.later(_FEW)
    ids: list[tuple[int, str]] = []
    for target, sources in heads.items():
        ids += [(job_id, target) for job_id in _in_turn(db, target, sources, room[target], now, turns)]
    if gone:
        # of a target that is stopped nothing is taken up, not even what was under way
        found = db.execute(_GONE.format(targets=marks(len(room))), (now, *room, VANISHED))
        ids += [(row["id"], row["target"]) for row in found]
    return ids


def _in_turn(db: Database, target: str, sources: Mapping[str, float], places: int, now: float, turns: Turns) -> list[int]:
    """The source served longest ago goes first, of each source the job that has been due longest. Where a source gives fewer
    than its share (others hold them, or their lanes are taken), the next ones are asked for more.
    """
    taken: list[int] = []
    left = sorted(sources, key=lambda source: (turns.last(target, source), sources[source], source))
    while left and len(taken) < places:
        wanted = places - len(taken)
        asked = left[:wanted]
        # with a little to spare, for those that give less than their share; it is held until the commit for nothing
        share = wanted if len(asked) <= FEW_SOURCES else min(wanted, 2 * -(-wanted // len(asked)))
        found = _due(db, target, asked, share, now)
        waiting = [(turns.last(target, source), found[source][0]["next_at"], source) for source in asked if found[source]]
        heapq.heapify(waiting)
        while waiting and len(taken) < places:
            _, _, source = heapq.heappop(waiting)
            taken.append(found[source].pop(0)["id"])
            turn = turns.take(target, source)
            if found[source]:
                heapq.heappush(waiting, (turn, found[source][0]["next_at"], source))
        # asked again, a source would give the rows that are held here already
        left = left[wanted:]
    return taken


def _due(db: Database, target: str, sources: list[str], most: int, now: float) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {source: [] for source in sources}
    values = [part for source in sources for part in (target, source, most)]
    for row in db.execute(_DUE.format(parts=", ".join(["(?, ?, ?)"] * len(sources))), (*values, now)):
        found[row["source"]].append(row)
    return found
