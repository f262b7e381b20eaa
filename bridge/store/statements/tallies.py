"""Lines of figures: each chat counts once, however often it is told, and counts on when its content is gone."""

from __future__ import annotations

import json
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.store.statements.database import Database, Row, marks
from bridge.store.tallies import BY_MONTH, COUNTS, OUTCOMES, THE_REST, Tally, bucket, has, month_of, with_more

#: lines of one dimension, source and period. What comes beyond them is counted as THE_REST: a site may have a page a chat
MOST_LINES = 200
#: different ratings of a line; a scale has no more
MOST_RATINGS = 12

_COLUMNS = (*COUNTS, *OUTCOMES)
_ADD = ", ".join(f"{name} = {name} + ?" for name in _COLUMNS)
_LINE = "SELECT f.id, f.dimension, f.period, f.source, f.value, f.open, f.response, f.ratings FROM "
#: a seek for each key; asked for as `IN (VALUES …)`, SQLite reads all lines there are
_LINES = (
    f"{_LINE}(VALUES {{keys}}) AS k CROSS JOIN figures f ON f.dimension = k.column1 AND f.period = k.column2 "
    "AND f.source = k.column3 AND f.value = k.column4 AND f.open = k.column5"
)
#: dimension, period, source, value, open
_Key = tuple[str, str, str, str, int]
_IS_OPEN = {True: 1, False: 0, None: -1}


def _nobody_waits() -> None: ...


def count_all(db: Database, tallies: Mapping[int, Tally], stand_in_line: Callable[[], None] = _nobody_waits) -> None:
    """Chats as they stand now, each in the place of what it added before. `stand_in_line` is called before any line is looked
    at, if there is anything to add: lines are read, added up and written, so no two may do that with lines of one source at the
    same moment.
    """
    changes = list(_changes(db, tallies))
    if not changes:
        return
    stand_in_line()
    lines = _Lines(db)
    lines.load((line for change in changes for line in change.lines_before), (key for change in changes for key in change.keys))
    for change in changes:
        for number in change.lines_before:
            if (line := lines.by_id(number)) is not None:  # else it was lost with a damaged file
                line.gone.append(change.before)
        found = [lines.by_key(key) for key in change.keys]
        for line in found:
            line.come.append(change.share)
        change.lines = [line.id for line in found]
    lines.save()
    db.executemany(
        "INSERT INTO counted (chat, added, lines) VALUES (?, ?, ?) ON CONFLICT (chat) DO UPDATE SET added = excluded.added, "
        "lines = excluded.lines",
        [(change.chat, change.added, _json(change.lines)) for change in changes],
    )


class _Share:
    """What one chat adds to each of its lines."""

    __slots__ = ("adds", "rating", "response")

    def __init__(self, adds: Sequence[int], response_s: int | None, rating: str | None) -> None:
        self.adds = adds
        #: both as they stand in a line, in which blanks part them; None: nothing is known
        self.response = None if response_s is None else str(bucket(response_s))
        self.rating = None if rating is None else rating.replace(" ", "\u00a0")


_NOTHING = _Share([0] * len(_COLUMNS), None, None)


@dataclass(slots=True)
class _Change:
    """Of one chat: what it adds from now on, and what it has added before."""

    chat: int
    share: _Share
    added: str
    keys: Sequence[_Key]
    lines_before: Sequence[int] = ()
    before: _Share = _NOTHING
    lines: list[int] = field(default_factory=list)


def _changes(db: Database, tallies: Mapping[int, Tally]) -> Iterable[_Change]:
    rows = db.execute(
        "SELECT c.id, c.visitor_name, n.added, n.lines FROM chats c LEFT JOIN counted n ON n.chat = c.id "  # noqa: S608 - marks only
        f"WHERE c.id IN ({marks(len(tallies))})",
        sorted(tallies),
    ).fetchall()
    counted = [
        row for row in rows
        # what is closed stays as it is; of what is emptied nothing is left to count
        if not (row["added"] is not None and row["lines"] is None) and row["visitor_name"] != ""
    ]  # fmt: skip
    outcomes = _outcomes(db, [row["id"] for row in counted if not tallies[row["id"]].void])
    for row in counted:
        tally = tallies[row["id"]]
        counts = {} if tally.void else {**tally.counts, **outcomes[row["id"]]}
        adds = [counts.get(name, 0) for name in _COLUMNS]
        values = [tally.values.get(dimension, ()) for dimension in BY_MONTH]
        added = _json([tally.source, tally.day.isoformat(), tally.open, values, adds, tally.response_s, tally.rating])
        if row["added"] == added:
            continue
        share = _Share(adds, tally.response_s, tally.rating)
        change = _Change(row["id"], share, added, () if tally.void else tuple(_keys(tally)))
        if row["added"] is not None:
            change.before = _Share(*json.loads(row["added"])[-3:])
            change.lines_before = json.loads(row["lines"])
        yield change


