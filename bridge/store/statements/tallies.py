"""Lines of figures: each chat counts once, however often it is told, and counts on when its content is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from bridge.store.statements.database import Database, Row
from bridge.store.tallies import BY_MONTH, COUNTS, OUTCOMES, THE_REST, Tally, bucket, month_of, packed, unpacked

#: lines of one dimension, source and period. What comes beyond them is counted as THE_REST: a site may have a page a chat
MOST_LINES = 200
#: different ratings of a line; a scale has no more
MOST_RATINGS = 12

_COLUMNS = (*COUNTS, *OUTCOMES)
_ADD = ", ".join(f"{name} = {name} + ?" for name in _COLUMNS)
_IS_OPEN = {True: 1, False: 0, None: -1}


def count(db: Database, chat: int, tally: Tally) -> None:
    """A chat as it stands now, in the place of what it added before."""
    before = db.execute("SELECT added, lines FROM counted WHERE chat = ?", (chat,)).fetchone()
    if before is not None and before["lines"] is None:
        return  # it was closed
    if db.execute("SELECT visitor_name FROM chats WHERE id = ?", (chat,)).fetchone()["visitor_name"] == "":
        return  # emptied: of what it was nothing is left to count
    counts = {} if tally.void else {**tally.counts, **_outcomes(db, chat)}
    adds = [counts.get(name, 0) for name in _COLUMNS]
    values = [tally.values.get(dimension, ()) for dimension in BY_MONTH]
    added = _json([tally.source, tally.day.isoformat(), tally.open, values, adds, tally.response_s, tally.rating])
    if before is not None:
        if before["added"] == added:
            return
        *_, old, response_s, rating = json.loads(before["added"])
        for line in json.loads(before["lines"]):
            row = db.execute("SELECT id, response, ratings FROM figures WHERE id = ?", (line,)).fetchone()
            if row is not None:  # lost with a damaged file
                _add(db, row, old, response_s, rating, -1)
    lines = []
    for key in () if tally.void else _keys(tally):
        row = _line(db, *key)
        _add(db, row, adds, tally.response_s, tally.rating, 1)
        lines.append(row["id"])
    db.execute(
        "INSERT INTO counted (chat, added, lines) VALUES (?, ?, ?) ON CONFLICT (chat) DO UPDATE SET added = excluded.added, "
        "lines = excluded.lines",
        (chat, added, _json(lines)),
    )


def _json(value: Any) -> str:
    """As short as it can be: there is one for each chat."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def close(db: Database, chat: int) -> None:
    """Its content goes: what it has added stays and is never changed again."""
    db.execute("UPDATE counted SET added = '', lines = NULL WHERE chat = ?", (chat,))


def _keys(tally: Tally) -> Iterable[tuple[str, str, str, str, int]]:
    opened = _IS_OPEN[tally.open]
    yield "all", tally.day.isoformat(), tally.source, "", opened
    for dimension in BY_MONTH:
        for value in tally.values.get(dimension, ()):
            for period in (tally.day.isoformat(), month_of(tally.day)):
                yield dimension, period, tally.source, value, opened


def _line(db: Database, dimension: str, period: str, source: str, value: str, opened: int) -> Row:
    """Its id and what is packed in it; a line that is not there yet is made, or the one of all the rest is taken."""
    row = db.execute(
        "SELECT id, response, ratings FROM figures WHERE dimension = ? AND period = ? AND source = ? AND value = ? AND open = ?",
        (dimension, period, source, value, opened),
    ).fetchone()
    if row is None and value != THE_REST:
        there = db.execute(
            "SELECT count(*) AS n FROM (SELECT 1 FROM figures WHERE dimension = ? AND period = ? AND source = ? LIMIT ?) AS few",
            (dimension, period, source, MOST_LINES),
        ).fetchone()["n"]
        if there >= MOST_LINES:
            return _line(db, dimension, period, source, THE_REST, opened)
    if row is None:
        row = db.execute(
            "INSERT INTO figures (dimension, period, source, value, open) VALUES (?, ?, ?, ?, ?) RETURNING id, response, ratings",
            (dimension, period, source, value, opened),
        ).fetchone()
    found: Row = row
    return found


def _add(
    db: Database, row: Row, adds: Sequence[int], response_s: int | None, rating: str | None, times: int
) -> None:
    responses, ratings = unpacked(row["response"]), unpacked(row["ratings"])
    if response_s is not None:
        responses[str(bucket(response_s))] += times
    if rating is not None:
        # blanks part them in a line
        key = rating.replace(" ", "\u00a0")
        ratings[key if key in ratings or (times > 0 and len(ratings) < MOST_RATINGS) else THE_REST] += times
    db.execute(
        f"UPDATE figures SET {_ADD}, response = ?, ratings = ? WHERE id = ?",  # noqa: S608 - our own names
        (*(times * number for number in adds), packed(responses), packed(ratings), row["id"]),
    )
    if times < 0:
        db.execute("DELETE FROM figures WHERE id = ? AND chats <= 0", (row["id"],))


def _outcomes(db: Database, chat: int) -> dict[str, int]:
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
