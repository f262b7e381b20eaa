"""What a provider's mapping may say: what a delivery proves, what it means, and where its parts stand."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.deliveries import SIGNED_NAMES, Answer, Body, BodyInput, Handshake, Reply, SignedAt, Verify
from bridge.mapping.expressions import Expression
from bridge.mapping.parts import (
    BothLanguages,
    Duration,
    Mapped,
    OneOrMany,
    Part,
    ProviderScale,
)
from bridge.mapping.paths import DataPath
from bridge.mapping.patterns import Pattern
from bridge.mapping.request import PagedRequest
from bridge.mapping.speech import Api
from bridge.mapping.suggestions import nearest
from bridge.mapping.templates import TextTemplate
from bridge.model import EventKind, Role

__all__ = [
    "FIELDS",
    "OPEN_FIELDS",
    "SIGNED_NAMES",
    "Answer",
    "Body",
    "EventRule",
    "Fetch",
    "Files",
    "Handshake",
    "Messages",
    "Paste",
    "ProviderMapping",
    "Reconcile",
    "Reply",
    "SignedAt",
    "Verify",
]  # fmt: skip

Expressions = Annotated[tuple[Expression, ...], OneOrMany]


# -- the meaning -------------------------------------------------------------------------------------------------------

FIELDS = (
    "chat_id", "channel", "text", "operators", "utm", "rating", "tags", "department", "topic", "url", "spam",
    "started_at", "ended_at", "custom",
    "visitor.id", "visitor.external_id", "visitor.name", "visitor.first_name", "visitor.last_name",
    "visitor.phone", "visitor.phones", "visitor.email", "visitor.emails", "visitor.country", "visitor.language",
    "visitor.city", "visitor.company", "visitor.fields",
    "operator.id", "operator.name", "operator.email", "operator.phone",
    "page.url", "page.title", "page.referrer",
    "utm.source", "utm.medium", "utm.campaign", "utm.content", "utm.term",
)  # fmt: skip
"""Names on the left side of `fields:`; `custom.ANYTHING` and `visitor.fields.ANYTHING` are open."""
OPEN_FIELDS = ("custom.", "visitor.fields.")


def _known_fields(value: Any) -> Any:
    for name in value if isinstance(value, dict) else ():
        if name not in FIELDS and not (name.startswith(OPEN_FIELDS) and not name.endswith(".")):
            raise PydanticCustomError(
                "fields", "there is no field {name}{hint}; the fields are: {known}, custom.*, visitor.fields.*",
                {"name": repr(name), "hint": nearest(name, FIELDS), "known": ", ".join(FIELDS), "key": name},
            )
    return value


FieldTable = Annotated[dict[str, Expression], BeforeValidator(_known_fields)]


def _known_role(value: Any) -> Any:
    if value not in ROLES:
        raise PydanticCustomError(
            "role", "{name} is not one of {known}", {"name": repr(value), "known": ", ".join(ROLES)}
        )
    return value


ROLES = (*Role, "skip")
RoleWord = Annotated[Role | Literal["skip"], BeforeValidator(_known_role)]


class Files(Part):
    """Files of a message: `each` over the message, the rest over one file."""

    each: Expression
    url: Expression
    name: Expression | None = None
    type: Expression | None = None


class Messages(Part):
    """Where a chat's messages stand. `each` is read in the event's scope, the rest in each message's."""

    #: the list of messages
    each: Expression | None = None
    #: or: one text that holds them all …
    lines: Expression | None = None
    #: … the text that stands between two of them (a line break by default) …
    cut: str | None = None
    #: … and a pattern with the groups role, text and, if there, at, author; a line without a hit goes on the one before
    pattern: Pattern | None = None
    #: messages for which this is false are left out
    when: Expression | None = None
    #: the provider's word for who wrote it
    role: Expression | None = None
    #: that word → our role, or `skip`; `*`: any other word
    roles: dict[str, RoleWord] = Field(default_factory=dict)
    text: Expression | None = None
    #: what `text` is written in; it is turned into plain text
    markup: Literal["plain", "html", "bbcode"] = "plain"
    at: Expression | None = None
    id: Expression | None = None
    #: the name of the operator or bot who wrote it
    author: Expression | None = None
    files: Files | None = None
    #: what the list is put in order by, where the provider's order is not that of time
    sort: Expression | None = None

    @model_validator(mode="after")
    def _complete(self) -> Messages:
        if (self.each is None) == (self.lines is None):
            raise PydanticCustomError("messages", "say where the messages are: `each:` (a list) or `lines:` (one text)")
        if self.lines is not None and self.pattern is None:
            raise PydanticCustomError("messages", "`lines` needs `pattern:` with the groups role and text")
        if self.each is not None and (self.text is None or self.role is None):
            raise PydanticCustomError("messages", "`each` needs `role:` and `text:`")
        if self.each is not None and (self.pattern or self.cut):
            raise PydanticCustomError("messages", "`cut` and `pattern` belong to `lines`")
        return self


