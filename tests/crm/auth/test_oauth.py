from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from crm.authority import oauth_mapping, said
from pydantic import SecretStr

from bridge.config.connections import OAuthSettings
from bridge.crm.auth.oauth import Held, consent_address, read_tokens, refused, token_request
from bridge.crm.decipher import Said
from bridge.errors import AccessRefused, AuthoriseAgain, Busy, CrmBroken, CrmError
from bridge.mapping.schema.auth import Auth, Token
from bridge.transport import Answer

OURS = OAuthSettings(client_id="our id", client_secret=SecretStr("s&cret"), redirect_url="http://localhost:8765/back")
TARGET = {"url": "https://crm.example.com", "zone": "eu"}
NOW = 1_795_000_000.0
AT = datetime.fromtimestamp(NOW, UTC)
RULES = Token.model_validate({
    "access": "access_token", "refresh": "refresh_token", "expires_in": "expires_in", "keep": {"host": "host || redirect.host"},
})  # fmt: skip


def auth(**changes: Any) -> Auth:
    return oauth_mapping(auth=changes).auth


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_is_told_who_asks_where_to_go_back_and_what_is_to_come_back() -> None:
    address = consent_address(auth(), TARGET, OURS, state="st", verifier=None)

    assert address.startswith("https://crm.example.com/oauth/consent?")
    assert query_of(address) == {
        "response_type": "code", "client_id": "our id", "redirect_uri": OURS.redirect_url, "state": "st", "scope": "crm",
    }  # fmt: skip


def test_a_mapping_may_name_the_parameters_otherwise_and_add_its_own() -> None:
    query = {"response_type": "x", "mode": "post", "app": "{client_id}"}
    page = {"url": "https://sign-in.example/{target.zone}?a=b", "query": query}
    address = consent_address(auth(consent=page), TARGET, OURS, state="st", verifier=None)

    assert address.startswith("https://sign-in.example/eu?a=b&")
    assert {"a": "b", "response_type": "x", "mode": "post", "app": "our id", "state": "st"}.items() <= query_of(address).items()


def test_a_verifier_goes_out_as_its_hash_only() -> None:
    query = query_of(consent_address(auth(), TARGET, OURS, state="st", verifier="v" * 64))

    digest = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).decode().rstrip("=")
    assert (query["code_challenge"], query["code_challenge_method"]) == (digest, "S256")
    assert "v" * 64 not in str(query)


def test_an_address_that_is_not_complete_says_what_is_missing() -> None:
    with pytest.raises(AccessRefused, match=r"not complete \(\{target.url\}"):
        consent_address(auth(), {}, OURS, state="st", verifier=None)
    with pytest.raises(AccessRefused, match="no address for tokens"):
        token_request(auth(endpoint={"url": "{target.zone}/x"}), TARGET, OURS, {"grant_type": "x"})


# -- the request -------------------------------------------------------------------------------------------------------

GRANT = {"grant_type": "refresh_token", "refresh_token": "r+1", "code_verifier": None}


def test_parameters_are_a_form_and_hold_our_id_and_nothing_empty() -> None:
    request = token_request(auth(), TARGET, OURS, GRANT)

    assert (request.method, request.url) == ("POST", "https://crm.example.com/oauth/token")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl((request.body or b"").decode(), keep_blank_values=True)) == {
        "grant_type": "refresh_token", "refresh_token": "r+1", "client_id": "our id", "client_secret": "s&cret",
    }  # fmt: skip


def test_our_id_may_go_into_a_header_and_the_parameters_into_json() -> None:
    endpoint = {
        "url": "{target.url}/t", "client": "basic", "encode": "json", "headers": {"X-Zone": "{target.zone}"},
        "parameters": {"redirect_uri": "{target.oauth.redirect_url}", "audience": "crm"},
    }  # fmt: skip
    target = {**TARGET, "oauth": {"redirect_url": OURS.redirect_url}}
    request = token_request(auth(endpoint=endpoint), target, OURS, GRANT)

    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"our id:s&cret"
    assert request.headers["X-Zone"] == "eu"
    assert json.loads(request.body or b"") == {
        "grant_type": "refresh_token", "refresh_token": "r+1", "redirect_uri": OURS.redirect_url, "audience": "crm",
    }  # fmt: skip


def test_all_of_it_may_go_into_the_address() -> None:
    endpoint = {"url": "{target.url}/t/", "method": "get", "client": "query", "encode": "query"}
    request = token_request(auth(endpoint=endpoint), TARGET, OURS, GRANT)

    assert (request.method, request.body) == ("GET", None)
    assert "r%2B1" in request.url
    assert query_of(request.url) == {
        "grant_type": "refresh_token", "refresh_token": "r+1", "client_id": "our id", "client_secret": "s&cret",
    }  # fmt: skip


