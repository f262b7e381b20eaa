from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.language.templates import RawTemplate
from bridge.mapping.schema.request import MaybeRequest, PagedRequest, Request


def test_a_request_has_its_method_and_path() -> None:
    request = Request.model_validate({"post": "/Contact/{id}", "json": {"a": "{b}", "c": "{d}"}, "keep": "c", "id": "data.id"})
    assert request.method == "POST"
    assert request.path is not None
    assert request.path.fill({"id": 5}) == "/Contact/5"
    assert request.json_ is not None
    assert request.json_.fill({"b": 1}) == {"a": 1, "c": None}
    assert isinstance(Request.model_validate({"post": "/q", "raw": "FIND {<<x>>}"}).raw, RawTemplate)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "exactly one of get, post, put, patch, delete; here: none"),
        ({"get": "/a", "post": "/b"}, "here: get, post"),
        ({"post": "/a", "json": {"a": "b"}, "form": {"a": "b"}}, "one body: json, form, multipart or raw; here: json, form"),
        ({"post": "/a", "multipart": {"a": "b"}, "raw": "c"}, "here: multipart, raw"),
        ({"post": "/a", "multipart": "b"}, "is an object: the parts by their names"),
        ({"get": "/a/{b"}, "is not closed"),
        ({"get": "clients/{id}"}, "a path begins with /: write /clients/{id}"),
        ({"get": "{host}"}, "a path begins with /"),
        ({"post": " @{host}"}, "a path begins with /: write /@{host}"),
        ({"get": "https://evil.example/{id}"}, "a path begins with /"),
        ({"post": "/a", "json": {"a": "{b}"}, "keep": ["z"]}, "no such member"),
        ({"get": "/a", "qeury": {}}, "did you mean query"),
        ({"get": {"client.id": None}}, "must be quoted"),
    ],
)
def test_what_is_no_request_says_why(data: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Request.model_validate(data)


def test_some_parts_can_do_without() -> None:
    assert MaybeRequest.model_validate({}).method == ""
    assert MaybeRequest.model_validate({}).path is None
    with pytest.raises(ValidationError, match="something to send, but no get"):
        MaybeRequest.model_validate({"query": {"a": "b"}})


@pytest.mark.parametrize("into", ["query.after", "json.paging.after", "form.start", "url"])
def test_pages_say_where_the_next_one_goes(into: str) -> None:
    request = PagedRequest.model_validate({"get": "/a", "pages": {"next": "paging.next", "into": into, "most": "5"}})
    assert request.pages is not None
    assert (request.pages.into, request.pages.most) == (into, 5)


@pytest.mark.parametrize("into", ["after", "header.x", "query."])
def test_pages_go_nowhere_else(into: str) -> None:
    with pytest.raises(ValidationError, match=r"is no place in a request; write query\.NAME"):
        PagedRequest.model_validate({"get": "/a", "pages": {"next": "n", "into": into}})
