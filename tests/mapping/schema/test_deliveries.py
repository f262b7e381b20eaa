from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.schema.deliveries import Answer, Body, Handshake, SignedAt, Verify


def test_every_scheme_of_the_table_can_be_said() -> None:
    rules: list[dict[str, Any]] = [
        {"scheme": "equality", "in": "body", "name": "secret_key"},
        {"scheme": "hmac", "algorithm": "sha1", "name": "X-Hub-Signature", "prefix": "sha1="},
        {"scheme": "hmac", "name": "X-S", "prefix": "sha256=", "signed": "{timestamp}.{body}", "timestamp": {"header": "X-T"}},
        {
            "scheme": "hmac",
            "name": "X-S",
            "signed": ["[{timestamp};{body}]", "[{timestamp};{compact_body}]"],
            "timestamp": {"header": "T"},
        },
        {"scheme": "equality", "in": "query", "name": "key"},
        {
            "scheme": "hmac",
            "name": "S",
            "encoding": "base64",
            "signed": "{timestamp}{body}",
            "timestamp": {"header": "T", "format": "iso"},
        },
        {
            "scheme": "hmac",
            "name": "s",
            "part": "s",
            "signed": "{body}_{timestamp}",
            "timestamp": {"part": "t", "tolerance": "5 min"},
        },
        {"scheme": "rsa", "name": "X-S", "encoding": "base64"},
        {
            "scheme": "hmac",
            "name": "S",
            "encoding": "base64",
            "signed": "{method}{decoded_url}{body}{timestamp}",
            "timestamp": {"header": "T", "format": "unix_ms"},
        },
        {"scheme": "standard_webhooks"},
        {"scheme": "ed25519", "name": "S", "key": "base64", "signed": "{id}.{body}", "id": "X-Id"},
        {"scheme": "equality", "in": "path"},
        {"scheme": "none"},
    ]
    assert [Verify.model_validate(rule).scheme for rule in rules] == [rule["scheme"] for rule in rules]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"scheme": "hmac"}, "`name:` is missing: the header"),
        ({"scheme": "equality", "in": "body"}, "the path in the payload"),
        ({"scheme": "hmac", "name": "S", "signed": "{timestamp}.{body}"}, "`timestamp:` does not say where"),
        ({"scheme": "hmac", "name": "S", "signed": "{id}.{body}"}, "`id:` does not say"),
        ({"scheme": "hmac", "name": "S", "signed": "{bdoy}"}, r"no \{bdoy\} to sign \(did you mean body\?\)"),
        ({"scheme": "hmca", "name": "S"}, "hmac"),
    ],
)
def test_a_proof_that_could_never_hold_is_refused(rule: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Verify.model_validate(rule)


@pytest.mark.parametrize("where", [{}, {"header": "T", "part": "t"}])
def test_the_time_of_signing_stands_in_one_place(where: Any) -> None:
    with pytest.raises(ValidationError, match="one of them"):
        SignedAt.model_validate(where)


def test_json_fields_belong_to_one_kind_of_body() -> None:
    assert Body.model_validate({"kind": "form_json", "payload": "data"}).payload == "data"
    with pytest.raises(ValidationError, match="form_json only"):
        Body.model_validate({"kind": "form", "fields": "user"})


def test_an_answer_has_one_body_and_may_keep_what_is_empty() -> None:
    answer = Answer.model_validate({"json": {"a": "{x}"}, "keep": "a", "within": "1.5s"})
    assert answer.json_ is not None
    assert answer.json_.fill({}) == {"a": None}
    assert Answer().status == 200
    for wrong in ({"json": {}, "text": "x"}, {"status": 302}, {"within": "1h"}):
        with pytest.raises(ValidationError):
            Answer.model_validate({**wrong, "json": {"a": "b"}} if "text" in wrong else wrong)


def test_a_handshake_answers_by_default_with_nothing() -> None:
    handshake = Handshake.model_validate({"method": "GET", "when": "get(query, 'hub.mode') == 'subscribe'"})
    assert handshake.answer == Answer()
