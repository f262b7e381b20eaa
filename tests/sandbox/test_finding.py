from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.sandbox.entities import CLIENT, DEAL, ENTITIES, NOTE, OWNER
from bridge.sandbox.finding import find, is_known_filter, known_filters
from bridge.sandbox.records import Records
from bridge.sandbox.refusals import BadRequest
from bridge.sandbox.speech import filled_form


@pytest.fixture
def records() -> Iterator[Records]:
    records = Records()
    yield records
    records.close()


def made(records: Records, **fields: Any) -> int:
    return int(records.create(CLIENT, filled_form(CLIENT, fields))["id"])


def found(records: Records, **filters: str) -> list[int]:
    return [row["id"] for row in find(records, CLIENT, {name: [value] for name, value in filters.items()})]


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_every_filter_that_is_named_can_be_used(records: Records, entity: Any) -> None:
    for name in known_filters(entity):
        used = name.replace("<field>", "x")
        assert is_known_filter(entity, used)
        assert find(records, entity, {used: ["1234567"] if used not in {"open", "done"} else ["true"]}) == []


@pytest.mark.parametrize(
    ("entity", "name"), [(NOTE, "phone"), (OWNER, "marker"), (OWNER, "custom.x"), (CLIENT, "id"), (CLIENT, "gone")]
)
def test_other_filters_are_refused_with_the_known_ones(records: Records, entity: Any, name: str) -> None:
    assert not is_known_filter(entity, name)
    with pytest.raises(BadRequest, match="known filters: "):
        find(records, entity, {name: ["1"]})


def test_last_digits_are_compared_from_the_end(records: Records) -> None:
    ends, longer = made(records, phones=["8 916 123-45-67"]), made(records, phones=["+7 999 161 23456"])
    assert found(records, phone_like="9161234567") == [ends]
    assert found(records, phone_like="9916123456") == [longer]
    assert found(records, phone_like="916123456") == [longer]


def test_a_phone_is_no_address_and_an_address_no_phone(records: Records) -> None:
    client = made(records, emails=["79161234567@example.com"], phones=["12345"])
    assert found(records, phone="79161234567") == found(records, email="12345") == []
    assert found(records, phone="12345") == [client]


def test_quotes_and_operators_are_only_words(records: Records) -> None:
    client = made(records, description='say "hello" OR goodbye*')
    assert found(records, q='"hello" NOT OR') == []
    assert found(records, q='OR "hello') == [client]
    assert found(records, q="goodbye*") == [client]
    assert found(records, q="good*") == []


def test_names_of_custom_fields_cannot_reach_beyond_them(records: Records) -> None:
    client = made(records, custom={'a"b': "1", "x.y": "2"})
    assert found(records, **{'custom.a"b': "1"}) == [client]
    assert found(records, **{"custom.x.y": "2"}) == [client]
    assert found(records, **{"custom.x') OR 1 --": "2"}) == []


def test_pages_follow_one_another(records: Records) -> None:
    client = made(records, name="A")
    ids = [records.create(DEAL, filled_form(DEAL, {"client_id": client, "title": str(n)}))["id"] for n in range(5)]
    first = find(records, DEAL, {}, limit=3)
    rest = find(records, DEAL, {}, limit=3, after=first[-1]["id"])
    assert [row["id"] for row in first + rest] == ids[::-1]
