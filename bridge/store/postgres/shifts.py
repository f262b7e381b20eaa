"""Which replica reads the deliveries of a source: one at a time.

What a delivery means depends on what was told before of the same chat and the same visitor. Two replicas that read two of
them side by side would each miss what the other is about to write: a chat ends without the phone that its visitor leaves in
the same second. So a source's deliveries are read, and what they lack is fetched, by one replica: by whoever finds some first.
It has the source for as long as there are any, and at most SHIFT seconds from its last look: then another one takes over.
What was read under a shift that is over is not written.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bridge.errors import NoRoom
from bridge.store.postgres.database import Database
from bridge.store.statements.database import marks

#: seconds after the last look for deliveries, until others may have them
SHIFT = 30.0
_KEY = "source:"
#: those that have some: a seek in the index for each
_WITH_SOME = (
    "WITH RECURSIVE waiting (source) AS ((SELECT source FROM deliveries WHERE state = 'received' ORDER BY source, id LIMIT 1) "
    "UNION ALL SELECT n.source FROM waiting w CROSS JOIN LATERAL (SELECT source FROM deliveries WHERE state = 'received' "
    "AND source > w.source ORDER BY source, id LIMIT 1) AS n) SELECT source FROM waiting"
)


@dataclass(frozen=True, slots=True)
class _Handed:
    """A delivery that this replica works on, and under which shift it was read."""

    source: str
    epoch: int
    to_fetch: bool


class Shifts:
    """Of one replica: the sources that it has, each with the number of its shift. Used by several threads."""

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._guard = threading.Lock()
        self._mine: dict[str, int] = {}
        self._handed: dict[int, _Handed] = {}

    def with_received(self, db: Database) -> list[str]:
        """The sources of which there are deliveries to be read."""
        return [row["source"] for row in db.execute(_WITH_SOME)]

    def idle(self, sources: Collection[str]) -> set[str]:
        """Of those it has, the ones for which there is nothing to do beside these."""
        with self._guard:
            return set(self._mine) - set(sources) - {one.source for one in self._handed.values() if one.to_fetch}

    def take(self, db: Database, sources: Iterable[str], now: float) -> dict[str, int]:
        """Those of the sources that this replica has from now on, or has still, each with the number of its shift."""
        wanted = sorted(set(sources))
        if not wanted:
            return {}
        rows = ", ".join(["(?, ?, ?, ?)"] * len(wanted))
        values = [part for source in wanted for part in (_KEY + source, self._replica, self._replica, now + SHIFT)]
        got = db.execute(
            f"INSERT INTO locks (key, owner, replica, until) VALUES {rows} ON CONFLICT (key) DO UPDATE SET "  # noqa: S608 - marks only
            "owner = excluded.owner, replica = excluded.replica, until = excluded.until, "
            "epoch = locks.epoch + CASE WHEN locks.owner = excluded.owner THEN 0 ELSE 1 END "
            "WHERE locks.owner = excluded.owner OR locks.until <= ? RETURNING key, epoch",
            (*values, now),
        ).fetchall()
        mine = {row["key"].removeprefix(_KEY): int(row["epoch"]) for row in got}
        with self._guard:
            for source in wanted:
                self._mine.pop(source, None)
            self._mine.update(mine)
        return mine

    def give_back(self, db: Database, sources: Iterable[str]) -> None:
        """The number counts on, so that nobody takes the next shift for an earlier one."""
        with self._guard:
            over = sorted(set(sources) & set(self._mine))
            for source in over:
                del self._mine[source]
        if over:
            db.execute(
                f"UPDATE locks SET until = 0, epoch = epoch + 1 WHERE owner = ? AND key IN ({marks(len(over))})",  # noqa: S608 - marks only
                (self._replica, *(_KEY + source for source in over)),
            )

    def hand_out(self, deliveries: Iterable[tuple[int, str]], shifts: Mapping[str, int], *, to_fetch: bool) -> None:
        """These (number, source) were read under these shifts. Those to be sorted take the place of the ones before."""
        made = {number: _Handed(source, shifts[source], to_fetch) for number, source in deliveries}
        with self._guard:
            if not to_fetch:
                self._handed = {number: one for number, one in self._handed.items() if one.to_fetch}
            self._handed |= made

    def require(self, db: Database, deliveries: Collection[int], now: float) -> None:
        """That this replica still has the sources of these deliveries; one that nobody has is taken. The rows are held until
        the commit. Raises NoRoom if another replica has taken over: what was read may be out of date.
        """
        rows = db.execute(
            f"SELECT DISTINCT source FROM deliveries WHERE id IN ({marks(len(deliveries))})", sorted(deliveries)  # noqa: S608 - marks only
        )
        sources = {row["source"] for row in rows}
        shifts = self.take(db, sources, now)
        with self._guard:
            read = [self._handed[number] for number in deliveries if number in self._handed]
        if sources - shifts.keys() or any(shifts.get(one.source) != one.epoch for one in read):
            raise NoRoom("Another replica reads the deliveries of this source by now; what this one has read is not written.")

    def done(self, deliveries: Iterable[int]) -> None:
        with self._guard:
            for number in deliveries:
                self._handed.pop(number, None)

    def everything(self) -> tuple[list[str], list[int]]:
        """Sources that it has, and deliveries that it fetches for: to be given back."""
        with self._guard:
            return sorted(self._mine), sorted(number for number, one in self._handed.items() if one.to_fetch)
