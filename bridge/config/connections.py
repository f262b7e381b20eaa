"""One configured use of a provider, and one of a CRM: what stands under `sources:` and under `targets:`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from bridge.config.hours import Hours
from bridge.config.routes import RouteOptions, gather_options
from bridge.config.values import (
    HttpUrl,
    Name,
    Networks,
    OwnDomains,
    OwnEmails,
    OwnPhones,
    Region,
    Secret,
    Secrets,
    Span,
    TargetUrl,
    Zone,
)
from bridge.mapping.language.templates import TextTemplate
from bridge.mapping.schema.speech import Rates
from bridge.mapping.statements import Statement
from bridge.model import Frozen


class Own(Frozen):
    """Numbers and addresses that are ours: never a visitor's, wherever they stand in a chat."""

    phones: OwnPhones = ()
    emails: OwnEmails = ()
    domains: OwnDomains = ()


class SourceSettings(Frozen):
    """One configured use of a provider."""

    name: Name = ""
    provider: str
    #: in the address, a header or a signature, as the provider's page says; several while one replaces the other
    secret: Secrets = ()
    #: for what the provider keeps behind its own interface
    token: Secret | None = None
    #: whose deliveries are taken, in place of `receive.networks`
    networks: Networks = ()
    #: authentic deliveries that are taken in a minute, and at once after a minute's rest; beyond them the provider is asked to
    #: come again. None: all
    most_per_minute: Annotated[int, Field(ge=1)] | None = None
    #: of the provider's own server, where a business runs it itself
    url: HttpUrl | None = None
    target: Name | None = None
    #: where numbers without a country code belong
    region: Region | None = None
    #: None: at all hours
    hours: Hours | None = None
    #: of the site's people; filled from the settings above if absent
    timezone: Zone = ""
    language: Literal["en", "ru"] = "en"
    own: Own = Own()
    #: None: as the provider's mapping says
    grace: Span | None = None
    idle: Span | None = None
    #: what else this source's mapping reads as `source.fields.…`
    fields: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class NoteOptions(Frozen):
    """How notes are written at one target."""

    #: in place of our own layout; sees `note.title`, `note.headline`, `note.facts`, `note.transcript` and the CRM's scope
    template: TextTemplate | None = None
    #: numbers of bank cards and passports are shown as dots
    mask_cards: bool = True


class OAuthSettings(Frozen):
    """What a CRM wants to know of an integration that it lets in by OAuth 2."""

    client_id: str = ""
    client_secret: Secret | None = None
    #: where the CRM sends a person back to who has agreed; as it was entered there
    redirect_url: HttpUrl | None = None
    #: of the grant that asks for a user's own
    username: str | None = None
    password: Secret | None = None
    #: the target whose tokens are used: the same account of the same CRM; then nothing else stands here
    same_as: Name | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.same_as is not None and self.model_fields_set != {"same_as"}:
            raise ValueError("`same_as` takes all of it from that target; remove the other keys, or `same_as`")
        if self.same_as is None and not self.client_id:
            raise ValueError("`client_id` is missing: the CRM gives it for the integration; or name a target under `same_as`")
        return self


class TargetSettings(Frozen):
    """One configured use of a CRM."""

    name: Name = ""
    crm: str
    url: TargetUrl | None = None
    token: Secret | None = None
    #: in place of `token`, where the CRM gives tokens that run out
    oauth: OAuthSettings | None = None
    #: name → statement, where the CRM is spoken to in SQL
    sql: Mapping[str, Statement] = Field(default_factory=dict)
    #: an endpoint that asks nobody for a key may have a public address
    allow_public: bool = False
    #: in which the CRM's people live; filled from the settings above if absent
    timezone: Zone = ""
    #: rehearse: all but the writing; what would be written is listed
    mode: Literal["rehearse", "write"] = "rehearse"
    #: names of the CRM's own fields, read as `target.fields.…`
    fields: Mapping[str, Any] = Field(default_factory=dict)
    options: RouteOptions = RouteOptions()
    note: NoteOptions = NoteOptions()
    #: in place of the mapping's own limits
    limits: Rates | None = None
    #: seconds for one request
    timeout: Span = Field(default=20.0, gt=0, le=300.0)
    #: None: as the CRM's mapping says
    commits_within: Span | None = None
    consistency_delay: Span | None = None
    #: beyond it the target is held and somebody told; None: no brake
    new_clients_per_hour: int | None = Field(default=None, ge=1)
    #: the CRM offers no way to look whether a request was carried out: a person decides, or it is sent again
    unknown_outcome: Literal["hold", "repeat"] = "hold"
    #: keys that only this CRM's mapping knows (its `options:`)
    extra: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """Options stand flat among the other keys. What is left over is right if the CRM's mapping names it: see
        `Settings.check_against`.
        """
        value = gather_options(value)
        if not isinstance(value, Mapping):
            return value
        known = {key: value[key] for key in value if key in cls.model_fields}
        given = known.get("extra")
        if given is not None and not isinstance(given, Mapping):  # written in the file, where it is a key like any other
            del known["extra"]
        extra = {**(known.get("extra") or {}), **{key: value[key] for key in value if key not in known}}
        return {**known, "extra": extra}

    def scope(self) -> dict[str, Any]:
        """What a mapping's templates see as `target`; holds the token in clear."""
        token = None if self.token is None else self.token.get_secret_value()
        oauth = self.oauth and {"client_id": self.oauth.client_id, "redirect_url": self.oauth.redirect_url}
        return {
            **self.extra, "name": self.name, "url": self.url, "token": token, "fields": dict(self.fields), "oauth": oauth,
            "timezone": self.timezone or None,
        }  # fmt: skip
