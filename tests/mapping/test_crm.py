from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.crm import CrmMapping, Enrich, FieldMerge, Marker, NoteMax

LEAST: dict[str, Any] = {
    "mapping_language": 1,
    "title": "T",
    "base_url": "{target.url}",
    "auth": {"kind": "none"},
    "find": {"with": "phone", "get": "/c", "query": {"q": "{phone}"}, "records": "list"},
    "client": {"id": "id"},
    "read": {"get": "/c/{client.id}"},
    "create": {"post": "/c", "json": {"name": "{visitor.name}"}, "id": "id"},
    "note": {"post": "/n", "json": {"text": "{note.text}"}, "id": "id"},
}


def crm(**keys: Any) -> CrmMapping:
    return CrmMapping.model_validate({**LEAST, **keys})


def test_the_least_mapping_there_is() -> None:
    mapping = crm()
    assert [step.by for step in mapping.find] == ["phone"]
    assert mapping.note.marker.kind == "none"
    assert mapping.note.markup == "plain"
    assert mapping.consistency_delay == 0
    assert mapping.read.record({"a": 1}) == {"a": 1}


def test_an_entity_stands_in_for_the_common_parts() -> None:
    mapping = crm(
        entities={"lead": {"title": "Lead", "client": {"id": "lead_id"}, "card_url": "{target.url}/lead/{client.id}"}},
        card_url="{target.url}/c/{client.id}",
    )
    lead, client = mapping.for_entity("lead"), mapping.for_entity("client")
    assert lead.client is not None
    assert lead.client.id.source == "lead_id"
    assert lead.card_url is not None
    assert lead.card_url.raw == "{target.url}/lead/{client.id}"
    assert lead.note == client.note == mapping.note
    assert client.client == mapping.client
    assert mapping.for_entity("unknown") == client


def test_an_entity_may_lack_what_the_others_have() -> None:
    deal = {"post": "/d", "json": {"title": "{deal.title}"}, "id": "id"}
    mapping = crm(deal=deal, card_url="{target.url}/{client.id}", entities={"lead": {"without": ["deal", "card_url"]}})
    assert mapping.for_entity("client").deal is not None
    assert mapping.for_entity("lead").deal is None
    assert mapping.for_entity("lead").card_url is None
    assert mapping.for_entity("lead").read == mapping.read


TOLD = {key: value for key, value in LEAST.items() if key not in {"find", "client", "read", "create"}}


def test_what_is_only_told_of_chats_has_nothing_to_search_read_or_make() -> None:
    assert not CrmMapping.model_validate(TOLD).knows_clients
    assert crm().knows_clients


def test_half_of_what_clients_need_is_none_of_it() -> None:
    with pytest.raises(ValidationError, match="read and create is missing: what knows clients has find, client, read and create"):
        CrmMapping.model_validate({**TOLD, "find": LEAST["find"], "client": LEAST["client"]})
    with pytest.raises(ValidationError, match="`card_url` belongs to what knows clients"):
        CrmMapping.model_validate({**TOLD, "card_url": "{target.url}"})


def test_only_entities_that_exist_can_be_found_or_made() -> None:
    with pytest.raises(ValidationError, match="no 'lead' under `entities`; there are: client"):
        crm(find=[{**LEAST["find"], "entity": "lead"}])
    with pytest.raises(ValidationError, match="no 'lead'"):
        crm(create={**LEAST["create"], "entity": "lead"})


@pytest.mark.parametrize("missing", ["read", "find", "client", "create", "note", "auth", "base_url", "title"])
def test_what_every_crm_needs_is_asked_for(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        CrmMapping.model_validate({key: value for key, value in LEAST.items() if key != missing})


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


def test_an_unknown_operation_or_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="enrich"):
        crm(triggers={"craete": "x"})
    with pytest.raises(ValidationError, match="did you mean owner"):
        crm(ower={})


@pytest.mark.parametrize("kind", [{"kind": "header", "name": "X-Key", "valid_for": "1h"}, {"kind": "conflict"}])
def test_a_file_is_not_settled_by_sending_it_again(kind: dict[str, Any]) -> None:
    """Its bytes are not kept."""
    with pytest.raises(ValidationError, match="looked for by a request of its marker"):
        crm(file={"post": "/f", "json": {"c": "{file.base64}"}, "marker": kind})


def test_an_upload_says_how_the_file_is_named_afterwards() -> None:
    with pytest.raises(ValidationError, match="id"):
        crm(file={"post": "/f", "json": {"f": "{file.id}"}, "upload": {"post": "/u", "raw": "<<file.bytes>>"}})
