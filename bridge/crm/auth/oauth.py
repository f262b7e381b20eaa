"""OAuth 2 in words of a mapping: the consent page's address, the token request, and what its answer holds. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bridge.config.connections import OAuthSettings
from bridge.crm.decipher import Said, check
from bridge.crm.render import FORM_TYPE, JSON_TYPE
from bridge.crm.waits import seconds_until
from bridge.errors import AccessRefused, AuthoriseAgain, CrmBroken, CrmError, EmptyExpression
from bridge.log import mask
from bridge.mapping.language.scopes import Scope
from bridge.mapping.schema.auth import Auth, Token
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.request import Request
from bridge.transport import PreparedRequest

#: seconds before its end at which a token is renewed; of one that lives shortly, a quarter of its life
AHEAD = 60.0
#: numbers above it are a time (unix seconds), below it a span
_A_TIME = 1_000_000_000
#: characters of what an endpoint says of an error
_LONGEST = 200

#: for our own id the endpoint has these words (RFC 6749, 5.2) …
_OUR_ID = frozenset({"invalid_client", "unauthorized_client"})
#: … and these for a request that is made wrongly, which is the mapping's fault
_OUR_WAY = frozenset({"invalid_request", "unsupported_grant_type", "invalid_scope", "unsupported_response_type"})
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED)
#: whether a token answer worked is seen by the token in it, and not by the mapping's `success`
_ASKING = Request.model_validate({"post": "/", "success": "`true`"})


@dataclass(frozen=True, slots=True)
class Held:
    """Tokens of one account. Never printed: it holds them in clear."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    #: seconds since 1970; None: until the CRM refuses it
    expires_at: float | None = None
    renew_at: float | None = None
    had_at: float = 0.0
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def scope(self) -> dict[str, Any]:
        """What templates see as `token`; the refresh token is nobody's business there."""
        return {**self.kept, "access": self.access}

    def due(self, now: float) -> bool:
        return self.renew_at is not None and now >= self.renew_at

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def content(self) -> dict[str, Any]:
        return asdict(self)


def consent_address(
    auth: Auth, target: Mapping[str, Any], settings: OAuthSettings, *, state: str, verifier: str | None
) -> str:
    """The page on which a person agrees.

    Raises AccessRefused if the address needs something that the target does not have.
    """
    assert auth.consent is not None  # noqa: S101 - the mapping was checked: authorization_code has it
    ours = {
        "response_type": "code", "client_id": settings.client_id, "redirect_uri": settings.redirect_url, "state": state,
    }  # fmt: skip
    url = _address(auth.consent.url.fill_strict, {"target": target})
    more: Mapping[str, Any] = {}
    if auth.consent.query is not None:
        more = auth.consent.query.fill({**ours, "target": target}) or {}
    if verifier is not None:
        digest = hashlib.sha256(verifier.encode()).digest()
        ours |= {"code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="), "code_challenge_method": "S256"}
    pairs = {name: value for name, value in {**ours, **more}.items() if value not in (None, "")}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs, quote_via=quote)}"


def token_request(
    auth: Auth, target: Mapping[str, Any], settings: OAuthSettings, grant: Mapping[str, str | None]
) -> PreparedRequest:
    """Ask for a token; `grant` is grant_type and what belongs to it. Raises AccessRefused if its address is not complete."""
    endpoint = auth.endpoint
    assert endpoint is not None  # noqa: S101 - the mapping was checked: oauth2 has it
    scope = {"target": target, **grant}
    url = _address(endpoint.url.fill_strict, scope)
    secret = settings.client_secret.get_secret_value() if settings.client_secret is not None else None
    client = {"client_id": settings.client_id, "client_secret": secret}
    more = (endpoint.parameters.fill(scope) or {}) if endpoint.parameters is not None else {}
    parameters = {**grant, **(client if endpoint.client == "body" else {}), **more}
    given = {str(name): str(value) for name, value in parameters.items() if value not in (None, "")}
    headers = {"Accept": JSON_TYPE}
    if endpoint.headers is not None:
        headers |= {str(name): str(value) for name, value in (endpoint.headers.fill(scope) or {}).items()}
    if endpoint.client == "basic":
        pair = f"{settings.client_id}:{secret or ''}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    in_query = client if endpoint.client == "query" else {}
    body: bytes | None = None
    if endpoint.encode == "query":
        in_query = {**in_query, **given}
    elif endpoint.encode == "json":
        headers["Content-Type"], body = JSON_TYPE, json.dumps(given, ensure_ascii=False).encode()
    else:
        headers["Content-Type"], body = FORM_TYPE, urlencode(given).encode()
    pairs = {name: value for name, value in in_query.items() if value}
    if pairs:
        url += ("&" if "?" in url else "?") + urlencode(pairs, quote_via=quote)
    return PreparedRequest(endpoint.method.upper(), url, headers, body)