# -- the answer --------------------------------------------------------------------------------------------------------


def test_an_answer_gives_tokens_their_end_and_what_else_is_kept() -> None:
    told = {"access_token": " a ", "refresh_token": "r", "expires_in": "3600"}
    held = read_tokens(Said(said(told)), RULES, now=NOW, redirect={"host": "eu.example"})

    assert held == Held("a", "r", NOW + 3600, NOW + 3540, NOW, {"host": "eu.example"})
    assert held.scope() == {"access": "a", "host": "eu.example"}


def test_what_a_later_answer_does_not_name_stays_as_it_was() -> None:
    before = Held("a", "r", kept={"host": "eu.example"})
    held = read_tokens(Said(said({"access_token": "b"})), RULES, now=NOW, before=before)

    assert (held.access, held.refresh, held.kept, held.expires_at) == ("b", "r", {"host": "eu.example"}, None)
    assert not held.due(NOW + 1e9)


@pytest.mark.parametrize(
    ("told", "lives"),
    [(3600, 3600), ("60", 60), (NOW + 500, 500), (None, None), (0, None), (True, None), ("2026-11-18T11:46:40Z", 13600)],
)
def test_an_end_is_read_in_each_of_its_spellings(told: Any, lives: float | None) -> None:
    now = datetime(2026, 11, 18, 8, 0, tzinfo=UTC).timestamp() if isinstance(told, str) and "-" in told else NOW
    held = read_tokens(Said(said({"access_token": "a", "expires_in": told})), RULES, now=now)

    assert (held.expires_at is None) == (lives is None)
    if lives is not None and held.expires_at is not None and held.renew_at is not None:
        assert held.expires_at == now + lives
        assert now < held.renew_at < held.expires_at


def test_a_mapping_may_know_how_long_tokens_live() -> None:
    rules = RULES.model_copy(update={"lifetime": 7200.0})
    assert read_tokens(Said(said({"access_token": "a"})), rules, now=NOW).expires_at == NOW + 7200


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"access_token": ""}', b'{"access_token": 5}'])
def test_an_answer_without_a_token_is_a_fault_and_not_a_token(body: bytes) -> None:
    with pytest.raises(CrmBroken, match="without an access token"):
        read_tokens(Said(Answer(200, {}, body)), RULES, now=NOW)


# -- refusals ----------------------------------------------------------------------------------------------------------


def sorted_as(answer: Answer, grant_type: str = "refresh_token", **token: Any) -> CrmError | None:
    rules = {"access": "access_token", **token}
    return refused(Said(answer), oauth_mapping(token=rules), grant_type, now=AT)


@pytest.mark.parametrize(
    ("answer", "grant", "kind", "words"),
    [
        (said({"error": "invalid_grant"}, 400), "refresh_token", AuthoriseAgain, "does not renew"),
        (said({"hint": "Token has been revoked"}, 401), "refresh_token", AuthoriseAgain, "Token has been revoked"),
        (said({"error": "invalid_grant"}, 400), "authorization_code", AccessRefused, "gives no token: invalid_grant"),
        (said({"error": "invalid_grant"}, 400), "password", AccessRefused, "gives no token"),
        (said({"error": "invalid_client"}, 401), "refresh_token", AccessRefused, "client_id or client_secret"),
        (said({"error": "invalid_request"}, 400), "refresh_token", AccessRefused, "the way in which we ask"),
        (Answer(400, {}, b"<p>no</p>"), "refresh_token", AuthoriseAgain, "does not renew our access any more."),
        (said({}, 429), "refresh_token", Busy, "rate limit"),
        (Answer(503, {}, b"down"), "refresh_token", CrmBroken, "error of its own"),
        (said({}, 404), "refresh_token", AccessRefused, "no such address"),
    ],
)
def test_a_refusal_is_sorted_by_what_helps(answer: Answer, grant: str, kind: type[CrmError], words: str) -> None:
    error = sorted_as(answer, grant)

    assert type(error) is kind
    assert words in str(error)


def test_a_mapping_may_say_which_refusal_ends_a_consent() -> None:
    gone = "hint == 'revoked'"
    assert isinstance(sorted_as(said({"hint": "revoked"}, 403), gone=gone), AuthoriseAgain)
    assert type(sorted_as(said({"hint": "other"}, 400), gone=gone)) is AccessRefused


def test_a_token_answer_needs_not_look_like_a_success_of_the_crm() -> None:
    mapping = oauth_mapping(success="success")
    assert refused(Said(said({"access_token": "a"})), mapping, "refresh_token", now=AT) is None


def test_no_token_stands_in_a_refusal() -> None:
    echoed = said({"error": "invalid_grant", "refresh_token": "s3cret", "message": "token=s3cret-s3cret"}, 400)
    assert "s3cret" not in str(sorted_as(echoed))
