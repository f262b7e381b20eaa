"""EXTRACT: who can be reached how, out of a chat's fields and lines.

`contact_points` is the one question. Beneath it, in the order a chat goes through: `transcript` has `reading` find links,
addresses, handles and numbers in each line; `conversation` follows the chat's roles and says, by the words around it, `whose`
each of them is; `card` sums up.
docs/extraction.md lists the rules.
"""

from __future__ import annotations

from bridge.extract.by_hand import as_corrected, point_typed
from bridge.extract.card import best_first, traced
from bridge.extract.conversation import follow
from bridge.extract.fields import from_fields
from bridge.extract.hidden import hidden
from bridge.extract.ours import Ours
from bridge.extract.reading.finds import Budget
from bridge.extract.reading.regions import regions_of
from bridge.extract.result import Candidate, Extraction, Own
from bridge.extract.transcript import read_lines
from bridge.extract.wishes import wishes_in
from bridge.model import Chat

__all__ = ["Candidate", "Extraction", "Own", "as_corrected", "contact_points", "point_typed"]

_NO_OWN = Own()


def contact_points(chat: Chat, *, region: str | None = None, own: Own = _NO_OWN, explain: bool = False) -> Extraction:
    """The visitor's contact points of a chat, best first. Never raises, whatever the chat holds.

    `region` is the source's configured one (two letters); without it the chat tells. `explain` fills `trace`.
    """
    regions, _ = regions_of(chat, region)
    budget = Budget()
    ours = Ours(chat, own, regions)
    fields = list(from_fields(chat, regions, ours, budget))
    lines = read_lines(chat, regions, budget)
    talk = follow(lines, fields, regions, ours, budget)
    return Extraction(
        points=best_first(talk),
        wishes=wishes_in(lines),
        region=regions[0] if regions else None,
        trace=traced(talk) if explain else (),
        masked=hidden(chat, lines),
    )
