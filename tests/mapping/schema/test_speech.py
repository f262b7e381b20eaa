from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.schema.speech import Auth, ErrorRule, Limits


@pytest.mark.parametrize(
    "auth",
    [
        {"kind": "none"},
        {"kind": "url"},
        {"kind": "header", "name": "X-Api-Key", "value": "{target.token}"},
        {"kind": "bearer", "value": "{target.token}"},
        {"kind": "basic", "user": "u", "password": "{target.token}"},
        {"kind": "query", "name": "token", "value": "{target.token}"},
        {"kind": "hmac", "name": "X-Hmac", "value": "{signature}", "signed": "{method} {path}"},
    ],
)
def test_every_kind_of_key_can_be_said(auth: Any) -> None:
    assert Auth.model_validate(auth).kind == auth["kind"]


@pytest.mark.parametrize(
    ("auth", "missing"),
    [
        ({"kind": "header"}, "name and value"),
        ({"kind": "basic", "user": "u"}, "password"),
        ({"kind": "hmac", "name": "x", "value": "y"}, "signed"),
        ({"kind": "bearer"}, "value"),
    ],
)
def test_what_a_kind_of_key_needs_is_asked_for(auth: Any, missing: str) -> None:
    with pytest.raises(ValidationError, match=f"also needs {missing}"):
        Auth.model_validate(auth)


@pytest.mark.parametrize(
    ("written", "statuses"),
    [
        ("409", (409,)),
        (409, (409,)),
        (["409", "422"], (409, 422)),
        ("5xx", tuple(range(500, 600))),
    ],
)
def test_statuses_are_read_in_each_of_their_spellings(written: Any, statuses: tuple[int, ...]) -> None:
    assert ErrorRule.model_validate({"status": written, "then": "retry"}).status == statuses


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"then": "retry"}, "fits every answer"),
        ({"status": "4x9", "then": "retry"}, "'4x9' is no HTTP status"),
        ({"status": "409", "then": "permanent", "records": "@"}, "belong to `then: conflict`"),
        ({"status": "429", "then": "retry", "after": "headers.x"}, "belongs to `then: retry_after`"),
        ({"status": "409", "then": "ignore"}, "conflict"),
        ({"status": "409", "then": "conflict", "only": "craete"}, "create"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ErrorRule.model_validate(rule)


def test_limits_may_be_one_bucket_or_several() -> None:
    assert Limits.model_validate({"requests": {"most": 7, "per": "1s"}}).requests[0].per == 1.0
    several = Limits.model_validate(
        {"requests": [{"most": 100, "per": "10s"}, {"most": 4, "per": "1s", "only": "find"}], "concurrent": "5"}
    )
    assert [bucket.only for bucket in several.requests] == [(), ("find",)]
    assert several.concurrent == 5
