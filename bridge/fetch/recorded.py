"""What a provider's mapping asks of the provider's own API, held against what was recorded beside it.

EVENT.VARIANT.requests.json beside a sample holds the requests that its rule fetches, in their order and with their answers;
reconcile.requests.json those of the list. Nothing is sent to anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from pydantic import Field, SecretStr, TypeAdapter, ValidationError

from bridge.clock import Clock
from bridge.config import SourceSettings
from bridge.connections.sources import Source
from bridge.errors import BridgeError, MappingError
from bridge.extract import Own
from bridge.fetch.connection import Connection
from bridge.mapping.samples import Sample
from bridge.mapping.schema import ProviderMapping
from bridge.mapping.schema.parts import Part
from bridge.model import Delivery
from bridge.parse import SourceView, decode, listed, understand
from bridge.transport import Answer, PreparedRequest

ENDING = ".requests.json"
#: the requests of the list
LISTED = f"reconcile{ENDING}"
#: of the source in whose name it is asked
URL, TOKEN = "https://chat.example.com", "the-api-token"
#: a list is asked for up to then, and from a day before
UNTIL = datetime(2026, 3, 3, 10, tzinfo=UTC)


class Asked(Part):
    """One request as it goes out, and the answer to it."""

    method: str
    url: str
    #: all that are sent; `Content-Type` need not be told
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    status: int = 200
    answer: Any = None


_STEPS = TypeAdapter(tuple[Asked, ...])


def read_requests(path: Path) -> tuple[Asked, ...]:
    """Raises MappingError."""
    try:
        return _STEPS.validate_python(json.loads(path.read_text("utf-8")))
    except (ValueError, OSError) as problem:
        first = problem.errors(include_url=False)[0] if isinstance(problem, ValidationError) else None
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else f"it cannot be read as JSON: {problem}"
        raise MappingError(f"{path}: {why}; it is a list of requests, each with method, url and answer") from None


async def fetched(sample: Sample, mapping: ProviderMapping, steps: Sequence[Asked]) -> tuple[dict[str, Any], list[str]]:
    """What the recorded answers come to, by the names under `fetch`, and where it was asked otherwise than recorded."""
    delivery = Delivery(source="shop", dedupe_key="", received_at=UNTIL, method=sample.method, headers=dict(sample.headers),
                        body=sample.body)  # fmt: skip
    source = _source(mapping, sample)
    other = _Recorded(steps)
    try:
        wanted = understand(delivery, mapping, source.view, decode(delivery, mapping)).wanted
        values: dict[str, Any] = {}
        for one in wanted:
            got = await Connection(source, _Hurried(), other).fetch(one)
            values |= got.values
            other.faults += got.findings
    except BridgeError as error:
        return {}, [*other.faults, error.message]
    return values, [*other.faults, *other.left(), *(() if wanted else ("the rule of this sample fetches nothing",))]


async def records(sample: Sample | None, mapping: ProviderMapping, steps: Sequence[Asked]) -> tuple[list[Any], list[str]]:
    """The records of the list, and where it was asked otherwise, or one of them is no finished chat to the mapping.
    `sample`: one of such a record, whose settings hold for the list.
    """
    source = _source(mapping, sample)
    other = _Recorded(steps)
    try:
        pages = Connection(source, _Hurried(), other).listing(UNTIL - timedelta(days=1), UNTIL)
        found = [record async for page in pages for record in page.records]
    except BridgeError as error:
        return [], [*other.faults, error.message]
    return found, [*other.faults, *other.left(), *_unread(found, mapping, source.view)]


def _unread(found: Sequence[dict[str, Any]], mapping: ProviderMapping, view: SourceView) -> Iterator[str]:
    if not found:
        yield "the list came out empty"
    for number, record in enumerate(found, start=1):
        understood = understand(listed(record, mapping, source=view.name, at=UNTIL), mapping, view)
        if understood.not_understood:
            yield f"record {number}: {understood.not_understood}"
        elif not understood.wanted and not understood.events:
            yield f"record {number}: it is no finished chat"


def _source(mapping: ProviderMapping, sample: Sample | None) -> Source:
    told: Mapping[str, Any] = sample.expected.settings if sample and sample.expected else {}
    settings = SourceSettings(
        name="shop", provider=mapping.name, url=URL, token=SecretStr(TOKEN), region=told.get("region"),
        language=told.get("language", "en"), fields=told.get("fields", {}),
    )  # fmt: skip
    view = SourceView("shop", settings.fields, settings.language, settings.region)
    return Source(settings=settings, mapping=mapping, view=view, keys=(), own=Own())


class _Hurried(Clock):
    """Never waits: what has to wait before it asks again has waited already."""

    async def sleep(self, seconds: float) -> None:
        """At once."""


class _Recorded:
    """The provider of the record: takes the next request, gives its answer."""

    def __init__(self, steps: Sequence[Asked]) -> None:
        self._steps = list(steps)
        self.faults: list[str] = []

    async def send(self, request: PreparedRequest) -> Answer:
        if not self._steps:
            self.faults.append(f"one request too many: {request.method} {request.url}")
            return Answer(404)
        step = self._steps.pop(0)
        self.faults += _unlike(step, request)
        return Answer(step.status, {"content-type": "application/json"}, json.dumps(step.answer).encode())

    async def close(self) -> None:
        """Nothing is open."""

    def left(self) -> Iterator[str]:
        for step in self._steps:
            yield f"never asked: {step.method} {step.url}"


def _unlike(step: Asked, request: PreparedRequest) -> Iterator[str]:
    """What of a request is not as it was recorded, in words."""
    if (request.method, request.url) != (step.method, step.url):
        yield f"asked is {request.method} {request.url}, recorded {step.method} {step.url}"
    sent = {name.lower(): value for name, value in request.headers.items()}
    for name, value in step.headers.items():
        if sent.get(name.lower()) != value:
            yield f"{step.url}: the header {name} is {sent.get(name.lower())!r}, recorded {value!r}"
    for name in sorted(sent.keys() - {"content-type", *(name.lower() for name in step.headers)}):
        yield f"{step.url}: the header {name} is sent, {sent[name]!r}, recorded is none"
    body = (request.body or b"").decode()
    is_json = body.startswith(("{", "["))
    given = json.loads(body) if is_json else dict(parse_qsl(body, keep_blank_values=True)) or None
    wanted = step.json_ if step.json_ is not None else step.form
    if given != wanted:
        told, recorded = (json.dumps(one, ensure_ascii=False) for one in (given, wanted))
        yield f"{step.url}: the body is {told}, recorded {recorded}"
