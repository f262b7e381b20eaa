"""What a provider is asked, held against what was recorded. That the shipped mappings ask so is shown by theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import MappingError
from bridge.fetch.recorded import Asked, fetched, read_requests, records
from bridge.mapping.samples import read_samples
from bridge.mapping.schema import ProviderMapping

MAPPING: dict[str, Any] = {
    "mapping_language": "1", "title": "Mine", "verify": {"scheme": "none"}, "at": "event",
    "events": {"end": {"as": "chat_finished", "fetch": "talk"}},
    "api": {"base_url": "https://api.chat.example", "auth": {"kind": "bearer", "value": "{source.token}"}},
    "fetch": {"talk": {"post": "/chats/{id}", "json": {"full": "{id}"}, "records": "data"}},
    "reconcile": {"get": "/chats", "query": {"from": "{since}"}, "records": "data", "event": "end"},
    "fields": {"chat_id": "id"}, "messages": {"each": "fetched.talk", "role": "by", "roles": {"me": "visitor"}, "text": "text"},
}  # fmt: skip
TALK = {
    "method": "POST", "url": "https://api.chat.example/chats/7", "headers": {"authorization": "Bearer the-api-token"},
    "json": {"full": "7"}, "answer": {"data": [{"by": "me", "text": "Hi"}]},
}  # fmt: skip
LIST = {
    "method": "GET", "url": "https://api.chat.example/chats?from=2026-03-02T10:00:00Z",
    "headers": {"authorization": "Bearer the-api-token"},
    "answer": {"data": [{"event": "end", "id": "7"}]},
}  # fmt: skip


def mapping(**changes: Any) -> ProviderMapping:
    return ProviderMapping.model_validate({**MAPPING, **changes})


def sample(folder: Path) -> Any:
    (folder / "end.http").write_bytes(b'POST /hooks/shop HTTP/1.1\r\n\r\n{"event": "end", "id": "7"}')
    [one] = read_samples(folder)
    return one


async def test_what_is_asked_as_recorded_gives_what_was_answered(tmp_path: Path) -> None:
    values, faults = await fetched(sample(tmp_path), mapping(), [Asked.model_validate(TALK)])
    assert (values, faults) == ({"talk": [{"by": "me", "text": "Hi"}]}, [])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fetch": {"talk": {"post": "/chat/{id}", "json": {"full": "{id}"}, "records": "data"}}},
         "asked is POST https://api.chat.example/chat/7"),
        ({"fetch": {"talk": {"post": "/chats/{id}", "json": {"all": "{id}"}, "records": "data"}}}, 'the body is {"all": "7"}'),
        ({"fetch": {"talk": {"post": "/chats/{nothing}", "records": "data"}}}, "the path needs {nothing}"),
        ({"api": {**MAPPING["api"], "auth": {"kind": "bearer", "value": "{source.url}"}}}, "the header authorization is"),
        ({"api": {**MAPPING["api"], "headers": {"X-More": "1"}}}, "the header x-more is sent, '1', recorded is none"),
        ({"events": {"end": {"as": "chat_finished"}}, "messages": {**MAPPING["messages"], "each": "m"}},
         "the rule of this sample fetches nothing"),
    ],
)  # fmt: skip
async def test_what_is_asked_otherwise_is_told(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    _, faults = await fetched(sample(tmp_path), mapping(**changes), [Asked.model_validate(TALK)])
    assert any(says in fault for fault in faults), faults


async def test_one_request_more_or_less_is_told(tmp_path: Path) -> None:
    talk = Asked.model_validate(TALK)
    assert (await fetched(sample(tmp_path), mapping(), [talk, talk]))[1] == ["never asked: POST https://api.chat.example/chats/7"]
    assert "one request too many" in (await fetched(sample(tmp_path), mapping(), []))[1][0]


async def test_a_list_is_asked_for_and_its_records_are_finished_chats() -> None:
    assert await records(None, mapping(), [Asked.model_validate(LIST)]) == ([{"event": "end", "id": "7"}], [])
    choosy = mapping(events={"end": {"as": "chat_finished", "when": "id", "fetch": "talk"}})
    odd = Asked.model_validate({**LIST, "answer": {"data": [{"number": "7"}]}})
    [fault] = (await records(None, choosy, [odd]))[1]
    assert fault.startswith("record 1: no rule for the event")
    empty = Asked.model_validate({**LIST, "answer": {"data": []}})
    assert (await records(None, mapping(), [empty]))[1] == ["the list came out empty"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("[", "it cannot be read as JSON"), ('[{"method": "GET"}]', "0.url"),
     ('[{"method": "GET", "url": "/", "anser": 1}]', "did you mean answer"), (json.dumps({}), "it is a list of requests")],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_is_said_with_its_name(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "end.requests.json"
    path.write_text(text, "utf-8")
    with pytest.raises(MappingError, match=str(path)) as caught:
        read_requests(path)
    assert says in str(caught.value)