def _json(value: Any) -> str:
    """As short as it can be: there is one for each chat."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def close(db: Database, chat: int) -> None:
    """Its content goes: what it has added stays and is never changed again."""
    db.execute("UPDATE counted SET added = '', lines = NULL WHERE chat = ?", (chat,))


def _keys(tally: Tally) -> Iterable[_Key]:
    day, month, opened = tally.day.isoformat(), month_of(tally.day), _IS_OPEN[tally.open]
    yield "all", day, tally.source, "", opened
    for dimension in BY_MONTH:
        for value in tally.values.get(dimension, ()):
            yield dimension, day, tally.source, value, opened
            yield dimension, month, tally.source, value, opened


@dataclass(slots=True)
class _Line:
    id: int
    #: as they stand in the line
    responses: str
    ratings: str
    gone: list[_Share] = field(default_factory=list)
    come: list[_Share] = field(default_factory=list)

    def adds(self) -> list[int]:
        """Column by column, what has come less what has gone."""
        come = _sums(self.come)
        return come if not self.gone else list(map(operator.sub, come, _sums(self.gone)))

    def sort_in(self) -> None:
        """Responses and ratings as they are with all that has come and without what has gone."""
        for shares, sign in ((self.gone, -1), (self.come, 1)):
            for response, times in _counted(share.response for share in shares):
                self.responses = with_more(self.responses, response, sign * times)
            for rating, times in _counted(share.rating for share in shares):
                known = has(self.ratings, rating) or (sign > 0 and len(self.ratings.split(" ")) < MOST_RATINGS)
                self.ratings = with_more(self.ratings, rating if known else THE_REST, sign * times)


def _sums(shares: Sequence[_Share]) -> list[int]:
    return list(map(sum, zip(*(share.adds for share in shares), strict=True))) or [0] * len(_COLUMNS)


def _counted(told: Iterable[str | None]) -> Iterable[tuple[str, int]]:
    """Each once, with how often it is there; most often that is one."""
    found = [one for one in told if one is not None]
    return Counter(found).items() if len(found) > 1 else [(one, 1) for one in found]


class _Lines:
    """Those that are looked at once, changed here, and written once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._by_id: dict[int, _Line] = {}
        self._by_key: dict[_Key, _Line] = {}

    def load(self, numbers: Iterable[int], keys: Iterable[_Key]) -> None:
        some, named = sorted(set(numbers)), sorted(set(keys))
        if some:
            self._know(self._db.execute(f"{_LINE}figures f WHERE f.id IN ({marks(len(some))})", some))
        if named:
            values = ", ".join(["(?, ?, ?, ?, ?)"] * len(named))
            self._know(self._db.execute(_LINES.format(keys=values), [part for key in named for part in key]))

    def _know(self, rows: Iterable[Row]) -> None:
        for row in rows:
            line = self._by_id.get(row["id"])
            if line is None:
                line = self._by_id[row["id"]] = _Line(row["id"], row["response"], row["ratings"])
            self._by_key[row["dimension"], row["period"], row["source"], row["value"], row["open"]] = line

    def by_id(self, number: int) -> _Line | None:
        return self._by_id.get(number)

    def by_key(self, key: _Key) -> _Line:
        """A line that is not there yet is made, or the one of all the rest is taken."""
        dimension, period, source, value, opened = key
        if key not in self._by_key and value != THE_REST:
            there = self._db.execute(
                "SELECT count(*) AS n FROM (SELECT 1 FROM figures WHERE dimension = ? AND period = ? AND source = ? LIMIT ?) "
                "AS few",
                (dimension, period, source, MOST_LINES),
            ).fetchone()["n"]
            if there >= MOST_LINES:
                rest = (dimension, period, source, THE_REST, opened)
                self.load((), [rest])
                return self.by_key(rest)
        if key not in self._by_key:
            self._know(self._db.execute(
                "INSERT INTO figures (dimension, period, source, value, open) VALUES (?, ?, ?, ?, ?) "
                "RETURNING id, dimension, period, source, value, open, response, ratings",
                key,
            ).fetchall())  # fmt: skip
        return self._by_key[key]

    def save(self) -> None:
        changed = [line for line in self._by_id.values() if line.come or line.gone]
        for line in changed:
            line.sort_in()
        self._db.executemany(
            f"UPDATE figures SET {_ADD}, response = ?, ratings = ? WHERE id = ?",  # noqa: S608 - our own names
            [(*line.adds(), line.responses, line.ratings, line.id) for line in changed],
        )
        self._db.executemany(
            "DELETE FROM figures WHERE id = ? AND chats <= 0", [(line.id,) for line in changed if line.gone]
        )


def _outcomes(db: Database, chats: Sequence[int]) -> dict[int, dict[str, int]]:
    """What became of each in the CRMs. One that is only told of chats says nothing of clients."""
    if not chats:
        return {}
    rows = db.execute(
        "SELECT j.chat AS chat, count(DISTINCT CASE WHEN o.kind = 'create' THEN 1 END) AS made, "  # noqa: S608 - marks only
        "count(DISTINCT CASE WHEN o.kind = 'deal' THEN o.target || ' ' || o.record_id END) AS deals "
        f"FROM jobs j CROSS JOIN operations o ON o.job = j.id WHERE j.chat IN ({marks(len(chats))}) AND o.state = 'done' "
        "GROUP BY j.chat",
        chats,
    )
    written = {row["chat"]: row for row in rows}
    ends: dict[int, set[tuple[str, str]]] = {chat: set() for chat in chats}
    for one in db.execute(f"SELECT DISTINCT chat, state, reason FROM jobs WHERE chat IN ({marks(len(chats))})", chats):  # noqa: S608 - marks only
        ends[one["chat"]].add((one["state"], one["reason"]))
    found = {}
    for chat in chats:
        row = written.get(chat)
        made = bool(row and row["made"])
        found[chat] = {
            "new_clients": int(made), "known_clients": int(not made and ("done", "found") in ends[chat]),
            "deals": row["deals"] if row else 0,
            "clients_n": int(made or any(reason != "told" for _, reason in ends[chat])),
        }  # fmt: skip
    return found
