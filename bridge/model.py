"""The materials that travel: delivery → event → chat → contact points → client → plan of operations → job and its attempts.

All are frozen. Times are aware datetimes in UTC; spans are seconds. Words are those of docs/glossary.md.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Json = Any


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# -- what comes in -----------------------------------------------------------------------------------------------------


class Delivery(Frozen):
    """One webhook request as it was received."""

    id: int = 0
    source: str
    #: two deliveries of a source with one key are the same
    dedupe_key: str
    received_at: datetime
    method: str = "POST"
    query: str = ""
    #: only the headers that a mapping can ask for; never cookies or authorisation
    headers: dict[str, str] = Field(default_factory=dict)
    body: bytes = b""


class EventKind(StrEnum):
    CHAT_STARTED = "chat_started"
    CHAT_UPDATED = "chat_updated"
    CHAT_FINISHED = "chat_finished"
    CONTACT_GIVEN = "contact_given"
    OFFLINE_MESSAGE = "offline_message"
    MESSAGE = "message"


class Role(StrEnum):
    VISITOR = "visitor"
    OPERATOR = "operator"
    BOT = "bot"
    SYSTEM = "system"
    #: operators among themselves; never leaves for the CRM unless asked
    INTERNAL = "internal"


class File(Frozen):
    url: str
    name: str = ""
    type: str = ""


class Message(Frozen):
    role: Role
    text: str
    at: datetime | None = None
    #: the provider's id of the message, if it has one
    id: str | None = None
    #: who wrote it, as the provider names them (operators and bots)
    author: str | None = None
    files: tuple[File, ...] = ()


class Visitor(Frozen):
    """The person on the site's side, as the provider's fields describe them."""

    #: the provider's own id of them
    id: str | None = None
    #: the id the site gave them
    external_id: str | None = None
    #: None where the provider's name is a placeholder
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    #: as written in the form or profile
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    #: two-letter codes where the provider tells
    country: str | None = None
    language: str | None = None
    city: str | None = None
    company: str | None = None
    #: what else the form asked
    fields: dict[str, Json] = Field(default_factory=dict)


class Operator(Frozen):
    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


class Page(Frozen):
    url: str | None = None
    title: str | None = None
    referrer: str | None = None


class Chat(Frozen):
    """One conversation. It may end more than once: each end is a revision."""

    source: str
    chat_id: str
    kind: EventKind = EventKind.CHAT_FINISHED
    channel: str = "site"
    visitor: Visitor = Field(default_factory=Visitor)
    operators: tuple[Operator, ...] = ()
    messages: tuple[Message, ...] = ()
    page: Page = Field(default_factory=Page)
    #: source, medium, campaign, content, term
    utm: dict[str, str] = Field(default_factory=dict)
    rating: str | None = None
    tags: tuple[str, ...] = ()
    department: str | None = None
    topic: str | None = None
    #: a link to the chat in the provider's own pages
    url: str | None = None
    #: the provider says so (blacklist); such chats are not written
    spam: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    #: what a mapping kept for its CRM templates
    custom: dict[str, Json] = Field(default_factory=dict)


class Event(Frozen):
    """What (a part of) a delivery means."""

    kind: EventKind
    chat: Chat
    #: seconds of the mapping's expressions that failed on this payload, in words (shown on the job)
    findings: tuple[str, ...] = ()


# -- who it was --------------------------------------------------------------------------------------------------------


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


class Verdict(StrEnum):
    FOUND = "found"
    NEW = "new"
    #: the target is only told of chats: it has no clients that could be searched, read or made
    TOLD = "told"
    #: several, and the policy says that a person decides
    AMBIGUOUS = "ambiguous"


class Match(Frozen):
    verdict: Verdict
    client: Client | None = None
    #: the decision in words, for the job's page
    reason: str = ""
    #: clients that were hit too
    others: tuple[Client, ...] = ()
    #: True if nothing was asked of the CRM: our own map knew
    from_map: bool = False


# -- what is to be done ------------------------------------------------------------------------------------------------


class OperationKind(StrEnum):
    CREATE = "create"
    ENRICH = "enrich"
    NOTE = "note"
    DEAL = "deal"
    TASK = "task"
    FILE = "file"


class Operation(Frozen):
    """One thing to do in the CRM that must not be done twice. Planned once, stored, and carried out from the store."""

    kind: OperationKind
    #: 1… within a kind (note parts)
    part: int = 1
    parts: int = 1
    #: by which its result is found again in the CRM
    marker: str = ""
    #: what the mapping's templates find in scope for it (text, new values …)
    scope: dict[str, Json] = Field(default_factory=dict)
    #: keys of the messages that this note part carries
    message_keys: tuple[str, ...] = ()


class Plan(Frozen):
    match: Match
    operations: tuple[Operation, ...] = ()
    #: hash of the mapping with which it was made
    mapping: str = ""
    #: the chat's marker, by which a young store finds what has been delivered
    chat_marker: str = ""


class OperationState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    #: it is certain that the CRM did not do it
    VOID = "void"


class JobState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING = "waiting"
    HELD = "held"
    DEAD = "dead"
    DONE = "done"
    SKIPPED = "skipped"


#: states from which a job goes on by itself
ALIVE = (JobState.PENDING, JobState.RUNNING, JobState.RETRYING, JobState.WAITING)
#: states that are never left again, but by a replay
FINAL = (JobState.DONE, JobState.SKIPPED, JobState.DEAD)


class Step(Frozen):
    """One line of a job's trace: a decision or a call to the CRM. Never holds contact data in clear."""

    at: datetime
    what: str
    detail: str = ""
    method: str | None = None
    path: str | None = None
    status: int | None = None
    ms: int | None = None
    error: str | None = None
