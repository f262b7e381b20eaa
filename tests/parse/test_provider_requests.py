"""What each mapping asks of its provider, request by request as it goes out, and what becomes of recorded answers.

EVENT.VARIANT.requests.json beside a sample holds them in their order, reconcile.requests.json those of the list.
"""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
from fakes import FakeClock
from pydantic import SecretStr

from bridge.fetch import Connection
from bridge.mapping.lint import Watch
from bridge.mapping.load import load, load_provider
from bridge.mapping.samples import Sample, read_samples
from bridge.mapping.schema import ProviderMapping
from bridge.model import Delivery
from bridge.parse import SourceView, decode, listed, understand
from bridge.transport import Answer, PreparedRequest

FOLDER = Path(__file__).parents[2] / "mappings" / "providers"
MAPPINGS = {path.stem: load_provider(path) for path in sorted(FOLDER.glob("*.yaml"))}
RECORDED = {name: sorted((FOLDER / name).glob("*.requests.json")) for name in MAPPINGS}
LISTED = "reconcile.requests.json"
STEPS = [(name, path) for name, paths in RECORDED.items() for path in paths if path.name != LISTED]
LISTS = [(name, path) for name, paths in RECORDED.items() for path in paths if path.name == LISTED]
URL, TOKEN = "https://chat.example.com", "the-api-token"
UNTIL = datetime(2026, 3, 3, 10, tzinfo=UTC)


class Hurried(FakeClock):
    """What waits before it asks again has waited already."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@dataclass
class Recorded:
    """Answers what was recorded, if it is asked what was recorded."""

    steps: list[dict[str, Any]]
    faults: list[str] = field(default_factory=list)

    async def send(self, request: PreparedRequest) -> Answer:
        step = self.steps.pop(0) if self.steps else {}
        body = (request.body or b"").decode()
        asked: dict[str, Any] = {"method": request.method, "url": request.url}
        names = {name.lower(): name for name in step.get("headers", {})}
        asked["headers"] = {names[name.lower()]: value for name, value in request.headers.items() if name.lower() in names}
        if body:
            is_json = body.startswith("{")
            asked["json" if is_json else "form"] = json.loads(body) if is_json else dict(parse_qsl(body))
        wanted = {"headers": {}, **{key: value for key, value in step.items() if key not in ("answer", "status")}}
        if asked != wanted:
            self.faults.append(f"asked {asked}, recorded is {wanted}")
        return Answer(step.get("status", 200), {"content-type": "application/json"}, json.dumps(step.get("answer")).encode())

    async def close(self) -> None: ...


def connection(mapping: ProviderMapping, transport: Recorded, settings: dict[str, Any]) -> Connection:
    told = SimpleNamespace(name="shop", language=settings.get("language", "en"), region=settings.get("region"), url=URL,
                           fields=settings.get("fields", {}), token=SecretStr(TOKEN))  # fmt: skip
    return Connection(cast("Any", SimpleNamespace(name="shop", settings=told, mapping=mapping)), Hurried(), transport)


def recorded(path: Path) -> Recorded:
    return Recorded(json.loads(path.read_text("utf-8")))


def sample_of(name: str, path: Path) -> Sample:
    return next(one for one in read_samples(FOLDER / name) if one.name == path.name.removesuffix(".requests.json"))


async def fetched(name: str, path: Path, mapping: ProviderMapping) -> tuple[dict[str, Any], list[str]]:
    """What the recorded answers come to, and where the requests were others than those recorded."""
    sample = sample_of(name, path)
    settings = sample.expected.settings if sample.expected else {}
    delivery = Delivery(source="shop", dedupe_key="", received_at=UNTIL, method=sample.method, headers=dict(sample.headers),
                        body=sample.body)  # fmt: skip
    view = SourceView("shop", settings.get("fields", {}), settings.get("language", "en"), settings.get("region"))
    (wanted,) = understand(delivery, mapping, view, decode(delivery, mapping)).wanted
    transport = recorded(path)
    got = await connection(mapping, transport, settings).fetch(wanted)
    left = [f"never asked: {step['url']}" for step in transport.steps]
    return got.values, [*transport.faults, *left, *got.findings]


async def listing(name: str, path: Path, mapping: ProviderMapping) -> tuple[list[dict[str, Any]], list[str]]:
    settings = next(one.expected.settings for one in read_samples(FOLDER / name) if one.expected and one.method == "RECONCILE")
    transport = recorded(path)
    pages = connection(mapping, transport, settings).listing(UNTIL - timedelta(days=1), UNTIL)
    records = [record async for page in pages for record in page.records]
    return records, [*transport.faults, *(f"never asked: {step['url']}" for step in transport.steps)]


@pytest.mark.parametrize(("name", "path"), STEPS, ids=[f"{name}/{path.name}" for name, path in STEPS])
async def test_what_a_sample_needs_is_asked_for_as_recorded_and_becomes_what_the_sample_is_read_with(
    name: str, path: Path
) -> None:
    expected = sample_of(name, path).expected
    assert expected is not None
    values, faults = await fetched(name, path, MAPPINGS[name])
    assert faults == []
    assert values == expected.fetched


@pytest.mark.parametrize(("name", "path"), LISTS, ids=[name for name, _ in LISTS])
async def test_each_record_of_a_list_is_a_finished_chat_to_the_mapping(name: str, path: Path) -> None:
    mapping = MAPPINGS[name]
    records, faults = await listing(name, path, mapping)
    assert faults == []
    assert records
    for record in records:
        delivery = listed(record, mapping, source="shop", at=UNTIL)
        understood = understand(delivery, mapping, SourceView("shop"))
        assert understood.not_understood is None
        assert [one.chat_id for one in understood.wanted] or [event.chat.chat_id for event in understood.events]


@pytest.mark.parametrize("name", [name for name, mapping in MAPPINGS.items() if mapping.fetch or mapping.reconcile])
async def test_every_expression_by_which_a_provider_is_asked_is_at_work_in_some_recorded_request(name: str) -> None:
    loaded = load("provider", FOLDER / f"{name}.yaml")
    mapping = cast("ProviderMapping", loaded.mapping)
    with Watch(mapping) as watch:
        for path in RECORDED[name]:
            await (listing if path.name == LISTED else fetched)(name, path, mapping)
    asking = ("api.", "fetch.", "reconcile.")
    assert [str(remark) for remark in watch.remarks(loaded.document) if remark.name.startswith(asking)] == []
