from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.schema.auth import Auth, Token
from bridge.mapping.schema.crm import CrmMapping

ENDPOINT = {"url": "{target.url}/token"}
CONSENT = {"url": "{target.url}/consent"}
OAUTH = {"kind": "oauth2", "grant": "authorization_code", "consent": CONSENT, "endpoint": ENDPOINT}


def test_an_access_token_is_carried_as_everybody_does_unless_the_mapping_says_otherwise() -> None:
    assert [Auth.model_validate({**OAUTH, **more}).carried for more in (
        {}, {"name": "X-Token", "value": "Token {token.access}"}, {"carry": "json", "name": "auth"},
    )] == [
        ("Authorization", Auth.model_validate(OAUTH).carried[1]),
        ("X-Token", Auth.model_validate({**OAUTH, "value": "Token {token.access}"}).carried[1]),
        ("auth", Auth.model_validate({**OAUTH, "carry": "query", "name": "q"}).carried[1]),
    ]  # fmt: skip
    assert Auth.model_validate(OAUTH).carried[1].raw == "Bearer {token.access}"
    assert Auth.model_validate({**OAUTH, "carry": "json", "name": "auth"}).carried[1].raw == "{token.access}"


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ({"kind": "oauth2"}, "also needs grant and endpoint"),
        ({**OAUTH, "consent": None}, "also needs consent"),
        ({**OAUTH, "carry": "query"}, "also needs name"),
        ({"kind": "oauth2", "grant": "password", "endpoint": ENDPOINT, "consent": CONSENT}, "belongs to the grant"),
        ({"kind": "bearer", "value": "x", "grant": "password"}, "`grant` belongs to the kind oauth2"),
        ({"kind": "bearer", "value": "x", "key": "y"}, "`key` belongs to the kind hmac"),
        ({"kind": "oauth2", "grant": "implicit", "endpoint": ENDPOINT}, "authorization_code"),
    ],
)
def test_what_does_not_go_together_is_refused(auth: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Auth.model_validate(auth)


def test_what_has_a_place_of_its_own_is_not_kept_under_another() -> None:
    with pytest.raises(ValidationError, match="has a place of its own"):
        Token.model_validate({"access": "access_token", "keep": {"refresh": "refresh_token"}})


def test_tokens_that_run_out_and_how_their_answer_reads_belong_together() -> None:
    plain: dict[str, Any] = {
        "mapping_language": 1, "title": "T", "base_url": "{target.url}", "auth": OAUTH, "client": {"id": "id"},
        "find": {"with": "phone", "get": "/c", "query": {"q": "{phone}"}, "records": "@"},
        "read": {"get": "/c/{client.id}"}, "create": {"post": "/c", "id": "id"}, "note": {"post": "/n", "id": "id"},
    }  # fmt: skip
    with pytest.raises(ValidationError, match="belong together"):
        CrmMapping.model_validate(plain)
    with pytest.raises(ValidationError, match="belong together"):
        CrmMapping.model_validate({**plain, "auth": {"kind": "none"}, "token": {"access": "a"}})
    assert CrmMapping.model_validate({**plain, "token": {"access": "a"}}).token is not None
