from __future__ import annotations

import pytest
from crm_materials import LEAST, crm
from pydantic import ValidationError

from bridge.mapping.schema.crm import CrmMapping


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


def test_an_unknown_operation_or_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="enrich"):
        crm(triggers={"craete": "x"})
    with pytest.raises(ValidationError, match="did you mean owner"):
        crm(ower={})