def read_tokens(
    said: Said, rules: Token, *, now: float, before: Held | None = None, redirect: Mapping[str, str] | None = None
) -> Held:
    """The tokens in an answer; what it does not name stays as it was `before`. Raises CrmBroken if there is none in it."""
    data = said.data
    scope = Scope(data if isinstance(data, Mapping) else {}, {"root": data, "redirect": redirect or {}})
    access = rules.access(scope)
    if not isinstance(access, str) or not access.strip():
        raise CrmBroken(
            "The CRM's token endpoint answered without an access token: does `token.access` of the mapping name its place?",
            status=said.answer.status, operation="token",
        )  # fmt: skip
    refresh = rules.refresh(scope) if rules.refresh is not None else None
    kept = {name: value for name, rule in rules.keep.items() if (value := rule(scope)) not in (None, "")}
    lives = _lifetime(rules.expires_in(scope) if rules.expires_in is not None else None, now)
    lives = rules.lifetime if lives is None else lives
    return Held(
        access=access.strip(),
        refresh=str(refresh) if refresh else before.refresh if before else None,
        expires_at=None if lives is None else now + lives,
        renew_at=None if lives is None else now + lives - min(AHEAD, lives / 4),
        had_at=now,
        kept={**(before.kept if before else {}), **kept},
    )


def refused(said: Said, mapping: CrmMapping, grant_type: str, *, now: datetime) -> CrmError | None:
    """What an answer that holds no token means; None if it is none of the endpoint's refusals and may hold one."""
    data, status = said.data, said.answer.status
    word = data.get("error") if isinstance(data, Mapping) else None
    words = _words(data)
    gone = mapping.token.gone if mapping.token is not None else None
    person = grant_type == "refresh_token"
    if gone is not None and status >= HTTPStatus.BAD_REQUEST and said.value(gone) and person:
        return AuthoriseAgain(f"The CRM does not renew our access any more{words}", status=status, operation="token")
    if word in _OUR_ID:
        message = f"The CRM refuses the client_id or client_secret of this target{words}"
    elif word in _OUR_WAY:
        message = f"The CRM refuses the way in which we ask for a token{words}"
    elif status in _REFUSALS and person and gone is None:
        return AuthoriseAgain(f"The CRM does not renew our access any more{words}", status=status, operation="token")
    elif status in _REFUSALS:
        message = f"The CRM gives no token{words}"
    else:
        try:
            check(said, mapping, _ASKING, "token", now=now)
        except CrmError as error:
            return error
        return None
    return AccessRefused(message, status=status, operation="token")


def _words(data: Any) -> str:
    """What the endpoint says, without anything that could be a token."""
    if not isinstance(data, Mapping):
        return "."
    said = [data[key] for key in ("error", "error_description", "hint", "detail", "message") if isinstance(data.get(key), str)]
    return f": {mask(' · '.join(dict.fromkeys(said)))[:_LONGEST]}" if said else "."


def _lifetime(value: Any, now: float) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return seconds_until(value, datetime.fromtimestamp(now, UTC)) if isinstance(value, str) else None
    if isinstance(value, bool) or number <= 0:
        return None
    return number - now if number > _A_TIME else number


def _address(fill: Any, scope: Mapping[str, Any]) -> str:
    try:
        url = str(fill(scope))
    except EmptyExpression as error:
        raise AccessRefused(f"The address for tokens is not complete ({error.message}); set it in the target's configuration."
                            ) from error  # fmt: skip
    if urlsplit(url).scheme not in ("http", "https"):
        raise AccessRefused(f"{url!r} is no address for tokens; it begins with https://")
    return url
