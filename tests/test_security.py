"""What docs/security.md says, where no test of a part shows it; and that the tests it names are there."""

from __future__ import annotations

import ast
import hmac
import re
import ssl
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import RawTestServer, TestClient
from fakes import FakeClock
from running import finished
from way import on_the_way

from bridge import transport
from bridge.config import load
from bridge.connections.sources import load_sources
from bridge.errors import ConfigError, NotAuthentic
from bridge.mapping.language.expressions import Expression
from bridge.mapping.load import load_provider
from bridge.mapping.schema.deliveries import Handshake
from bridge.model import Delivery, JobState
from bridge.parse import SourceView, glance
from bridge.receive import Receiver
from bridge.store import open_store
from bridge.verify import Incoming, verify

ROOT = Path(__file__).resolve().parent.parent
OLD, NEW = "old-secret-old-secret", "new-secret-new-secret"


def test_every_test_that_the_threat_model_names_exists() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)+)`", page)
    missing = [path + names for path, names in named if not _is_there(ROOT / path, names.removeprefix("::").split("::"))]
    assert len(named) > 40
    assert missing == []


def test_every_threat_has_something_that_stops_it_and_a_test_that_shows_it() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    assert [row[0] for row in rows if len(row) != 3 or not row[1] or (row[0] != "threat" and "tests/" not in row[2])] == []


def _is_there(path: Path, names: list[str]) -> bool:
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
    for name in names:
        found = next((node for node in body if getattr(node, "name", None) == name), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


# -- at the door -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "place"), [("equality", "header"), ("equality", "path"), ("hmac", "header")])
def test_no_secret_is_compared_with_equals(monkeypatch: pytest.MonkeyPatch, scheme: str, place: str) -> None:
    """The verdict rests on compare_digest alone: with one that says no, nothing holds."""
    body = b"{}"
    rule = SimpleNamespace(scheme=scheme, place=place, name="X-Key", prefix="", part=None, algorithm="sha256", encoding="hex",
                           signed=(), id=None, timestamp=None, key="text")  # fmt: skip
    given = hmac.digest(NEW.encode(), body, "sha256").hex() if scheme == "hmac" else NEW
    incoming = Incoming(headers={"X-Key": given}, body=body, path_secret=given)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert verify([rule], incoming, [NEW], now=now).scheme == scheme

    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    with pytest.raises(NotAuthentic):
        verify([rule], incoming, [NEW], now=now)


def test_no_handshake_compares_a_secret_with_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Handshake(secret=Expression("body.secret"))
    mapping = load_provider("vk").model_copy(update={"handshakes": (rule,)})
    delivery = Delivery(source="shop", dedupe_key="", received_at=datetime(2026, 11, 21, tzinfo=UTC))
    payload = {"body": {"secret": NEW}, "secret": NEW, "type": "x"}

    def proved() -> bool:
        return glance(payload, delivery, mapping, SourceView("shop"), keys=[NEW]).proved

    assert proved()
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    assert not proved()


@dataclass
class Nobody:
    outcomes: list[str] = field(default_factory=list)

    def received(self, source: str, outcome: str) -> None:
        self.outcomes.append(outcome)

    def alert(self, cause: str, text: str) -> None: ...


async def statuses(
    folder: Path, clock: FakeClock, paths: list[str], *, headers: dict[str, str] | None = None, **more: Any
) -> list[int]:
    import json

    receive, source = more.pop("receive", {}), more.pop("source", {})
    (folder / "config.yaml").write_text(json.dumps({
        "store": f"sqlite:///{folder}/chat2crm.db", "key": "${KEY}", "receive": receive,
        "sources": {"shop": {"provider": "jivo", "secret": "${OLD}", "target": "sales", **source}},
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9"}},
    }), encoding="utf-8")  # fmt: skip
    settings = load(folder / "config.yaml", {"KEY": "k" * 40, "OLD": OLD, "NEW": NEW})
    store = open_store(settings.store, clock=clock)
    await store.open()
    receiver = Receiver(settings.receive, load_sources(settings), store, clock, None, Nobody())  # type: ignore[arg-type]
    got = []
    async with TestClient(RawTestServer(receiver.handler())) as client:
        for number, path in enumerate(paths):
            async with client.post(path, json=finished(number + 1), headers=headers or {}) as answer:
                got.append(answer.status)
    await store.close()
    return got


async def test_a_secret_is_changed_without_a_gap(tmp_path: Path, clock: FakeClock) -> None:
    paths = [f"/hooks/shop/{OLD}", f"/hooks/shop/{NEW}", "/hooks/shop/neither-neither"]
    assert await statuses(tmp_path, clock, paths) == [200, 404, 404]
    assert await statuses(tmp_path, clock, paths, source={"secret": ["${OLD}", "${NEW}"]}) == [200, 200, 404]
    assert await statuses(tmp_path, clock, paths, source={"secret": "${NEW}"}) == [404, 200, 404]


@pytest.mark.parametrize(("receive", "source", "forwarded", "status"), [
    ({}, {}, None, 200),
    ({"networks": ["127.0.0.0/8"]}, {}, None, 200),
    ({"networks": ["203.0.113.0/24"]}, {}, None, 404),
    ({"networks": ["203.0.113.0/24"]}, {"networks": ["127.0.0.1"]}, None, 200),  # a source's own count in their place
    ({"networks": ["203.0.113.0/24"]}, {}, "203.0.113.9", 404),  # whoever is no proxy of ours may say what he likes
    ({"networks": ["203.0.113.0/24"], "trusted_proxies": ["127.0.0.1"]}, {}, "203.0.113.9", 200),
    ({"networks": ["203.0.113.0/24"], "trusted_proxies": ["127.0.0.1"]}, {}, "203.0.113.9, 198.51.100.7", 404),
])  # fmt: skip
async def test_deliveries_are_taken_from_the_networks_named_and_no_other(
    tmp_path: Path, clock: FakeClock, receive: dict[str, Any], source: dict[str, Any], forwarded: str | None, status: int
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert await statuses(tmp_path, clock, [f"/hooks/shop/{OLD}"], headers=headers, receive=receive, source=source) == [status]


# -- on cards ----------------------------------------------------------------------------------------------------------


async def test_a_strangers_typed_number_does_not_change_the_strangers_card(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.ask("POST", "/clients", {"name": "Мария Настоящая", "phones": ["+79161234567"], "emails": []})
        event = finished(1, text="мой номер 8 916 123-45-67, почта thief@evil.example", name="Чужой")
        for place, message in enumerate(event["chat"]["messages"]):
            message["timestamp"] = int(clock.time()) - 300 + place
        await way.post(event)
        await way.work()

        card = await way.ask("GET", "/clients/1")
        assert (card["name"], card["phones"], card["emails"]) == ("Мария Настоящая", ["+79161234567"], [])
        assert await way.states() == [(JobState.DONE, "found")]
        assert len(way.rows("notes")) == 1


async def test_of_a_list_of_numbers_only_a_few_are_searched(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        numbers = [f"+7916{number:07d}" for number in range(1, 21)]
        event = finished(1, text="мои номера: " + ", ".join(numbers))
        for place, message in enumerate(event["chat"]["messages"]):
            message["timestamp"] = int(clock.time()) - 300 + place
        await way.post(event)
        await way.work()

        [row] = await way.store.reading().jobs()
        job = await way.store.reading().job(row["id"])
        assert job is not None
        searches = [
            step for attempt in job["tried"] for step in attempt["steps"] if step.get("method") and "find" in step["what"]
        ]
        assert 0 < len(searches) <= 6
        [client] = way.rows("clients")
        card = await way.ask("GET", f"/clients/{client['id']}")
        assert len(card["phones"]) <= 3


# -- on the way out, and on this machine -------------------------------------------------------------------------------


def test_tls_is_always_verified() -> None:
    context = transport.trust()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    for path in (ROOT / "bridge").rglob("*.py"):
        assert not re.search(
            r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|ssl\s*=\s*False", path.read_text(encoding="utf-8")
        ), path


def test_a_secret_in_clear_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("key: '" + "k" * 40 + "'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"does not stand in this file in clear.*\$\{NAME\}"):
        load(tmp_path / "config.yaml", {})


def modes_of(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("chat2crm.db*") if path.suffix != ".lock"}


async def test_the_store_is_readable_by_its_owner_alone(tmp_path: Path, clock: FakeClock) -> None:
    store = open_store(f"sqlite:///{tmp_path}/chat2crm.db", clock=clock)
    await store.open()
    await store.raise_alert("x", "y")  # so that there is a log
    modes = modes_of(tmp_path)
    await store.close()
    assert set(modes.values()) == {0o600}, modes
    assert len(modes) >= 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "ops.example.com"])
def test_the_ops_page_refuses_to_stand_open(tmp_path: Path, host: str) -> None:
    (tmp_path / "config.yaml").write_text(f"key: ${{KEY}}\nops: {{host: '{host}'}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"would stand open.*OPS_PASSWORD"):
        load(tmp_path / "config.yaml", {"KEY": "k" * 40})


@pytest.mark.parametrize(("ops", "remedy"), [
    ("{password: '${A}', password_hash: '${B}'}", "not both"), ("{password_hash: '${A}'}", "chat2crm password"),
    ("{user_header: X-User}", "trusted_proxies"), ("{user_header: 'X User'}", "user_header"),
])  # fmt: skip
def test_access_that_protects_nothing_is_refused_with_the_remedy(tmp_path: Path, ops: str, remedy: str) -> None:
    (tmp_path / "config.yaml").write_text(f"key: ${{KEY}}\nops: {ops}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=remedy):
        load(tmp_path / "config.yaml", {"KEY": "k" * 40, "A": "plain-password", "B": "other-password"})
