"""Who may look at the ops page and use the API, and whom it tells of what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from bridge.config.messages import FIELDS, unknown_places
from bridge.config.passwords import what_is_wrong_with
from bridge.config.values import HeaderName, HttpUrl, Name, Networks, Port, Secret, Span, Words
from bridge.model import Frozen


class OpsToken(Frozen):
    """A key for a script that uses the API."""

    #: by which the list of who did what names it
    name: Name
    token: Secret
    #: read: look; operate: also press the buttons
    scope: Literal["read", "operate"] = "read"


class OpsSettings(Frozen):
    """The operations listener: ops page, metrics, readiness."""

    host: str = "127.0.0.1"
    port: Port = 8081
    password: Secret | None = None
    #: in its place, as `chat2crm password` makes it: whoever reads this configuration then does not know the password
    password_hash: Secret | None = None
    #: set by a proxy that has people sign in; believed from `trusted_proxies` alone
    user_header: HeaderName | None = None
    trusted_proxies: Networks = ()
    #: of those whom the proxy names, who may see and do everything; none: all of them, unless customers' files name people
    users: Words = ()
    #: the address under which people reach the ops page, for the links in alerts
    public_url: HttpUrl | None = None
    #: keys for scripts, for the API and the metrics alone
    tokens: tuple[OpsToken, ...] = ()

    @model_validator(mode="after")
    def _not_open(self) -> Self:
        if self.password is not None and self.password_hash is not None:
            raise ValueError("write `password` or `password_hash`, not both")
        if self.password_hash is not None and (wrong := what_is_wrong_with(self.password_hash.get_secret_value())):
            raise ValueError(f"password_hash: {wrong}")
        if len({one.token.get_secret_value() for one in self.tokens}) < len(self.tokens):
            raise ValueError("two of the `tokens` are the same; give each its own, so that it is known who did what")
        if self.user_header is not None and not self.trusted_proxies:
            raise ValueError("`user_header` could be written by anybody: name the proxy that sets it under `trusted_proxies`")
        if not self.guarded and not _is_loopback(self.host):
            raise ValueError(
                f"the ops page would stand open on {self.host}; set `password: ${{OPS_PASSWORD}}`, or leave"
                " `host` at 127.0.0.1"
            )
        return self

    @property
    def guarded(self) -> bool:
        """Whether people have to say who they are."""
        return self.password is not None or self.password_hash is not None or self.user_header is not None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class AlertSettings(Frozen):
    #: where alerts are posted as JSON; such addresses carry a key
    url: Secret | None = None
    #: the JSON that is posted, with {text}, {cause}, {state}, {count}, {url} in their places; None: all of these by their names
    body: Mapping[str, Any] | None = None
    #: a chat connection is silent after so many times its usual gap at that time of the week; 0: never
    silence: int = Field(default=6, ge=0, le=1000)
    #: seconds for which a CRM connection gives no answer before somebody is told; 0: never
    unanswered: Span = Field(default=600.0, ge=0.0, le=7 * 86400.0)

    @field_validator("body")
    @classmethod
    def _known_places(cls, body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        strange = next(unknown_places(body), None)
        if strange is not None:
            raise ValueError(f"there is no {{{strange}}} in an alert; there are: {', '.join(f'{{{one}}}' for one in FIELDS)}")
        return body