class EventRule(Part):
    """What a vendor's event means to us. Of a list of rules the first whose `when` holds counts."""

    when: Expression | None = None
    kind: EventKind | None = Field(default=None, alias="as")
    #: why such an event is of no interest, in words
    skip: str | None = Field(default=None, min_length=1)
    #: the expression whose value becomes the scope of what follows
    scope: Expression | None = Field(default=None, alias="in")
    #: laid over the mapping's `fields`
    fields: FieldTable = Field(default_factory=dict)
    #: in place of the mapping's `messages`
    messages: Messages | None = None
    #: names under `fetch`, in their order
    fetch: Annotated[tuple[str, ...], OneOrMany] = ()
    #: a name under `answers`
    answer: str | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> EventRule:
        if (self.kind is None) == (self.skip is None):
            raise PydanticCustomError(
                "rule", "say what the event is: `as: {kinds}` or `skip: why`, one of them",
                {"kinds": " | ".join(EventKind)},
            )
        return self


class Fetch(PagedRequest):
    """A request to the provider's own API; its result is in scope as `fetched.NAME`: the whole answer, or, with `records`,
    the list of them from all pages.
    """

    #: in place of that of `api`
    base_url: TextTemplate | None = None
    #: over the (first) answer: false if the provider has not got it ready yet; it is asked again later
    ready: Expression | None = None
    #: what cannot be had is done without: nothing waits for it, and the job's page says so
    optional: bool = False

    @model_validator(mode="after")
    def _pages_of_records(self) -> Fetch:
        if self.pages is not None and self.records is None:
            raise PydanticCustomError("pages", "say what is collected from the pages: `records:` (an expression)")
        return self


class Reconcile(Fetch):
    """A list of finished chats, asked for from time to time; each record is handled as if it had been delivered."""

    every: Annotated[Duration, Field(gt=0)] = 900.0
    #: how far back the first call looks (`since` in scope; `until` is now)
    look_back: Duration = 86400.0
    #: the name under `events` by which a record is handled
    event: str
    #: names under `fetch`, asked for before the list: an access token that is given for a login
    fetch: Annotated[tuple[str, ...], OneOrMany] = ()


class Paste(Part):
    """What `chat2crm urls` tells the person who sets the provider up."""

    #: the way through the provider's menu
    where: BothLanguages
    #: the events to tick, as the provider's page names them
    events: tuple[str, ...] = ()
    secret: Literal["path", "query", "header", "field", "none"]
    note: BothLanguages | None = None


_NOTHING_SAID = Answer()


