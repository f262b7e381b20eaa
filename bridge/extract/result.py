"""What the extraction is asked with, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.model import Claim, ContactPoint, PointKind, Wishes


@dataclass(frozen=True, kw_only=True)
class Own:
    """The business's own contact data, from the config: never a visitor's."""

    #: in any form
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    #: "shop.example": every address there is an operator's
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One thing that looked like a contact, what was decided about it, and by which rule of docs/extraction.md."""

    kind: PointKind
    as_written: str
    #: index into chat.messages; None: it stood in a field
    message: int | None = None
    field: str | None = None
    span: tuple[int, int] | None = None
    #: normal form, if it has one
    value: str | None = None
    #: None: dropped
    claim: Claim | None = None
    #: why it was dropped, or whose it is
    rule: str = ""
    #: how it was read, if it was taken
    reading: str = ""


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """Who can be reached how, best first: own, then unclear, then other."""

    points: tuple[ContactPoint, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)
    #: with which national numbers were read
    region: str | None = None
    #: every candidate, what was decided, which rule; only if asked for
    trace: tuple[Candidate, ...] = ()
    #: message index → spans of card and passport numbers, to be masked in what leaves for the CRM
    masked: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
