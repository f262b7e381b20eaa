from __future__ import annotations

from typing import Any

import pytest
from crm_materials import crm
from pydantic import ValidationError

from bridge.mapping.schema.writing import Enrich, FieldMerge, Marker, NoteMax


@pytest.mark.parametrize(
    ("marker", "missing"),
    [
        ({"kind": "field"}, "a request, records, text, id"),
        ({"kind": "external_id", "get": "/x/{marker}"}, "id"),
        ({"kind": "scan", "get": "/x", "records": "l", "text": "t", "id": "id"}, "at"),
        ({"kind": "header", "name": "Idempotency-Key"}, "valid_for"),
    ],
)
def test_a_marker_that_could_not_be_looked_for_is_refused(marker: Any, missing: str) -> None:
    with pytest.raises(ValidationError, match=f"also needs {missing}"):
        Marker.model_validate(marker)


def test_markers_of_every_kind_can_be_said() -> None:
    search = {"get": "/notes", "query": {"q": "{marker}"}, "records": "list", "text": "body", "id": "id", "of": "client_id"}
    for marker in (
        {"kind": "none"},
        {"kind": "conflict", "match": r"Existing ID: (?P<id>\d+)"},
        {"kind": "field", **search},
        {"kind": "text", **search},
        {"kind": "scan", **search, "at": "created", "pages": {"next": "next", "into": "url"}},
        {"kind": "header", "name": "Idempotency-Key", "valid_for": "24h"},
        {"kind": "external_id", "get": "/n/{marker}", "id": "id"},
    ):
        assert Marker.model_validate(marker).kind == marker["kind"]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"how": "add"}, "say what stands there now"),
        ({"how": "add", "send": "all", "columns": ["a"]}, "`send: all` needs `read:`"),
        ({"how": "replace", "read": "x"}, "blank"),
    ],
)
def test_a_merge_that_would_lose_what_stands_there_is_refused(field: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        FieldMerge.model_validate(field)


def test_a_merge_by_columns_and_one_that_is_off() -> None:
    assert FieldMerge.model_validate({"how": "add", "columns": ["Phone", "MobilePhone"]}).columns == ("Phone", "MobilePhone")
    assert FieldMerge.model_validate({"how": "never"}).how == "never"


def test_other_fields_need_their_new_value() -> None:
    with pytest.raises(ValidationError, match="`value:` is missing"):
        Enrich.model_validate({"patch": "/c/{client.id}", "fields": {"city": {"read": "city"}}})


@pytest.mark.parametrize("wrong", [{}, {"characters": 1000, "bytes": 1000}, {"characters": 10}])
def test_a_maximum_has_one_unit_and_room_for_a_sentence(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        NoteMax.model_validate(wrong)
    assert NoteMax.model_validate({"bytes": "65535"}).bytes_ == 65535


@pytest.mark.parametrize("kind", [{"kind": "header", "name": "X-Key", "valid_for": "1h"}, {"kind": "conflict"}])
def test_a_file_is_not_settled_by_sending_it_again(kind: dict[str, Any]) -> None:
    """Its bytes are not kept."""
    with pytest.raises(ValidationError, match="looked for by a request of its marker"):
        crm(file={"post": "/f", "json": {"c": "{file.base64}"}, "marker": kind})


def test_an_upload_says_how_the_file_is_named_afterwards() -> None:
    with pytest.raises(ValidationError, match="id"):
        crm(file={"post": "/f", "json": {"f": "{file.id}"}, "upload": {"post": "/u", "raw": "<<file.bytes>>"}})
