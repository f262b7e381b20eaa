"""What a provider's mapping may say."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.patterns import Pattern
from bridge.mapping.language.templates import TextTemplate
from bridge.mapping.paths import DataPath
from bridge.mapping.schema.deliveries import SIGNED_NAMES, Answer, Body, BodyInput, Handshake, Reply, SignedAt, Verify
from bridge.mapping.schema.events import FIELDS, OPEN_FIELDS, EventRule, FieldTable, Files, Messages
from bridge.mapping.schema.parts import (
    BothLanguages,
    Duration,
    Mapped,
    OneOrMany,
    Part,
    ProviderScale,
)
from bridge.mapping.schema.request import PagedRequest
from bridge.mapping.schema.speech import Api
from bridge.mapping.suggestions import nearest

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
