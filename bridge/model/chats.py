"""What comes in: delivery → event → chat."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bridge.model.frozen import Frozen, Json


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
