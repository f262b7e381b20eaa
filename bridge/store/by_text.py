"""Looking for chats by what was said in them, in bounded time however many there are and however often the words are said.

An index of words is quick where few chats have a word, and slow where half of them do: it goes through all of those before it
knows the newest. So the newest chats are looked at one by one first, which fills a page with whatever is said often; the index is
asked for what is said rarely, and of several words only for the rarest. What is left to one customer are that customer's chats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store.search_words import Looked
from bridge.store.wanted import COLUMNS, TOP, Found, Place, Row, Rows, Wanted, conditions

#: chats that are looked at one by one before the index is asked
NEWEST = 2_000
#: of NEWEST: what is said in more of them is looked for one by one further on; what is in fewer is left to the index
OFTEN, RARELY = 200, 100
#: times as many hits of the index are looked at as there are candidates: most of them may be another customer's
HITS = 4
#: states in which jobs do not stay: all of them are looked at in the place of the newest, if they are no more than NEWEST
PASSING = frozenset({"pending", "running", "retrying", "waiting", "held", "dead"})

_NEWEST = "own AS MATERIALIZED (SELECT DISTINCT chat FROM jobs WHERE chat <= ? ORDER BY chat DESC LIMIT ?)"
_LAST = "SELECT CASE WHEN count(*) >= ? THEN min(chat) END AS last FROM own"
_FITTING = "SELECT own.chat FROM own CROSS JOIN chats_text t ON t.rowid = own.chat WHERE fits(t.words, ?)"
_ALL = "SELECT chat FROM own"
# the index begins with the source, and there are few of them
_BY_ID = (
    "SELECT id AS chat FROM chats WHERE source IN (SELECT DISTINCT source FROM (SELECT source FROM jobs ORDER BY id DESC "
    "LIMIT 5000) AS newest) AND chat_id = ? AND id <= ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some of the chats there are, as `own`, and down to which one that is looked through (`last`; NULL: to the end). Each piece
    with the values of its marks.
    """

    among: str
    values: Sequence[Any]
    #: the chats among them that fit
    fitting: str = _FITTING
    fitting_values: Sequence[Any] = ()
    last: str = _LAST
    last_values: Sequence[Any] = ()
    #: the newest come first; if not, they tell nothing unless they are all
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class ByText:
    """One question. `most` is how many candidates are looked at for a page."""

    rows: Rows
    wanted: Wanted
    looked: Looked
    after: Place | None
    limit: int
    most: int

    async def jobs(self, newest: int = TOP) -> Found:
        """Newest first; `newest` is the last chat that can be meant."""
        upto = min(newest, self.after[0] if self.after else TOP)
        if not self.looked.words:
            found, last = await self._page(self._by_point(upto), upto)
            return self._cut(found, last)
        words = self.looked.words
        for part in self._at_hand(upto):
            found, last = await self._page(part, upto)
            if last is None or (part.in_order and len(found) > self.limit):
                return self._cut(found, None)
        often = await self._often(upto)
        rare = [word for word, n in often.items() if n <= max(RARELY, min(often.values()))]
        if min(often.values()) > OFTEN:
            part = _Part(among=_NEWEST, values=[upto, self.most], fitting_values=[words], last_values=[self.most])
        else:
            part = self._by_index(" ".join(rare), upto, complete=len(rare) == len(often))
        return self._cut(*await self._page(part, upto))

    # -- which chats are looked at --

    def _at_hand(self, upto: int) -> list[_Part]:
        """Those that are soon looked at one by one."""
        words, most = [self.looked.words], min(NEWEST, self.most)
        parts = [_Part(among=_NEWEST, values=[upto, most], fitting_values=words, last_values=[most])]
        if self.wanted.states and PASSING.issuperset(self.wanted.states):
            marks = ", ".join("?" * len(self.wanted.states))
            # the plus: by the state, and not along all chats in their order
            all_of_it = f"SELECT chat FROM jobs WHERE state IN ({marks}) AND +chat <= ? ORDER BY id DESC LIMIT ?"  # noqa: S608 - marks only
            parts.insert(0, _Part(
                among=f"own AS MATERIALIZED ({all_of_it})", values=[*self.wanted.states, upto, most], fitting_values=words,
                last_values=[most], in_order=False,
            ))  # fmt: skip
        return parts

    async def _often(self, upto: int) -> dict[str, int]:
        """In how many of the newest chats each word is."""
        words = self.looked.words.split(" ")
        counts = ", ".join(f"count(*) FILTER (WHERE fits(t.words, ?)) AS n{number}" for number in range(len(words)))
        found = await self.rows(
            f"WITH {_NEWEST} SELECT {counts} FROM own CROSS JOIN chats_text t ON t.rowid = own.chat",  # noqa: S608 - constants and marks
            [upto, NEWEST, *words],
        )
        return {word: found[0][f"n{number}"] for number, word in enumerate(words)}

    def _by_index(self, words: str, upto: int, *, complete: bool) -> _Part:
        """`complete`: nothing but these words was asked for."""
        most = HITS * self.most
        return _Part(
            # the index knows chats of all customers, and those of which no job is left
            among="hits AS MATERIALIZED (SELECT rowid AS chat FROM chats_text WHERE chats_text MATCH ? AND rowid <= ? "
                  "ORDER BY rowid DESC LIMIT ?), own AS MATERIALIZED (SELECT hits.chat FROM hits WHERE EXISTS "
                  "(SELECT 1 FROM jobs o WHERE o.chat = hits.chat) ORDER BY hits.chat DESC LIMIT ?)",
            values=[words, upto, most, self.most],
            fitting=_ALL if complete else _FITTING, fitting_values=[] if complete else [self.looked.words],
            last="SELECT CASE WHEN (SELECT count(*) FROM own) >= ? THEN (SELECT min(chat) FROM own) "
                 "WHEN (SELECT count(*) FROM hits) >= ? THEN (SELECT min(chat) FROM hits) END AS last",
            last_values=[self.most, most],
        )  # fmt: skip

    def _by_point(self, upto: int) -> _Part:
        """By a phone or an e-mail."""
        return _Part(
            # the plus: by the value, of which few fit, and not along all chats in their order
            among="own AS MATERIALIZED (SELECT DISTINCT chat FROM chat_points WHERE value >= ? AND value < ? AND +chat <= ? "
                  "ORDER BY +chat DESC LIMIT ?)",
            values=[*(self.looked.point or ("", "")), upto, self.most], fitting=_ALL, last_values=[self.most],
        )  # fmt: skip

    # -- a page of them --

    async def _page(self, part: _Part, upto: int) -> tuple[list[Row], int | None]:
        """At most one row more than the page has, and down to which chat was looked (None: to the last)."""
        last_chat, last_job = self.after or (TOP, TOP)
        where, also = conditions(self.wanted)
        by_id, id_values = (f" UNION {_BY_ID}", [self.looked.chat_id, upto]) if self.looked.chat_id else ("", [])
        rows = await self.rows(
            f"WITH {part.among}, seen AS MATERIALIZED ({part.last}), "  # noqa: S608 - constants and marks
            # said here, and not of the page: there the planner would look at all jobs of later chats for each one
            f"k AS MATERIALIZED (SELECT DISTINCT chat FROM ({part.fitting}{by_id}) AS found "
            "WHERE chat >= coalesce((SELECT last FROM seen), 0)), "
            f"page AS (SELECT {COLUMNS}, c.visitor_name, c.channel FROM k CROSS JOIN chats c ON c.id = k.chat "
            f"CROSS JOIN jobs j ON j.chat = c.id WHERE (k.chat < ? OR j.id < ?){where} "
            "ORDER BY k.chat DESC, j.id DESC LIMIT ?) "
            "SELECT seen.last, page.* FROM seen LEFT JOIN page ON 1 = 1 ORDER BY page.chat_row DESC, page.id DESC",
            [*part.values, *part.last_values, *part.fitting_values, *id_values, last_chat, last_job, *also, self.limit + 1],
        )
        last = rows[0]["last"]
        return [{key: row[key] for key in row if key != "last"} for row in rows if row["id"] is not None], last

    def _cut(self, found: list[Row], last: int | None) -> Found:
        if len(found) > self.limit:
            end = found[self.limit - 1]
            return Found(rows=found[: self.limit], next=(end["chat_row"], end["id"]))
        return Found(rows=found, next=None if last is None else (last, 0), cut=last is not None)
