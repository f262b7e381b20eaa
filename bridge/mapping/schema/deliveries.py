"""A delivery on the wire: how its bytes become a payload, how it proves where it comes from, what it is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.templates import Template, TextTemplate
from bridge.mapping.schema.parts import Duration, OneOrMany, Part, Short
from bridge.mapping.suggestions import nearest


def _body_kind(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class Body(Part):
    """How the bytes become a payload."""

    #: json; form: flat; form_json: a form whose fields hold JSON (plain or base64); nested_form: a[b][]=c
    kind: Literal["json", "form", "form_json", "nested_form"] = "json"
    #: form_json: the field whose JSON is the whole payload (else every field that holds JSON is decoded in place)
    payload: str | None = None
    #: form_json: the fields that hold JSON; empty: every one whose text looks like it
    fields: Annotated[tuple[str, ...], OneOrMany] = ()

    @model_validator(mode="after")
    def _fits(self) -> Body:
        if self.kind != "form_json" and (self.payload or self.fields):
            raise PydanticCustomError("body", "`payload` and `fields` belong to the kind form_json only")
        return self


BodyInput = Annotated[Body, Short(_body_kind, {"enum": ["json", "form", "form_json", "nested_form"]})]


class SignedAt(Part):
    """Where the time of signing stands: a header, or a part of the signature (`t=…`)."""

    header: str | None = None
    part: str | None = None
    format: Literal["unix", "unix_ms", "iso"] = "unix"
    #: how old (or how far ahead) a signature may be
    tolerance: Duration = 300.0

    @model_validator(mode="after")
    def _somewhere(self) -> SignedAt:
        if (self.header is None) == (self.part is None):
            raise PydanticCustomError("timestamp", "say where the time stands: `header: NAME` or `part: NAME`, one of them")
        return self


SIGNED_NAMES = ("method", "url", "decoded_url", "id", "timestamp", "body", "compact_body")
"""What a text of `signed:` may name. compact_body: the payload as JSON without blanks."""


def _signed(value: str) -> str:
    for name in re.findall(r"\{([^{}]*)\}", value):
        if name not in SIGNED_NAMES:
            raise PydanticCustomError(
                "signed", "there is no {name} to sign{hint}; there are: {known}",
                {"name": "{" + name + "}", "hint": nearest(name, SIGNED_NAMES), "known": ", ".join(SIGNED_NAMES)},
            )
    return value


Signed = Annotated[str, AfterValidator(_signed)]


class Verify(Part):
    """One way for a request to prove where it comes from; several are alternatives."""

    scheme: Literal["none", "equality", "hmac", "rsa", "ed25519", "standard_webhooks"]
    #: where the secret or signature stands
    place: Literal["header", "query", "path", "body"] = Field(default="header", alias="in")
    #: the header, the query parameter, or the dotted path in the payload
    name: str | None = None
    #: fixed text before the secret or signature (`sha256=`, `Bearer `)
    prefix: str = ""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    #: in a signature like `t=1,s=ab,s=cd`: the name of the parts that hold signatures
    part: str | None = None
    #: what is signed; several are alternatives
    signed: Annotated[tuple[Signed, ...], OneOrMany] = ()
    #: the header whose value is {id}
    id: str | None = None
    timestamp: SignedAt | None = None
    #: how the source's secret becomes the key
    key: Literal["text", "base64", "hex"] = "text"

    @model_validator(mode="after")
    def _complete(self) -> Verify:
        named = self.place == "path" or self.name or self.scheme in ("none", "standard_webhooks")
        if not named:
            raise PydanticCustomError(
                "verify", "`name:` is missing: the {place} that holds the secret or signature",
                {"place": {"header": "header", "query": "query parameter", "body": "path in the payload"}[self.place]},
            )
        text = "".join(self.signed)
        if "{timestamp}" in text and self.timestamp is None:
            raise PydanticCustomError("verify", "`signed` names {timestamp}, but `timestamp:` does not say where it stands")
        if "{id}" in text and self.id is None:
            raise PydanticCustomError("verify", "`signed` names {id}, but `id:` does not say which header holds it")
        return self


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider is answered, ready to send."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Answer(Part):
    """What the provider is answered. Without a body the answer is empty."""

    status: int = Field(default=200, ge=200, le=299)
    json_: Template | None = Field(default=None, alias="json")
    text: TextTemplate | None = None
    content_type: str | None = None
    headers: Template | None = None
    #: dotted paths into `json` that are sent even if empty
    keep: Annotated[tuple[str, ...], OneOrMany] = ()
    #: the answer needs the CRM: how long it may take before the `default` answer is given instead
    within: Duration | None = Field(default=None, gt=0, le=10)

    @model_validator(mode="after")
    def _one_body(self) -> Answer:
        if self.json_ and self.text:
            raise PydanticCustomError("answer", "an answer has one body: `json` or `text`")
        if self.keep and self.json_:
            object.__setattr__(self, "json_", self.json_.keeping(self.keep))
        return self

    @cached_property
    def constant(self) -> Reply | None:
        """What is sent, if it is the same each time."""
        if any(part is not None and not part.is_constant for part in (self.json_, self.text, self.headers)):
            return None
        data, text, headers = (None if part is None else part.fill({}) for part in (self.json_, self.text, self.headers))
        return self.reply(data, None if text is None else text.strip(), headers)

    def reply(self, data: Any, text: str | None, headers: Mapping[str, Any] | None) -> Reply:
        """Of what its templates (`json`, `text`, `headers`) were filled with."""
        body, content_type = b"", None
        if self.json_ is not None:
            body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
            content_type = "application/json"
        elif self.text is not None:
            body = (text or "").encode(errors="replace")
            content_type = "text/plain; charset=utf-8"
        return Reply(self.status, body, self.content_type or content_type,
                     {name: str(value) for name, value in (headers or {}).items()})  # fmt: skip


class Handshake(Part):
    """A request by which the provider tries our address; it is answered and not stored."""

    method: Literal["GET", "POST", "PUT", "HEAD"] = "POST"
    when: Expression | None = None
    #: an expression that has to equal one of the source's secrets
    secret: Expression | None = None
    #: anybody is answered; without it and without `secret` the request has to be proved as any other
    open: bool = False
    answer: Answer = Answer()
