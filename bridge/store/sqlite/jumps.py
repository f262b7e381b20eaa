"""The wall clock was set: times in the store that are waited for keep their distance from now.

Otherwise a clock that went back would let everything wait until it has caught up, and one that went forward would have a request
taken for settled that was sent a moment ago.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

#: seconds; an identity that was written longer ago is not believed unchecked anyway
LATELY = 3600.0
#: seconds by which something may be ahead of the clock before that counts as a jump
TOLERANCE = 1.0

#: seconds within which a jump is noticed
UNNOTICED = 10.0

_BEFORE = "NOT BETWEEN :since AND :until"
_OPEN = "state IN ('pending', 'retrying', 'waiting')"
#: when something was last written of what is under way
_NEWEST = (
    f"SELECT max(at) FROM (SELECT max(updated_at) AS at FROM jobs WHERE {_OPEN} OR state = 'running' UNION ALL "  # noqa: S608 - constants
    # CROSS: by way of the few jobs that are not over, not through a million operations
    "SELECT max(o.sent_at) FROM jobs j CROSS JOIN operations o ON o.job = j.id WHERE o.state = 'sent' "
    "AND j.state IN ('pending', 'retrying', 'waiting', 'running', 'held'))"
)
#: Linux's own name for this run of the machine
BOOT = Path("/proc/sys/kernel/random/boot_id")


def moved(db: sqlite3.Connection, seconds: float, now: float, monotonic: float) -> None:
    """`now` is the new time, `seconds` ahead of what it would have been (less than 0: behind)."""
    _move(db, seconds, now, unnoticed=min(UNNOTICED, abs(seconds) / 2))
    _remember(db, now - monotonic)


def _move(db: sqlite3.Connection, seconds: float, now: float, *, unnoticed: float = 0.0) -> None:
    """`unnoticed`: for so long before now something may have been written by the new time already, by a command for example."""
    by = {
        "by": seconds, "lately": now - seconds - LATELY, "now": now + TOLERANCE,
        # nothing lies between a time and an earlier one
        "since": now - unnoticed if unnoticed else now + 2 * TOLERANCE, "until": now + TOLERANCE,
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
        # never further back than now: a request must not look older than it is. Of jobs that are over too: others settle it
        (
            f"UPDATE operations SET sent_at = sent_at + :by WHERE state = 'sent' AND sent_at {_BEFORE} "  # noqa: S608 - constants
            "AND (:by > 0 OR sent_at > :now)"
        ),
        # a deal that was opened a moment ago is believed to be open though no list shows it yet
        (
            "UPDATE operations SET settled_at = settled_at + :by WHERE kind = 'deal' AND state = 'done' "  # noqa: S608 - constants
            f"AND settled_at > :lately AND settled_at {_BEFORE}"
        ),
        f"UPDATE identities SET written_at = written_at + :by WHERE written_at > :lately AND written_at {_BEFORE}",  # noqa: S608 - constants
        "UPDATE deliveries SET fetch_at = fetch_at + :by, fetch_until = fetch_until + :by WHERE state = 'fetching'",
        f"UPDATE target_stops SET until = until + :by, since = since + :by WHERE since {_BEFORE}",  # noqa: S608 - constants
    ):
        db.execute(change, by)


def catch_up(db: sqlite3.Connection, now: float, monotonic: float) -> None:
    """At start: the clock may have been set while nobody looked. Since the machine was started its monotonic clock tells; across
    a start of the machine only a clock that went back shows, by what was written in what is the future now.
    """
    offset = now - monotonic
    row = db.execute("SELECT value FROM facts WHERE name = 'clock'").fetchone()
    boot, _, was = row["value"].partition(" ") if row else ("", "", "")
    if row and boot and boot == _boot():
        by = offset - float(was)
    else:
        newest = db.execute(_NEWEST).fetchone()[0]
        by = now - newest if newest is not None and newest > now else 0.0
    if abs(by) > TOLERANCE:
        _move(db, by, now)
    _remember(db, offset)


def _remember(db: sqlite3.Connection, offset: float) -> None:
    """How far the time is from the monotonic clock, which counts from the machine's start."""
    db.execute("INSERT OR REPLACE INTO facts VALUES ('clock', ?)", (f"{_boot()} {offset!r}",))


def _boot() -> str:
    """Another one after each start of the machine; empty where the system does not tell."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
