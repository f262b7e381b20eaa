"""A person lets us into the CRM: the address to open, and the code that comes back from there."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from bridge.crm.auth.oauth import Held, consent_address
from bridge.crm.auth.sealing import Unreadable
from bridge.crm.auth.tokens import OAuthTokens
from bridge.errors import AccessRefused, AuthoriseAgain, CrmError, NoAnswer

#: a sealed consent cannot be passed off as tokens
_UNDER = "{}#consent"


async def begin(tokens: OAuthTokens) -> str:
    """The address on which a person agrees. What proves that the code is the answer to it is kept until `finish`."""
    if tokens.settings.redirect_url is None:
        raise AccessRefused(
            f"`oauth.redirect_url` of {tokens.name} is missing: the address that is entered at the CRM for the integration, "
            "like http://localhost:8765/back"
        )
    auth = tokens.mapping.auth
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48) if auth.consent is not None and auth.consent.pkce else None
    address = consent_address(auth, tokens.target, tokens.settings, state=state, verifier=verifier)
    sealed = tokens.seal.seal(_UNDER.format(tokens.name), {"state": state, "verifier": verifier})
    await tokens.vault.keep_consent(tokens.name, sealed)
    return address


async def is_answer(tokens: OAuthTokens, given: Mapping[str, str]) -> bool:
    """Whether these are parameters of the redirect that is waited for, and not of somebody else's."""
    try:
        state = (await _begun(tokens)).get("state") or ""
    except AccessRefused:
        return False
    return bool(state) and secrets.compare_digest(given.get("state", "").encode(), state.encode())


async def finish(tokens: OAuthTokens, given: str | Mapping[str, str]) -> Held:
    """Exchange what came back (the parameters of the redirect, its whole address, or the code alone) and keep the tokens.

    Raises:
        AccessRefused: nobody agreed, the answer is to another question than ours, or the CRM does not take the code.
    """
    redirect = dict(given) if isinstance(given, Mapping) else redirected(given)
    begun = await _begun(tokens)
    if redirect.get("error"):
        why = redirect.get("error_description") or redirect["error"]
        raise AccessRefused(f"The CRM sent the person back without a code: {why[:200]}")
    if "state" in redirect and not secrets.compare_digest(redirect["state"].encode(), str(begun.get("state")).encode()):
        raise AccessRefused(
            f"This is the answer to another request than the last one of chat2crm auth {tokens.name}; begin anew, and use the "
            "address that is printed then."
        )
    if not redirect.get("code"):
        raise AccessRefused("There is no code in it; copy the whole address to which the CRM sent the browser, or the code.")
    grant = {
        "grant_type": "authorization_code", "code": redirect["code"], "redirect_uri": tokens.settings.redirect_url,
        "code_verifier": begun.get("verifier"),
    }  # fmt: skip
    try:
        held = await tokens.ask(grant, redirect=redirect)
    except NoAnswer as error:
        raise AccessRefused(f"{error.message} A code serves once, so begin anew: chat2crm auth {tokens.name}") from error
    except AuthoriseAgain:
        raise
    except CrmError as error:
        if error.status is None:
            raise
        raise AccessRefused(
            f"{error.message} A code serves once and for some minutes; begin anew: chat2crm auth {tokens.name}",
            status=error.status,
        ) from error
    await keep(tokens, held)
    return held


async def keep(tokens: OAuthTokens, held: Held) -> None:
    """Put tokens in the place of whatever is kept."""
    sealed = tokens.seal.seal(tokens.name, held.content())
    await tokens.vault.save_token(tokens.name, sealed, expires_at=held.expires_at, replaces=None)


def redirected(given: str) -> dict[str, str]:
    """The parameters of an address that a person pasted; a code alone is one as well."""
    text = given.strip()
    found = dict(parse_qsl(urlsplit(text).query if "?" in text else text))
    return found if {"code", "error"} & found.keys() or "://" in text else {"code": text}


async def _begun(tokens: OAuthTokens) -> dict[str, str | None]:
    row = await tokens.vault.token(tokens.name)
    if row is None or not row.consent:
        raise AccessRefused(f"No consent has been asked for; begin with: chat2crm auth {tokens.name}")
    try:
        return tokens.seal.open(_UNDER.format(tokens.name), row.consent)
    except Unreadable as error:
        raise AccessRefused(f"The `key:` has changed since it was begun; begin anew: chat2crm auth {tokens.name}") from error
