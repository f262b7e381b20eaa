"""A mapping as far as one target's configuration bears it: what it lacks is named, or is not to be had there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from bridge.config.connections import OAuthSettings, TargetSettings
from bridge.config.routes import RouteOptions
from bridge.config.values import MAIL_SCHEMES
from bridge.crm.auth import sign
from bridge.crm.auth.signatures import ID_HEADER
from bridge.crm.stated import sql_wrong, statements_of
from bridge.errors import AccessRefused, ConfigError, EmptyExpression, Rejected
from bridge.mapping.in_scope import strangers_in
from bridge.mapping.schema.crm import CrmMapping, FindStep
from bridge.mapping.schema.request import Request
from bridge.mapping.schema.writing import NO_MARKER, Write
from bridge.transport import PreparedRequest
from bridge.transport.private import is_private

#: parts that a target can do without
_SPARED = ("enrich", "deal", "open_deals", "task", "file", "owner", "who")
#: what each grant needs beside client_id
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "authorization_code": ("redirect_url",), "client_credentials": ("client_secret",), "password": ("username", "password"),
}  # fmt: skip


def fit(mapping: CrmMapping, settings: TargetSettings) -> CrmMapping:
    """The mapping without the parts for which the target gives no statement.

    Raises:
        ConfigError: what is missing or cannot be meant, a line each, with the remedy.
    """
    wrong = [
        *_auth_wrong(mapping, settings), *sql_wrong(mapping, settings), *_carrier_wrong(mapping, settings),
        *_address_wrong(mapping, settings), *_key_wrong(mapping, settings), *_template_wrong(mapping, settings),
    ]  # fmt: skip
    fitted = _without_unstated(mapping, settings) if statements_of(mapping) else mapping
    wrong = [f"targets.{settings.name}: {text}" for text in wrong]
    wrong += unborne(fitted, settings.options, f"targets.{settings.name}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return fitted


def _auth_wrong(mapping: CrmMapping, settings: TargetSettings) -> Iterator[str]:
    oauth, auth = settings.oauth, mapping.auth
    if auth.kind != "oauth2":
        if oauth is not None:
            yield f"`oauth:` is of no use with {settings.crm}, which lets in by a fixed key; set `token`, as its page says"
        return
    if oauth is None and settings.token is None:
        yield "it lets in by OAuth 2: set `oauth:` with your integration's client_id, or `token` if the CRM gave one for good"
    if oauth is None or oauth.same_as is not None:
        return
    if settings.token is not None:
        yield "there are both `token` and `oauth:`; remove the one that is not to be used"
    yield from (
        f"oauth.{key} is missing: the grant {auth.grant} needs it"
        for key in _NEEDED[str(auth.grant)] if not getattr(oauth, key)
    )  # fmt: skip


def _key_wrong(mapping: CrmMapping, settings: TargetSettings) -> Iterator[str]:
    """What every request would be refused for before it leaves, by signing one that goes nowhere."""
    if mapping.auth.kind == "oauth2":
        return
    defaults = {key: option.default for key, option in mapping.options.items()}
    anywhere = "https://crm.invalid"
    try:
        sign(PreparedRequest("POST", f"{anywhere}/a?b=c", {ID_HEADER: "1"}, b"{}"), mapping.auth,
             {"target": {**defaults, **settings.scope()}}, base_url=anywhere)  # fmt: skip
    except AccessRefused as error:
        lacking = error.__cause__
        if isinstance(lacking, EmptyExpression):
            named = re.findall(r"\{target\.(\w+)\}", lacking.message) or ["token"]
            yield f"`{named[0]}` is missing: requests to this CRM show it as their key, and none would leave without it"
        else:
            yield f"token: {error.message}"
    except Rejected:
        return  # the key has no place in this request; others have one


def _template_wrong(mapping: CrmMapping, settings: TargetSettings) -> Iterator[str]:
    if settings.note.template is not None:
        yield from (f"note.template: {text}" for text in strangers_in(settings.note.template, mapping))


def _carrier_wrong(mapping: CrmMapping, settings: TargetSettings) -> Iterator[str]:
    by_mail = (settings.url or "").partition("://")[0] in MAIL_SCHEMES
    if mapping.carrier == "mail" and not by_mail:
        yield "url: this sends mails, so its address is a mail server's, like smtps://mail.yourcompany.ru"
    if mapping.carrier != "mail" and by_mail:
        yield f"url: {settings.crm} is called over the web, so its address is like https://crm.yourcompany.ru"


def _address_wrong(mapping: CrmMapping, settings: TargetSettings) -> Iterator[str]:
    if not mapping.only_private or settings.allow_public or settings.url is None:
        return
    host = urlsplit(settings.url).hostname or ""
    try:
        public = not is_private(host)
    except ValueError:
        return  # a name; what it stands for is looked at with every connection
    if public:
        yield (
            f"url: {host} is a public address, and this CRM's endpoint asks nobody for a key: whoever reaches it has all of the "
            "data. Put it behind a VPN and use its private address; or, if something before it asks for a key, set "
            "allow_public: true"
        )


def unborne(mapping: CrmMapping, options: RouteOptions, where: str) -> Iterator[str]:
    """What was written down of what is to be done with a chat, and cannot be in this CRM: nothing would come of it, and nobody
    would be told.
    """
    said = options.model_fields_set
    parts = {part for part in _SPARED if _anywhere(mapping, part)}
    if options.deal != "none" and "deal" not in parts:
        yield f"{where}: deal: {mapping.name} does not say how a deal is made{_HINT}; write deal: none, or take the line out"
    if options.note_on != "client" and not parts & {"deal", "open_deals"}:
        yield f"{where}: note_on: {mapping.name} knows no deals{_HINT}; write note_on: client, or take the line out"
    if "missed" in said and options.missed == "task" and "task" not in parts:
        yield f"{where}: missed: {mapping.name} does not say how a task is made{_HINT}; write missed: none, or take the line out"
    if options.files.how == "copy" and "file" not in parts:
        yield f"{where}: files: {mapping.name} does not say how a file is copied; take `copy` out, and notes have the links"


#: of a mapping that makes what the target gives statements for
_HINT = " (or `sql:` of the target has no statement for it)"


def _anywhere(mapping: CrmMapping, part: str) -> bool:
    return getattr(mapping, part) is not None or any(getattr(one, part, None) is not None for one in mapping.entities.values())


def _stated(request: Request, settings: TargetSettings) -> bool:
    return request.statement is None or request.statement in settings.sql


def _without_unstated(mapping: CrmMapping, settings: TargetSettings) -> CrmMapping:
    fitted: dict[str, Any] = {"find": tuple(step for step in mapping.find if _may_search(step, settings))}
    for name in (*_SPARED, "create", "note"):
        part = getattr(mapping, name)
        if part is not None and not _stated(part, settings):
            fitted[name] = None
        elif isinstance(part, Write) and not _stated(part.marker, settings):
            fitted[name] = part.model_copy(update={"marker": NO_MARKER})
    return mapping.model_copy(update=fitted)


def _may_search(step: FindStep, settings: TargetSettings) -> bool:
    return _stated(step, settings) and (step.then is None or _stated(step.then, settings))


def account_of(settings: TargetSettings, others: Mapping[str, TargetSettings]) -> tuple[str, OAuthSettings] | None:
    """Whose tokens this target uses: the name under which they are kept, and what they are had with."""
    if settings.oauth is None:
        return None
    if settings.oauth.same_as is None:
        return settings.name, settings.oauth
    other = others[settings.oauth.same_as].oauth
    assert other is not None  # noqa: S101 - the configuration was checked: it has tokens of its own
    return settings.oauth.same_as, other
