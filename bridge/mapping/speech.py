"""How a CRM is spoken to: the key that requests show, the limits it sets, and what its errors mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.expressions import Expression
from bridge.mapping.parts import BothLanguages, Duration, OneOrMany, Part, Short
from bridge.mapping.patterns import Pattern
from bridge.mapping.templates import TextTemplate

Operation = Literal["find", "read", "create", "enrich", "note", "deal", "open_deals", "task", "file", "owner", "look"]


class Auth(Part):
    """How a request shows the target's key."""

    #: url: the key is in `base_url`; hmac: a header made anew for every request
    kind: Literal["none", "header", "bearer", "basic", "query", "url", "hmac"]
    #: of the header or the query parameter
    name: str | None = None
    value: TextTemplate | None = None
    user: TextTemplate | None = None
    password: TextTemplate | None = None
    #: hmac: what is signed, by what algorithm, how the digest is written; `value` may then hold {signature}
    signed: TextTemplate | None = None
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        needed = {
            "header": ("name", "value"), "query": ("name", "value"), "bearer": ("value",),
            "basic": ("user", "password"), "hmac": ("name", "value", "signed"),
        }  # fmt: skip
        missing = [key for key in needed.get(self.kind, ()) if getattr(self, key) is None]
        if missing:
            raise PydanticCustomError(
                "auth", "auth of the kind {kind} also needs {missing}",
                {"kind": self.kind, "missing": " and ".join(missing)},
            )
        return self


class Token(Part):
    """Where an answer with a new access token has its parts."""

    access: Expression
    refresh: Expression | None = None
    #: seconds the access token lives
    expires_in: Expression | None = None
    lifetime: Duration | None = None
    #: what else is kept; in scope as `token.NAME`
    keep: dict[str, Expression] = Field(default_factory=dict)


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


class Limits(Part):
    requests: Annotated[tuple[Bucket, ...], OneOrMany] = ()
    #: requests under way at once
    concurrent: int | None = Field(default=None, ge=1)
    pause: Pause | None = None


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
