"""The wall clock was set: times in the store that are waited for keep their distance from now.

Otherwise a clock that went back would let everything wait until it has caught up, and one that went forward would have a request
taken for settled that was sent a moment ago.
"""

from __future__ import annotations

import sqlite3

#: seconds; an identity that was written longer ago is not believed unchecked anyway
LATELY = 3600.0
#: seconds by which something may be ahead of the clock before that counts as a jump
TOLERANCE = 1.0

#: seconds within which a jump is noticed
UNNOTICED = 10.0

_BEFORE = "NOT BETWEEN :since AND :until"
_OPEN = "state IN ('pending', 'retrying', 'waiting')"


def moved(db: sqlite3.Connection, seconds: float, now: float) -> None:
    """`now` is the new time, `seconds` ahead of what it would have been (less than 0: behind)."""
    by = {
        "by": seconds, "lately": now - seconds - LATELY,
        # between the jump and this look something may have been written by the new time already
        "since": now - min(UNNOTICED, abs(seconds) / 2), "until": now + TOLERANCE,
    }  # fmt: skip
    for change in (
        # `updated_at` too: the clock may be set again, and back
        (
            "UPDATE jobs SET next_at = next_at + :by, failing_since = failing_since + :by, updated_at = updated_at + :by "  # noqa: S608 - constants
            f"WHERE {_OPEN} AND updated_at {_BEFORE}"
        ),
        (
            "UPDATE jobs SET lease_until = lease_until + :by, updated_at = updated_at + :by "  # noqa: S608 - constants
            f"WHERE state = 'running' AND updated_at {_BEFORE}"
        ),
        # never further back than now: a request must not look older than it is
        (
            f"UPDATE operations SET sent_at = sent_at + :by WHERE state = 'sent' AND sent_at {_BEFORE} "  # noqa: S608 - constants
            "AND (:by > 0 OR sent_at > :until) AND job IN (SELECT id FROM jobs WHERE state NOT IN ('done', 'skipped'))"
        ),
        f"UPDATE identities SET written_at = written_at + :by WHERE written_at > :lately AND written_at {_BEFORE}",  # noqa: S608 - constants
        "UPDATE deliveries SET fetch_at = fetch_at + :by, fetch_until = fetch_until + :by WHERE state = 'fetching'",
        f"UPDATE target_stops SET until = until + :by, since = since + :by WHERE since {_BEFORE}",  # noqa: S608 - constants
    ):
        db.execute(change, by)


def catch_up(db: sqlite3.Connection, now: float) -> None:
    """At start: the clock may have gone back while nobody looked; then the newest job was written in what is the future now."""
    newest = db.execute(f"SELECT max(updated_at) FROM jobs WHERE {_OPEN}").fetchone()[0]  # noqa: S608 - a constant
    if newest is not None and newest > now + TOLERANCE:
        moved(db, now - newest, now)
