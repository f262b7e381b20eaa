"""What the rehearsals of all CRM connections on a desk would have written."""

from __future__ import annotations

from bridge.report.deps import Desk
from bridge.report.previews import PREVIEWED, Rehearsed, rehearsed

#: rehearsed jobs that are counted
MOST_REHEARSED = 10_000


async def all_rehearsed(at: Desk) -> list[Rehearsed]:
    reading = at.store.reading()
    rows = {name: await reading.overviews.rehearsed(name, limit=PREVIEWED) for name in at.targets}
    # what ends while these questions are asked is on none of them, rather than counted and not shown
    newest = {name: found[0]["id"] for name, found in rows.items() if found}
    counts = [
        row for name, upto in newest.items() for row in await reading.overviews.rehearsal_counts(name, upto, MOST_REHEARSED)
    ]
    return list(rehearsed(at.targets, counts, await reading.open_jobs(), rows, MOST_REHEARSED))