class ProviderMapping(Mapped):
    """A kind of chat service."""

    body: BodyInput = Body()
    charset: str = "utf-8"
    verify: Annotated[tuple[Verify, ...], OneOrMany]
    #: paths in the payload that are replaced before the body is stored
    conceal: Annotated[tuple[DataPath, ...], OneOrMany] = ()
    #: paths that are stored, and masked in every view, log and capture
    secrets: Annotated[tuple[DataPath, ...], OneOrMany] = ()
    handshakes: Annotated[tuple[Handshake, ...], OneOrMany] = ()
    #: each step's elements become events of their own
    split: Expressions = ()
    #: the vendor's word for what happened
    at: Expression | None = None
    #: together they tell two deliveries apart; empty: the body's hash
    dedupe: Expressions = ()
    #: the vendor's word → rules; `*`: any other word, or all where `at` is missing
    events: dict[str, Annotated[tuple[EventRule, ...], OneOrMany]] = Field(min_length=1)
    answers: dict[str, Answer] = Field(default_factory=dict)
    fields: FieldTable = Field(default_factory=dict)
    messages: Messages | None = None
    #: names that are no names
    placeholders: Annotated[tuple[Pattern, ...], OneOrMany] = ()
    #: how `fetch` and `reconcile` speak to the provider
    api: Api = Api()
    fetch: dict[str, Fetch] = Field(default_factory=dict)
    #: a chat without an end of its own ends after this silence
    idle: Duration | None = None
    #: how long after the end contacts may still come
    grace: Duration | None = None
    reconcile: Reconcile | None = None
    paste: Paste | None = None
    scale: ProviderScale = Field(default_factory=dict)

    @field_validator("charset")
    @classmethod
    def _real_charset(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise PydanticCustomError(
                "charset", "{value} is no character set; write utf-8, windows-1251 …", {"value": repr(value)}
            ) from None
        return value

    @cached_property
    def proof_is_in_body(self) -> bool:
        """Whether what proves a request can stand in its body."""
        return any(rule.place == "body" for rule in self.verify)

    @cached_property
    def signs_address(self) -> bool:
        """Whether the address is part of what is signed."""
        return any("url}" in template for rule in self.verify for template in rule.signed)

    @cached_property
    def handshake_methods(self) -> frozenset[str]:
        return frozenset(rule.method for rule in self.handshakes)

    def rules(self, event: str | None) -> tuple[EventRule, ...]:
        """The rules for a vendor's word; empty if the mapping does not know it."""
        return self.events.get(event or "", ()) or self.events.get("*", ())

    def answer(self, name: str | None = None) -> Answer:
        """The answer of that name; else the one called default; else an empty 200."""
        return self.answers.get(name or "default") or self.answers.get("default") or _NOTHING_SAID

    @model_validator(mode="after")
    def _names_exist(self) -> ProviderMapping:
        if self.at is None and set(self.events) != {"*"}:
            raise PydanticCustomError("events", "without `at:` there is no event's name; write all rules under '*'")
        for event, rules in self.events.items():
            for index, rule in enumerate(rules):
                path = ("events", event, index)
                for name in rule.fetch:
                    _must_be_in(self.fetch, name, (*path, "fetch"), "fetch")
                if rule.answer is not None:
                    _must_be_in(self.answers, rule.answer, (*path, "answer"), "answers")
        if self.reconcile is not None:
            _must_be_in(self.events, self.reconcile.event, ("reconcile", "event"), "events")
            for name in self.reconcile.fetch:
                _must_be_in(self.fetch, name, ("reconcile", "fetch"), "fetch")
        default = self.answers.get("default")
        if default is not None and default.within is not None:
            raise PydanticCustomError(
                "answers", "the `default` answer is what is given when time runs out: it cannot have `within`"
            )
        return self


def _must_be_in(table: dict[str, Any], name: str, path: tuple[str | int, ...], key: str) -> None:
    if name not in table:
        raise PydanticCustomError(
            "missing_name", "there is no {name} under `{table}`{hint}; there are: {known}",
            {"name": repr(name), "table": key, "hint": nearest(name, table), "known": ", ".join(table) or "none",
             "path": path},
        )
