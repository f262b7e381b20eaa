from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from place import SECRET, Place
from standing import standing_listener

from bridge.cli.samples.recorded import read_request
from bridge.cli.samples.signing import CannotBeMade, Outgoing, proved
from bridge.config import Settings
from bridge.config.values import Revealed
from bridge.connections.sources import Source
from bridge.errors import NotAuthentic
from bridge.mapping.schema import ProviderMapping
from bridge.verify import Incoming, verify

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BASE = "https://bridge.shop.tld/hooks/s"


def test_a_sample_is_posted_with_the_secret_in_its_place(place: Place) -> None:
    with standing_listener() as listener:
        done = place.run("send", "shop", "chat_finished", "--url", listener.url)
    assert done.exit_code == 0, done.output
    [(method, path, headers, body)] = listener.requests
    assert (method, path) == ("POST", f"/hooks/shop/{SECRET}")
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["event_name"] == "chat_finished"
    assert "200 OK" in done.stdout
    assert '{"result": "ok"}' in done.stdout


def test_a_signed_sample_is_signed_anew(place: Place) -> None:
    with standing_listener() as listener:
        assert place.run("send", "own", "chat_finished", "--url", listener.url).exit_code == 0
    [(_, path, headers, _)] = listener.requests
    assert path == "/hooks/own"
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60


def test_any_file_is_posted_as_the_body(place: Place) -> None:
    (place.folder / "mine.json").write_bytes(b'{"x": 1}')
    with standing_listener() as listener:
        assert place.run("send", "shop", str(place.folder / "mine.json"), "--url", listener.url).exit_code == 0
    assert listener.requests[0][3] == b'{"x": 1}'


def test_a_refusal_and_silence_fail_with_the_remedy(place: Place) -> None:
    with standing_listener() as listener:
        listener.status = 404
        done = place.run("send", "shop", "chat_finished", "--url", listener.url)
    assert (done.exit_code, "404" in done.stdout) == (1, True)
    assert "delivery.refused" in done.stderr
    done = place.run("send", "shop", "chat_finished", "--url", listener.url)
    assert done.exit_code == 1
    assert "chat2crm serve" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["shp", "chat_finished"], "did you mean shop?"),
        (["shop", "chat_finshed"], "did you mean chat_finished?"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(place: Place, arguments: list[str], remedy: str) -> None:
    done = place.run("send", *arguments)
    assert done.exit_code == 2
    assert remedy in done.stderr


def test_a_port_that_the_service_chose_itself_has_to_be_said(place: Place) -> None:
    place.config["receive"] = {"port": "0"}
    assert "--url" in place.run("send", "shop", "chat_finished").stderr


def test_a_broken_sample_is_told_with_its_place(place: Place) -> None:
    path = place.folder / "x.http"
    path.write_text("POST /x HTTP/1.1", encoding="utf-8")
    done = place.run("send", "shop", str(path))
    assert done.exit_code == 2
    assert "no blank line" in done.stderr


def test_the_marks_of_a_journey_are_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.http"
    path.write_text("POST /hooks/x?a=1 HTTP/1.1\nHost: h\nContent-Length: 2\nX-Kind: y\n\n{}", encoding="utf-8")
    assert read_request(path) == Outgoing("POST", {"x-kind": "y"}, b"{}", "a=1")


# -- every scheme's proof is taken by the rule it was made for ---------------------------------------------------------

STAMP = {"header": "X-Time", "tolerance": "5 min"}
RULES: list[dict[str, Any]] = [
    {"scheme": "none"},
    {"scheme": "equality", "in": "path"},
    {"scheme": "equality", "in": "header", "name": "X-Key", "prefix": "Key "},
    {"scheme": "equality", "in": "query", "name": "k"},
    {"scheme": "equality", "in": "body", "name": "auth.key"},
    {"scheme": "hmac", "in": "header", "name": "X-Sig", "prefix": "sha256="},
    {"scheme": "hmac", "in": "header", "name": "X-Sig", "algorithm": "sha1", "encoding": "base64"},
    {"scheme": "hmac", "in": "header", "name": "X-Sig", "signed": "{method}.{url}.{timestamp}.{body}", "timestamp": STAMP},
    {"scheme": "hmac", "in": "header", "name": "X-Sig", "signed": "{id}.{timestamp}.{compact_body}", "id": "X-Id",
     "timestamp": {**STAMP, "format": "unix_ms"}},
    {"scheme": "hmac", "in": "header", "name": "X-Sig", "signed": "{timestamp}.{body}", "part": "v1",
     "timestamp": {"part": "t", "tolerance": "5 min"}},
    {"scheme": "hmac", "in": "header", "name": "X-Sig", "signed": "{timestamp}{body}", "timestamp": {**STAMP, "format": "iso"}},
    {"scheme": "hmac", "in": "query", "name": "sig", "key": "base64"},
    {"scheme": "standard_webhooks"},
]  # fmt: skip


def made(rule: dict[str, Any], secret: str) -> Source:
    mapping = ProviderMapping.model_validate({
        "mapping_language": 1, "title": "Mine", "verify": rule, "at": "e", "events": {"x": {"as": "chat_finished"}},
    })  # fmt: skip
    settings = Settings.model_validate({
        "key": Revealed("k" * 40), "targets": {"t": {"crm": "sandbox"}},
        "sources": {"s": {"provider": "mine", "secret": [Revealed(secret)], "target": "t"}},
    })  # fmt: skip
    return Source.of(settings.sources["s"], mapping, settings)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(str(value) for value in rule.values()))
def test_a_proof_is_taken_and_a_changed_body_is_not(rule: dict[str, Any]) -> None:
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=" if rule["scheme"] == "standard_webhooks" else SECRET
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=" if rule.get("key") == "base64" else secret
    source = made(rule, secret)
    request = proved(Outgoing(body=b'{"e": "x"}'), source, base_url=BASE, now=NOW)

    def holds(body: bytes) -> bool:
        tail = f"/{request.path_secret}" if request.path_secret else ""
        tail += f"?{request.query}" if request.query else ""
        asked = Incoming(request.headers, body, request.query, request.path_secret, "POST", BASE + tail)
        try:
            verify(source.mapping.verify, asked, source.keys, now=NOW, payload=json.loads(body))
        except NotAuthentic:
            return False
        return True

    assert holds(request.body)
    if rule["scheme"] in ("hmac", "standard_webhooks"):
        assert not holds(b'{"e": "y"}')
    assert urlsplit(BASE).path.endswith("/s")


@pytest.mark.parametrize(
    ("rule", "secret", "why"),
    [
        ({"scheme": "ed25519", "in": "header", "name": "X"}, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "Only the provider"),
        ({"scheme": "equality", "in": "path"}, "short", "fits no way"),
    ],
)
def test_what_cannot_be_proved_says_why(rule: dict[str, Any], secret: str, why: str) -> None:
    with pytest.raises(CannotBeMade, match=why):
        proved(Outgoing(body=b"{}"), made(rule, secret), base_url=BASE, now=NOW)
