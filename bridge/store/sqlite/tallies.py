"""Lines of figures: each chat counts once, however often it is told, and counts on when its content is gone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.store.tallies import BY_MONTH, COUNTS, OUTCOMES, THE_REST, Tally, bucket, month_of, packed, unpacked

#: lines of one dimension, source and period. What comes beyond them is counted as THE_REST: a site may have a page for every chat
MOST_LINES = 200
#: different ratings of a line; a scale has no more
MOST_RATINGS = 12

_COLUMNS = (*COUNTS, *OUTCOMES)
_ADD = ", ".join(f"{name} = {name} + :{name}" for name in _COLUMNS)
_IS_OPEN = {True: 1, False: 0, None: -1}


def count(db: sqlite3.Connection, chat: int, tally: Tally) -> None:
    """A chat as it stands now, in the place of what it added before."""
    before = db.execute("SELECT added, lines FROM counted WHERE chat = ?", (chat,)).fetchone()
    if before is not None and before["lines"] is None:
        return  # it was closed
    if db.execute("SELECT visitor_name IS '' FROM chats WHERE id = ?", (chat,)).fetchone()[0]:
        return  # emptied: of what it was nothing is left to count
    adds = None if tally.void else {**tally.counts, **_outcomes(db, chat)}
    added = json.dumps([tally.source, tally.day.isoformat(), tally.open, tally.values, adds, tally.response_s, tally.rating],
                       ensure_ascii=False)  # fmt: skip
    if before is not None:
        if before["added"] == added:
            return
        *_, old, response_s, rating = json.loads(before["added"])
        for line in json.loads(before["lines"]):
            _add(db, line, old, response_s, rating, -1)
    lines = [] if adds is None else [_line(db, *key) for key in _keys(tally)]
    for line in lines:
        _add(db, line, adds or {}, tally.response_s, tally.rating, 1)
    db.execute("INSERT OR REPLACE INTO counted VALUES (?, ?, ?)", (chat, added, json.dumps(lines)))


def close(db: sqlite3.Connection, chat: int) -> None:
    """Its content goes: what it has added stays and is never changed again."""
    db.execute("UPDATE counted SET added = '', lines = NULL WHERE chat = ?", (chat,))


def _keys(tally: Tally) -> Iterable[tuple[str, str, str, str, int]]:
    opened = _IS_OPEN[tally.open]
    yield "all", tally.day.isoformat(), tally.source, "", opened
    for dimension in BY_MONTH:
        for value in tally.values.get(dimension, ()):
            for period in (tally.day.isoformat(), month_of(tally.day)):
                yield dimension, period, tally.source, value, opened


def _line(db: sqlite3.Connection, dimension: str, period: str, source: str, value: str, opened: int) -> int:
    """Its id; a line that is not there yet is made, or the one of all the rest is taken."""
    find = "SELECT id FROM figures WHERE dimension = ? AND period = ? AND source = ? AND value = ? AND open = ?"
    row = db.execute(find, (dimension, period, source, value, opened)).fetchone()
    if row is None and value != THE_REST:
        there = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM figures WHERE dimension = ? AND period = ? AND source = ? LIMIT ?)",
            (dimension, period, source, MOST_LINES),
        ).fetchone()[0]
        if there >= MOST_LINES:
            return _line(db, dimension, period, source, THE_REST, opened)
    if row is None:
        row = db.execute(
            "INSERT INTO figures (dimension, period, source, value, open) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (dimension, period, source, value, opened),
        ).fetchone()
    return int(row["id"])


def _add(
    db: sqlite3.Connection, line: int, adds: Mapping[str, int], response_s: int | None, rating: str | None, times: int
) -> None:
    row = db.execute("SELECT response, ratings FROM figures WHERE id = ?", (line,)).fetchone()
    if row is None:
        return  # lost with a damaged file
    responses, ratings = unpacked(row["response"]), unpacked(row["ratings"])
    if response_s is not None:
        responses[str(bucket(response_s))] += times
    if rating is not None:
        # blanks part them in a line
        key = rating.replace(" ", "\u00a0")
        ratings[key if key in ratings or (times > 0 and len(ratings) < MOST_RATINGS) else THE_REST] += times
    values: dict[str, Any] = {name: times * adds.get(name, 0) for name in _COLUMNS}
    db.execute(
        f"UPDATE figures SET {_ADD}, response = :response, ratings = :ratings WHERE id = :line",  # noqa: S608 - our own names
        {**values, "response": packed(responses), "ratings": packed(ratings), "line": line},
    )
    if times < 0:
        db.execute("DELETE FROM figures WHERE id = ? AND chats <= 0", (line,))


def _outcomes(db: sqlite3.Connection, chat: int) -> dict[str, int]:
    """What became of it in the CRMs. One that is only told of chats says nothing of clients."""
    row = db.execute(
        "SELECT count(DISTINCT CASE WHEN o.kind = 'create' THEN 1 END) AS made, "
        "count(DISTINCT CASE WHEN o.kind = 'deal' THEN o.target || ' ' || o.record_id END) AS deals "
        "FROM jobs j CROSS JOIN operations o ON o.job = j.id WHERE j.chat = ? AND o.state = 'done'",
        (chat,),
    ).fetchone()
    ends = {(one["state"], one["reason"]) for one in db.execute("SELECT state, reason FROM jobs WHERE chat = ?", (chat,))}
    made = bool(row["made"])
    return {
        "new_clients": int(made), "known_clients": int(not made and ("done", "found") in ends), "deals": row["deals"],
        "clients_n": int(made or any(reason != "told" for _, reason in ends)),
    }  # fmt: skip
