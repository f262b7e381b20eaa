"""The statements are written once, in the SQL that SQLite and PostgreSQL both read. TABLE says where they part: what SQLite is
told, and what PostgreSQL is told in its place. Nothing else is translated but the marks of parameters.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: (as the statements have it, as PostgreSQL has it)
TABLE: tuple[tuple[str, str], ...] = (
    # whether a text that may be NULL is not this one
    (" IS NOT ''", " IS DISTINCT FROM ''"),
    # a hint for SQLite's planner: in this order
    (" CROSS JOIN chats c ON", " JOIN chats c ON"),
    (" CROSS JOIN jobs j ON", " JOIN jobs j ON"),
    (" CROSS JOIN operations o ON", " JOIN operations o ON"),
    (" CROSS JOIN figures f ON", " JOIN figures f ON"),
    (" CROSS JOIN chats_text t ON", " JOIN chats_text t ON"),
    # the index of words; see `migrations` for both
    ("INTO chats_text (rowid, words) VALUES (?, ?)", "INTO chats_text (rowid, words) VALUES (?, plain(?)::tsvector)"),
    ("chats_text MATCH ?", "words @@ asked_for(?)"),
    # of few chats, one by one: put so that the index is of no use for it
    ("fits(t.words, ?)", "(t.words @@ asked_for(?)) IS TRUE"),
    ("group_concat(", "string_agg("),
    ("json_extract(rehearsed, '$.match.verdict')", "rehearsed::json #>> '{match,verdict}'"),
    # SQLite cuts what stands behind the point, PostgreSQL would round
    ("CAST(", "floor("),
    (" AS INTEGER)", ")::bigint"),
    ("instr(", "strpos("),
    # another hint: not by this column's index
    (" +chat ", " chat "),
    ("WHERE 0)", "WHERE false)"),
    # what stands between these is for PostgreSQL alone
    ("/*postgres ", ""),
    (" */", ""),
)

_MARKS = re.compile(r"'(?:[^']|'')*'|\?|(?<![:\w]):([a-z_]\w*)|%")


@lru_cache(maxsize=512)
def told(sql: str, schema: str) -> str:
    """A statement as PostgreSQL's driver takes it, its tables in that schema where they are named in full."""
    for ours, theirs in TABLE:
        sql = sql.replace(ours, theirs)
    return _MARKS.sub(_mark, sql.replace(" main.", f" {schema}."))


def _mark(found: re.Match[str]) -> str:
    text = found[0]
    if text == "?":
        return "%s"
    if text == "%":
        return "%%"
    if found[1]:
        return f"%({found[1]})s"
    return text.replace("%", "%%")  # what stands in quotes is left as it is
