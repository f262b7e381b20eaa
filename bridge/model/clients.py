"""Who it was: contact points, and a client as the CRM knows one."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from bridge.model.frozen import Frozen, Json


class PointKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"


class Claim(StrEnum):
    OWN = "own"
    UNCLEAR = "unclear"
    #: somebody else's: stands in the note, never matched, never added to a card
    OTHER = "other"


class ContactPoint(Frozen):
    """A phone, e-mail or messenger handle that the visitor gave."""

    kind: PointKind
    #: E.164 (+79161234567); e-mail with lower-case domain; handle as @name
    value: str
    as_written: str
    claim: Claim = Claim.UNCLEAR
    #: digits after "ext."
    extension: str | None = None
    #: index into chat.messages; None: it stood in a field
    message: int | None = None
    #: first and last position in that message's text, for marking it on a page
    span: tuple[int, int] | None = None
    #: the field it stood in ("visitor.phone"), if not in a message
    field: str | None = None
    #: 0…1
    confidence: float = 1.0
    #: the rule of docs/extraction.md that decided
    rule: str = ""
    #: "typo:gmail.com", "corrected", "region:RU" …
    flags: tuple[str, ...] = ()


class Correction(Frozen):
    """What a person has put right about a chat's contact points. It counts for later versions of the chat, too."""

    added: tuple[ContactPoint, ...] = ()
    #: (kind, value) of those that are not the visitor's
    removed: tuple[tuple[PointKind, str], ...] = ()


class Wishes(Frozen):
    #: "do not call me": the visitor's words it rests on
    no_calls: str | None = None


def client_key(client_id: str, entity: str = "client") -> str:
    """Which record it is, among those of its CRM."""
    return f"{entity}:{client_id}"


class Client(Frozen):
    """A person's record in the CRM, as the mapping's `client:` reads it."""

    id: str
    entity: str = "client"
    name: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    external_id: str | None = None
    owner: str | None = None
    changed_at: str | None = None
    #: a company or an archived record and so on, as the mapping says; in words
    remark: str | None = None
    #: the CRM's own record as read
    record: dict[str, Json] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """As `client_key`."""
        return client_key(self.id, self.entity)
