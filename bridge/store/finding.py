"""Looking for jobs among a million of them, in bounded time.

The newest CANDIDATES that the best index gives are looked at; what else is asked for is compared on those. Where that gave
less than a page although there are more, the answer says from where to look further.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store.search_words import Looked, read_question

Row = dict[str, Any]
Rows = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]

#: rows that are looked at for one page
CANDIDATES = 5_000
#: halvings that lead to a moment among all rows of any store
_HALVINGS = 64

COLUMNS = (
    "j.id, j.source, j.chat_id, j.kind, j.target, j.revision, j.state, j.reason, j.detail, j.error_code, j.attempts, j.tries, "
    "j.created_at, j.updated_at, j.next_at, j.generation, j.chat AS chat_row"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    states: Sequence[str] = ()
    source: str | None = None
    target: str | None = None
    reason: str | None = None
    code: str | None = None
    channel: str | None = None
    #: seconds since 1970, of the job's making; `until` is not in it
    since: float | None = None
    until: float | None = None
    #: a phone or a piece of one, an e-mail, a name, a chat's id, words
    text: str = ""


#: of a page: the last one's chat (0 where nothing was looked for by text) and job
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    rows: list[Row]
    #: where the next page begins; None: there is none
    next: Place | None
    #: there may be more that were not looked at: the page is short for that reason alone
    cut: bool = False


class Finding:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def jobs(self, wanted: Wanted, after: Place | None = None, limit: int = 50) -> Found:
        """Newest first; `after` is `next` of the page before."""
        looked = read_question(wanted.text)
        if wanted.text.strip() and not looked:
            return Found(rows=[], next=None)
        return await (self._by_text(wanted, looked, after, limit) if looked else self._by_time(wanted, after, limit))

    async def _by_text(self, wanted: Wanted, looked: Looked, after: Place | None, limit: int) -> Found:
        last_chat, last_job = after or (2**62, 2**62)
        where, also = _conditions(wanted)
        among, values = _among(looked, last_chat)
        # the index is asked once, which is most of what this costs: it is counted what there was, and the page is made of it
        rows = await self._rows(
            f"WITH k AS MATERIALIZED ({among}), page AS (SELECT {COLUMNS}, c.visitor_name, c.channel FROM k "  # noqa: S608 - constants
            f"CROSS JOIN chats c ON c.id = k.chat CROSS JOIN jobs j ON j.chat = c.id WHERE (k.chat < ? OR j.id < ?){where} "
            "ORDER BY k.chat DESC, j.id DESC LIMIT ?) SELECT seen.last, seen.n, page.* FROM (SELECT min(chat) AS last, "
            "count(*) AS n FROM k) AS seen LEFT JOIN page ON 1 = 1 ORDER BY page.chat_row DESC, page.id DESC",
            [*values, last_chat, last_job, *also, limit + 1],
        )
        seen = {"last": rows[0]["last"], "n": rows[0]["n"]}
        listed = [{key: row[key] for key in row if key not in seen} for row in rows if row["id"] is not None]
        if len(listed) > limit:
            last = listed[limit - 1]
            return Found(rows=listed[:limit], next=(last["chat_row"], last["id"]))
        return _rest(listed, seen, lambda last: (last, 0))

    async def _by_time(self, wanted: Wanted, after: Place | None, limit: int) -> Found:
        below = after[1] if after else 2**62
        if wanted.until is not None:
            below = min(below, await self.first_from(wanted.until))
        least = await self.first_from(wanted.since) if wanted.since is not None else 0
        known = f" AND state IN ({', '.join('?' * len(wanted.states))})" if wanted.states else ""
        candidates = f"SELECT id FROM jobs WHERE id < ? AND id >= ?{known} ORDER BY id DESC LIMIT ?"  # noqa: S608 - marks only
        values = [below, least, *wanted.states, CANDIDATES]
        where, also = _conditions(wanted)
        rows = await self._rows(
            f"SELECT {COLUMNS}, c.visitor_name, c.channel FROM ({candidates}) k CROSS JOIN jobs j ON j.id = k.id "  # noqa: S608 - constants
            f"CROSS JOIN chats c ON c.id = j.chat WHERE 1 = 1{where} ORDER BY k.id DESC LIMIT ?",
            [*values, *also, limit + 1],
        )
        if len(rows) > limit:
            return Found(rows=rows[:limit], next=(0, rows[limit - 1]["id"]))
        seen = await self._rows(f"SELECT min(id) AS last, count(*) AS n FROM ({candidates}) AS k", values)  # noqa: S608 - constants
        return _rest(rows, seen[0], lambda last: (0, last))

    async def first_from(self, moment: float) -> int:
        """The number of the first job that was made at that time or later. Jobs are made in order of time, but for a clock that
        is set back, which moves the edge of a page.
        """
        # each by itself: of both in one question every row would be looked at
        ends = (await self._rows(
            "SELECT coalesce((SELECT min(id) FROM jobs), 1) AS low, coalesce((SELECT max(id) FROM jobs), 0) + 1 AS high", []
        ))[0]  # fmt: skip
        low, high = ends["low"], ends["high"]
        for _ in range(_HALVINGS):
            if low >= high:
                break
            middle = (low + high) // 2
            row = (await self._rows("SELECT id, created_at FROM jobs WHERE id >= ? ORDER BY id LIMIT 1", [middle]))[0]
            if row["created_at"] >= moment:
                high = middle
            else:
                low = row["id"] + 1
        return int(low)

    async def unsearched(self) -> bool:
        """Chats of an older version are still to be added to the index."""
        return bool(await self._rows("SELECT 1 FROM facts WHERE name = 'unsearched_below' AND value > '1'", []))


def _among(looked: Looked, last_chat: int) -> tuple[str, list[Any]]:
    """The newest chats that what was typed leads to, from that one on; with the values of the marks."""
    parts, values = [], list[Any]()
    if looked.words:
        parts.append("SELECT * FROM (SELECT rowid AS chat FROM chats_text WHERE chats_text MATCH ? AND rowid <= ? "
                     "ORDER BY rowid DESC LIMIT ?) AS said")  # fmt: skip
        values += [looked.words, last_chat, CANDIDATES]
    if looked.point:
        # the plus: by the value, of which few fit, and not along all chats in their order
        parts.append("SELECT * FROM (SELECT DISTINCT chat FROM chat_points WHERE value >= ? AND value < ? AND +chat <= ? "
                     "ORDER BY +chat DESC LIMIT ?) AS known")  # fmt: skip
        values += [*looked.point, last_chat, CANDIDATES]
    if looked.chat_id:
        # the index begins with the source, and there are few of them
        parts.append("SELECT id AS chat FROM chats WHERE source IN (SELECT DISTINCT source FROM (SELECT source FROM jobs "
                     "ORDER BY id DESC LIMIT 5000) AS newest) AND chat_id = ? AND id <= ?")  # fmt: skip
        values += [looked.chat_id, last_chat]
    return f"SELECT chat FROM ({' UNION '.join(parts)}) AS found ORDER BY chat DESC LIMIT ?", [*values, CANDIDATES]  # noqa: S608 - constants


def _conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    parts, values = [], list[Any]()
    if wanted.states:
        parts.append(f"j.state IN ({', '.join('?' * len(wanted.states))})")
        values += wanted.states
    for column, value in (
        ("j.source", wanted.source), ("j.target", wanted.target), ("j.reason", wanted.reason), ("j.error_code", wanted.code),
        ("c.channel", wanted.channel),
    ):  # fmt: skip
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    for comparison, moment in ((">=", wanted.since), ("<", wanted.until)):
        if moment is not None:
            parts.append(f"j.created_at {comparison} ?")
            values.append(moment)
    return "".join(f" AND {part}" for part in parts), values


def _rest(rows: list[Row], seen: Row, place: Callable[[int], Place]) -> Found:
    cut = seen["n"] >= CANDIDATES
    return Found(rows=rows, next=place(seen["last"]) if cut else None, cut=cut)
