from typing import Any

import pytest

from bridge.crm.exchanges.differences import differences, shown, unlike
from bridge.crm.written import multipart
from bridge.mapping.samples import Request
from bridge.mapping.schema.request import FileBytes
from bridge.transport import PreparedRequest

HOME = "https://crm.example.com/api"
SENT = PreparedRequest("GET", "https://crm.example.com/api/v1/clients?email=a@b.example", {"X-Api-Key": "ours"}, None)
TOLD: dict[str, Any] = {"method": "GET", "url": "/api/v1/clients?email=a@b.example", "headers": {"x-api-key": "ours"}}


def problems(sent: PreparedRequest = SENT, **told: object) -> list[str]:
    return list(unlike(Request.model_validate(TOLD | told), sent, HOME))


def test_what_is_as_recorded_has_no_problems() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"method": "POST"}, "the method is GET, the story has POST"),
        ({"url": "/api/v1/clients"}, "the address is /api/v1/clients?email=a@b.example, the story has /api/v1/clients"),
        ({"headers": {}}, "the header X-Api-Key is sent, 'ours', of which the story has nothing"),
        ({"headers": {"X-Api-Key": "other"}}, "the header X-Api-Key is 'ours', the story has 'other'"),
        ({"headers": {"X-Api-Key": "ours", "X-More": "1"}}, "the header X-More is None, the story has '1'"),
        ({"json": {"a": 1}}, 'the body is null, the story has {"a": 1}'),
        ({"text": "x"}, "the body is '', the story has 'x'"),
        ({"form": {"x": "1"}}, "the form is , the story has {'x': '1'}"),
        ({"multipart": {"x": "1"}}, 'the parts are {}, the story has {"x": "1"}'),
    ],
)
def test_every_part_of_a_request_is_compared(told: dict[str, object], problem: str) -> None:
    assert problems(**told) == [problem]


def test_a_file_among_parts_is_told_by_its_name_type_and_text() -> None:
    kind, body = multipart({"note": "7", "file": FileBytes("a.txt", "text/plain", b"hello")})
    sent = PreparedRequest("GET", SENT.url, {**SENT.headers, "Content-Type": kind}, body)
    parts = {"note": "7", "file": {"filename": "a.txt", "type": "text/plain", "text": "hello"}}
    assert problems(sent, multipart=parts) == []
    assert len(problems(sent, multipart=parts | {"note": "8"})) == 1


def test_the_crms_host_is_another_one_in_each_story_and_any_other_is_told() -> None:
    assert shown("https://a.example/x?y=1", "https://a.example/api") == "/x?y=1"
    for elsewhere in ("https://b.example/x?y=1", "http://a.example/x?y=1", "https://a.example:8443/x?y=1"):
        assert shown(elsewhere, "https://a.example/api") == elsewhere
    sent = PreparedRequest("GET", "https://elsewhere.example/oauth", SENT.headers, None)
    assert problems(sent, url="/oauth") == ["the address is https://elsewhere.example/oauth, the story has /oauth"]


def test_the_kind_of_a_body_need_not_be_told() -> None:
    sent = PreparedRequest("GET", SENT.url, {**SENT.headers, "content-type": "application/json"}, None)
    assert problems(sent) == []


@pytest.mark.parametrize(
    ("expected", "given", "said"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),  # what the story does not mention is not compared
        ({"a": 1, "b": 2}, {"a": 1}, ["outcome.b is missing; there are: a"]),
        ({"a": 1}, {}, ["outcome.a is missing; there are: none"]),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, ["outcome.a[1].b is 3, the story has 2"]),
        ({"a": [1]}, {"a": [1, 2]}, ["outcome.a is [1, 2], the story has [1]"]),
        ({"a": "x"}, {"a": None}, ['outcome.a is null, the story has "x"']),
    ],
)
def test_an_outcome_is_compared_with_what_the_story_mentions(expected: Any, given: Any, said: list[str]) -> None:
    assert list(differences(expected, given)) == said
