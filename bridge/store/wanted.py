"""What somebody who looks for chats may ask for, and what they are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Rows = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]

#: of a job, as every list of them has it; `j` is the job
COLUMNS = (
    "j.id, j.source, j.chat_id, j.kind, j.target, j.revision, j.state, j.reason, j.detail, j.error_code, j.attempts, j.tries, "
    "j.created_at, j.updated_at, j.next_at, j.generation, j.chat AS chat_row"
)

#: of a page: the last one's chat (0 where nothing was looked for by text) and job
Place = tuple[int, int]
#: the place before all others
TOP = 2**62


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    rows: list[Row]
    #: where the next page begins; None: there is none
    next: Place | None
    #: there may be more that were not looked at: the page is short for that reason alone
    cut: bool = False


def conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    """All but the text, on a job `j` and its chat `c`, to be put behind a WHERE that is there; with the values of the marks."""
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
