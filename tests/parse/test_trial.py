"""The runner of samples: circumstances, handshakes, fetched parts, and a sample that nobody has described yet."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from bridge.mapping.samples import read_samples
from bridge.mapping.schema import ProviderMapping
from bridge.parse.trial import STALE, accept, differences, run_sample

MAPPING: dict[str, Any] = {
    "mapping_language": 1, "title": "T", "at": "event", "fields": {"chat_id": "id"},
    "verify": {"scheme": "equality", "in": "query", "name": "key"},
    "events": {
        "end": {"as": "chat_finished"},
        "more": {"as": "chat_finished", "fetch": "chat",
                 "fields": {"chat_id": "fetched.chat.id", "custom.region": "source.region"}},
    },
    "fetch": {"chat": {"get": "/chats/{id}"}},
    "handshakes": {"method": "GET", "secret": "query.token", "answer": {"text": "{query.challenge}", "headers": {"X-Try": "1"}}},
}


def run(tmp_path: Path, request: str, **expected: Any) -> dict[str, Any]:
    (tmp_path / "end.http").write_text(request, "utf-8")
    (tmp_path / "end.expected.json").write_text(
        json.dumps({"origin": "inferred", "source": "made up", "outcome": "events", "keys": ["s3cret"], **expected}), "utf-8")
    (sample,) = read_samples(tmp_path)
    return run_sample(sample, ProviderMapping.model_validate(MAPPING))


def test_the_secret_of_the_query_and_the_source_of_the_path_are_taken_from_the_request_line(tmp_path: Path) -> None:
    actual = run(tmp_path, 'POST /hooks/shop?key=s3cret HTTP/1.1\n\n{"event":"end","id":7}')
    assert (actual["authentic"], actual["events"][0]["chat"]) == (True, {"chat_id": "7"})
    assert run(tmp_path, 'POST /hooks/shop?key=wrong HTTP/1.1\n\n{"event":"end"}')["outcome"] == "refused"


def test_a_handshake_is_answered_and_needs_the_secret(tmp_path: Path) -> None:
    actual = run(tmp_path, "GET /hooks/shop?token=s3cret&challenge=17 HTTP/1.1\n\n")
    assert (actual["outcome"], actual["answer"]) == ("handshake", {"status": 200, "body": "17", "headers": {"X-Try": "1"}})
    assert run(tmp_path, "GET /hooks/shop?token=guess&challenge=17 HTTP/1.1\n\n")["outcome"] == "refused"


def test_what_a_rule_fetches_stands_in_the_expected_file(tmp_path: Path) -> None:
    request = 'POST /hooks/shop?key=s3cret HTTP/1.1\n\n{"event":"more","id":7}'
    assert run(tmp_path, request)["reason"] == "it needs what its rule fetches; put it under `fetched`: chat"
    actual = run(tmp_path, request, fetched={"chat": {"id": 8}}, settings={"region": "RU"})
    assert actual["events"][0]["chat"] == {"chat_id": "8", "custom": {"region": "RU"}}


def test_a_sample_that_nobody_has_described_is_all_difference_until_it_is_accepted(tmp_path: Path) -> None:
    mapping = ProviderMapping.model_validate(MAPPING | {"verify": {"scheme": "none"}})
    (tmp_path / "end.http").write_text('POST /hooks/shop HTTP/1.1\n\n{"event":"end","id":7}', "utf-8")
    (sample,) = read_samples(tmp_path)
    assert {difference.path for difference in differences(sample, mapping)} >= {"outcome", "events", "dedupe_key"}
    assert accept(sample, mapping)
    (sample,) = read_samples(tmp_path)
    assert differences(sample, mapping) == []
    assert sample.expected is not None
    assert (sample.expected.origin, sample.expected.source) == ("inferred", "not said; write here where it is from")


def test_a_stale_signature_is_told(tmp_path: Path) -> None:
    signed = {"scheme": "hmac", "name": "X-Sig", "signed": "{timestamp}.{body}", "timestamp": {"header": "X-Time"}}
    body = '{"event":"end","id":7}'
    signature = hmac.new(b"s3cret", f"1772446553.{body}".encode(), hashlib.sha256).hexdigest()
    (tmp_path / "end.http").write_text(
        f"POST /hooks/shop HTTP/1.1\nX-Sig: {signature}\nX-Time: 1772446553\n\n{body}", "utf-8")
    (tmp_path / "end.expected.json").write_text(json.dumps(
        {"origin": "inferred", "source": "made up", "outcome": "events", "keys": ["s3cret"], "now": "2026-03-03T00:00:00Z"}))
    (sample,) = read_samples(tmp_path)
    assert run_sample(sample, ProviderMapping.model_validate(MAPPING | {"verify": signed}))["findings"] == [STALE]
