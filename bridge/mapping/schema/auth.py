"""How requests show that they may: a fixed key, or an access token that runs out and how the next one is had."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.templates import Template, TextTemplate
from bridge.mapping.schema.parts import Duration, Part
from bridge.mapping.schema.request import Request

BEARER = TextTemplate("Bearer {token.access}")
PLAIN = TextTemplate("{token.access}")


#: a key of `auth` → the kinds that know it
_ONLY = {
    "key": ("hmac", "standard_webhooks"), "also": ("standard_webhooks",), "signed": ("hmac",), "grant": ("oauth2",),
    "consent": ("oauth2",), "endpoint": ("oauth2",), "carry": ("oauth2",),
}  # fmt: skip


class Consent(Part):
    """The page on which a person lets us in."""

    #: its address; parameters are added
    url: TextTemplate
    #: beside response_type, client_id, redirect_uri and state, or in their place; `client_id` … are in scope by these names
    query: Template | None = None
    #: prove with the code that it was we who asked (PKCE, S256)
    pkce: bool = False


class TokenEndpoint(Part):
    """Where access tokens are had, and how they are asked for."""

    url: TextTemplate
    method: Literal["post", "get"] = "post"
    #: how grant_type and what belongs to it are sent
    encode: Literal["form", "json", "query"] = "form"
    #: where client_id and client_secret go: among the other parameters, into a Basic header, or into the address
    client: Literal["body", "basic", "query"] = "body"
    #: what is sent besides, with every grant
    parameters: Template | None = None
    headers: Template | None = None


class Auth(Part):
    """How a request shows the target's key."""

    #: url: the key is in `base_url`; json: at a place in the body; hmac, standard_webhooks: the request is signed, each anew;
    #: oauth2: an access token that runs out
    kind: Literal["none", "header", "bearer", "basic", "query", "json", "url", "hmac", "standard_webhooks", "oauth2"]
    #: of the header, the parameter or the field; json: the dotted path to it (`params.args.2`)
    name: str | None = None
    value: TextTemplate | None = None
    user: TextTemplate | None = None
    password: TextTemplate | None = None
    #: hmac: what is signed, with what, by what algorithm, how the digest is written; `value` may then hold {signature}
    signed: TextTemplate | None = None
    key: TextTemplate | None = None
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    #: bytes: the digest as it is; `value` goes out in base64 then, because a header holds no bytes
    encoding: Literal["hex", "base64", "bytes"] = "hex"
    #: standard_webhooks: a second key that signs as well, while one takes the other's place
    also: TextTemplate | None = None
    #: oauth2: by what right a token is given
    grant: Literal["authorization_code", "client_credentials", "password"] | None = None
    consent: Consent | None = None
    endpoint: TokenEndpoint | None = None
    #: oauth2: where the access token stands in a request
    carry: Literal["header", "query", "json", "form"] = "header"

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        needed = {
            "header": ("name", "value"), "query": ("name", "value"), "json": ("name", "value"), "bearer": ("value",),
            "basic": ("user", "password"), "hmac": ("name", "value", "signed"), "oauth2": ("grant", "endpoint"),
        }.get(self.kind, ())  # fmt: skip
        if self.grant == "authorization_code":
            needed += ("consent",)
        if self.carry != "header":
            needed += ("name",)
        missing = [key for key in needed if getattr(self, key) is None]
        if missing:
            raise PydanticCustomError(
                "auth", "auth of the kind {kind} also needs {missing}",
                {"kind": self.kind, "missing": " and ".join(missing)},
            )
        self._nothing_beside()
        return self

    def _nothing_beside(self) -> None:
        for key, kinds in _ONLY.items():
            if key in self.model_fields_set and self.kind not in kinds:
                raise PydanticCustomError(
                    "auth", "`{key}` belongs to the kind {kind}", {"key": key, "kind": " or ".join(kinds), "path": (key,)}
                )
        if self.consent is not None and self.grant != "authorization_code":
            raise PydanticCustomError("auth", "`consent` belongs to the grant authorization_code", {"path": ("consent",)})

    @property
    def carried(self) -> tuple[str, TextTemplate]:
        """oauth2: the name and the value of what carries the token."""
        return self.name or "Authorization", self.value or (BEARER if self.carry == "header" else PLAIN)


class Token(Part):
    """Where an answer with a new access token has its parts. The answer's own keys are in scope, and `redirect`: what came with
    the code when a person had agreed.
    """

    access: Expression
    refresh: Expression | None = None
    #: seconds the access token lives
    expires_in: Expression | None = None
    #: the same, where no answer tells
    lifetime: Duration | None = None
    #: what else is kept; in scope as `token.NAME`
    keep: dict[str, Expression] = Field(default_factory=dict)
    #: over a refusal: true if a person has to agree again; without it, whatever is refused with 400 or 401 and not for our own id
    gone: Expression | None = None

    @model_validator(mode="after")
    def _own_names(self) -> Token:
        for name in ("access", "refresh", "expires_in", "lifetime"):
            if name in self.keep:
                raise PydanticCustomError(
                    "token", "`{name}` has a place of its own, beside `keep`", {"name": name, "path": ("keep", name)}
                )
        return self


class Who(Request):
    """Asks as whom we are let in."""

    #: over the answer: the name for people
    name: Expression
