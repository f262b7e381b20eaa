"""How a CRM, or a provider's own API, is spoken to: the key that requests show, its limits, and what its errors mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.patterns import Pattern
from bridge.mapping.language.templates import Template, TextTemplate
from bridge.mapping.schema.auth import Auth
from bridge.mapping.schema.parts import BothLanguages, Duration, OneOrMany, Part, Short

Operation = Literal[
    "find", "read", "create", "enrich", "note", "deal", "open_deals", "task", "file", "owner", "look", "fetch", "reconcile"
]


class Bucket(Part):
    """So many requests in so long a time."""

    most: int = Field(ge=1)
    per: Duration = Field(gt=0)
    #: the operations it counts; none named: all
    only: Annotated[tuple[Operation, ...], OneOrMany] = ()


class Pause(Part):
    """The CRM itself says until when it wants no requests, in answers that succeeded."""

    #: over the answer: unix seconds, or an ISO time
    until: Expression
    when: Expression | None = None


class Counter(Part):
    """A count of our use that the CRM itself keeps and tells in its answers, for `check --live`; nothing is slowed by it."""

    about: BothLanguages
    #: over the answer: how much is used, or how much is left …
    used: Expression | None = None
    left: Expression | None = None
    #: … and of how much
    most: Expression | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Counter:
        if (self.used is None) == (self.left is None):
            raise PydanticCustomError("counter", "say what the answer tells: `used:` or `left:`, one of them")
        return self


class Rates(Part):
    """How fast; a target's configuration may have its own."""

    requests: Annotated[tuple[Bucket, ...], OneOrMany] = ()
    #: requests under way at once
    concurrent: int | None = Field(default=None, ge=1)


class Limits(Rates):
    pause: Pause | None = None


class CountedLimits(Limits):
    """Of a CRM, which people ask how much of them is used."""

    counters: Annotated[tuple[Counter, ...], OneOrMany] = ()


Then = Literal["retry", "retry_after", "refresh_auth", "conflict", "not_found", "permanent", "blocked", "access_refused"]


def _statuses(value: Any) -> Any:
    """409 · 5xx · [409, 422] → the statuses meant."""
    listed = value if isinstance(value, list | tuple) else [value]
    found: list[int] = []
    for item in listed:
        text = str(item)
        if len(text) == 3 and text[0] in "12345" and text[1:] == "xx":  # noqa: PLR2004 - a status has three places
            found.extend(range(int(text[0]) * 100, int(text[0]) * 100 + 100))
        elif len(text) == 3 and text.isdecimal() and text[0] in "12345":  # noqa: PLR2004 - as above
            found.append(int(text))
        else:
            raise PydanticCustomError("status", "{item} is no HTTP status; write 409, 5xx or a list", {"item": repr(item)})
    return found


Statuses = Annotated[tuple[int, ...], Short(_statuses, {"type": ["integer", "string"]})]


class Again(Part):
    """What to add to the same request so that the CRM makes a second record after all."""

    headers: dict[str, str] = Field(default_factory=dict)


class ErrorRule(Part):
    """Which answers are errors, and of what kind. Everything that is named has to fit; the first rule that fits counts."""

    status: Statuses = ()
    #: header → its value (any case)
    header: dict[str, str] = Field(default_factory=dict)
    #: where `match` looks: an expression over the answer; without it, the body's text
    where: Expression | None = Field(default=None, alias="in")
    match: Pattern | None = None
    #: over the answer, with `match`, `status` and `headers` in scope
    when: Expression | None = None
    only: Annotated[tuple[Operation, ...], OneOrMany] = ()
    then: Then
    #: retry_after: seconds to wait, or a time
    after: Expression | None = None
    #: conflict: the records that are there already, or …
    records: Expression | None = None
    #: … the id of the one that is
    id: Expression | None = None
    again: Again | None = None
    #: what a person has to do, for the ops page
    hint: BothLanguages | None = None

    @model_validator(mode="after")
    def _fits(self) -> ErrorRule:
        if not (self.status or self.header or self.match or self.when):
            raise PydanticCustomError("errors", "this rule fits every answer; give it status, header, match or when")
        if (self.records or self.id or self.again) and self.then != "conflict":
            raise PydanticCustomError("errors", "`records`, `id` and `again` belong to `then: conflict`")
        if self.after and self.then != "retry_after":
            raise PydanticCustomError("errors", "`after` belongs to `then: retry_after`")
        return self


class Speech(Protocol):
    """What has to be known to speak to somebody: a CRM's mapping says it, and a provider's `api`."""

    @property
    def base_url(self) -> TextTemplate: ...
    @property
    def auth(self) -> Auth: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def errors(self) -> tuple[ErrorRule, ...]: ...
    @property
    def success(self) -> Expression | None: ...
    @property
    def headers(self) -> Template | None: ...


class Api(Part):
    """A provider's own API, for `fetch` and `reconcile`. Its templates see the source alone: no delivery says where to."""

    base_url: TextTemplate = Field(default_factory=lambda: TextTemplate("{source.url}"))
    auth: Auth = Auth(kind="none")
    limits: Limits = Limits()
    #: sent with every request; those of a request stand in their place
    headers: Template | None = None
    #: tried before the usual meaning of a status
    errors: Annotated[tuple[ErrorRule, ...], OneOrMany] = ()
    #: over every answer: true if it worked, where the status alone does not tell
    success: Expression | None = None

    @model_validator(mode="after")
    def _without_sign_in(self) -> Api:
        if self.auth.kind == "oauth2":
            raise PydanticCustomError(
                "auth", "a chat service is spoken to with a fixed key: header, bearer, basic, query or hmac",
                {"path": ("auth", "kind")},
            )
        return self
