"""A provider's samples held against its mapping: what each becomes, and whether that is what it must become."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from bridge.errors import NotAuthentic, NotUnderstood
from bridge.mapping.samples import Expected, Sample
from bridge.mapping.schema import ProviderMapping, Reply
from bridge.model import Delivery, Event
from bridge.parse.events import decode, understand
from bridge.parse.glance import Glance, glance
from bridge.parse.source import LISTED, SourceView, kept_headers
from bridge.verify import Incoming, verify

#: the time of a sample that does not say when it was received
SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
PUBLIC_URL = "https://bridge.example.com"
STALE = "the signature is good, but its time is too far from ours"
#: what the runner finds out; the rest of an expected file says under which circumstances
OUTCOME = ("authentic", "dedupe_key", "outcome", "reason", "events", "answer", "findings")
_NOBODY_SAID = {"origin": "inferred", "source": "not said; write here where it is from"}
#: more parts than any sample's delivery has
MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a sample does not become what its file says."""

    path: str
    expected: Any
    actual: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {_short(self.expected)}, got {_short(self.actual)}"


def run_sample(sample: Sample, mapping: ProviderMapping) -> dict[str, Any]:
    """What the sample becomes, in the words of an expected file; members that are empty are left out.

    Nothing is stored or sent: the request is proved, glanced at and understood as if it had just come in.
    """
    told = sample.expected or Expected(origin="inferred", source="", outcome="events")
    address = urlsplit(sample.url)
    name, secret = _hook(address.path)
    delivery = Delivery(source=name, dedupe_key="", received_at=told.now or SOME_TIME, method=sample.method,
                        query=address.query, headers=dict(sample.headers), body=sample.body)
    view = SourceView(name, told.settings.get("fields", {}), told.settings.get("language", "en"),
                      told.settings.get("region"))
    try:
        payload = decode(delivery, mapping)
    except NotUnderstood:
        payload = None
    if delivery.method in LISTED:  # nobody sent it, so there is nothing to prove and nobody to answer
        return _without_empty({"authentic": True, **_meaning(delivery, mapping, view, payload, told.fetched)})
    seen = glance(payload, delivery, mapping, view, keys=told.keys)
    incoming = Incoming(sample.headers, sample.body, address.query, secret, sample.method, PUBLIC_URL + sample.url)
    actual: dict[str, Any] = {"authentic": True}
    if not seen.proved:
        try:
            verdict = verify(mapping.verify, incoming, told.keys, now=delivery.received_at, payload=payload)
        except NotAuthentic as error:
            return {"authentic": False, "outcome": "refused", "reason": error.message}
        actual["findings"] = [STALE] if verdict.stale else []
    actual |= {"dedupe_key": seen.dedupe_key, "answer": _answer(seen)}
    if seen.handshake:
        return _without_empty(actual | {"outcome": "handshake"})
    stored = delivery.model_copy(update={"headers": kept_headers(delivery.headers, mapping)})
    actual |= _meaning(stored, mapping, view, payload, told.fetched)
    return _without_empty(actual)


def differences(sample: Sample, mapping: ProviderMapping) -> list[Difference]:
    """Where the sample does not become what its expected file says; all of it if there is no such file."""
    wanted = sample.expected.model_dump(mode="json", include=set(OUTCOME)) if sample.expected else {}
    return list(_differences("", _without_empty(wanted), run_sample(sample, mapping)))


def accept(sample: Sample, mapping: ProviderMapping) -> bool:
    """Write what the sample becomes into its expected file, keeping the circumstances told there. True if that changed
    the file. Whoever calls this reads the difference before committing it.
    """
    told: dict[str, Any] = dict(_NOBODY_SAID)
    if sample.expected:
        told = sample.expected.model_dump(mode="json", exclude=set(OUTCOME), exclude_defaults=True)
    text = json.dumps(told | run_sample(sample, mapping), ensure_ascii=False, indent=2) + "\n"
    path = sample.expected_path
    changed = not path.exists() or path.read_text("utf-8") != text
    if changed:
        path.write_text(text, "utf-8")
    return changed


def accept_fetched(sample: Sample, values: Mapping[str, Any]) -> None:
    """Write what recorded requests give into the expected file; `accept`, after it, reads the sample with that."""
    path = sample.expected_path
    told = json.loads(path.read_text("utf-8")) if path.exists() else dict(_NOBODY_SAID) | {"outcome": "events"}
    path.write_text(json.dumps({**told, "fetched": values}, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _hook(path: str) -> tuple[str, str | None]:
    """The source and the secret in `/hooks/SOURCE/SECRET`."""
    _, _, inside = path.partition("/hooks/")
    name, slash, secret = inside.partition("/")
    return name or "sample", unquote(secret) if slash else None


def _meaning(delivery: Delivery, mapping: ProviderMapping, view: SourceView, payload: Any,
             fetched: Mapping[str, Any]) -> dict[str, Any]:
    got = dict.fromkeys(range(MOST_PARTS), fetched) if fetched else None
    understood = understand(delivery, mapping, view, payload, fetched=got)
    if understood.wanted:
        names = ", ".join(name for wanted in understood.wanted for name in wanted.fetch)
        return {"outcome": "not_understood", "reason": f"it needs what its rule fetches; put it under `fetched`: {names}"}
    outcome = "not_understood" if understood.not_understood else "events" if understood.events else "skipped"
    return {
        "outcome": outcome,
        "reason": understood.not_understood or understood.skipped,
        "events": [_event(event) for event in understood.events],
    }


def _event(event: Event) -> dict[str, Any]:
    told = event.model_dump(mode="json", exclude_defaults=True)
    told["chat"].pop("source", None)
    return told


def _answer(seen: Glance) -> dict[str, Any]:
    answer = _reply(seen.answer)
    if seen.live_answer is not None:
        answer["live_within"] = seen.live_answer.within
    return answer


def _reply(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = {"status": reply.status}
    if reply.content_type == "application/json":
        told["json"] = json.loads(reply.body)
    else:
        told["body"] = reply.body.decode()
    if reply.headers:
        told["headers"] = dict(reply.headers)
    return told


def _without_empty(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in OUTCOME if told.get(name) not in (None, [], (), {}, "")}


def _differences(path: str, expected: Any, actual: Any) -> Iterator[Difference]:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in [*expected, *(name for name in actual if name not in expected)]:
            yield from _differences(f"{path}.{name}".lstrip("."), expected.get(name), actual.get(name))
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(f"{path}[{index}]", left, right)
    elif expected != actual:
        yield Difference(path, expected, actual)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - a line of a terminal or two


def compare(delivery: Delivery, old: ProviderMapping, new: ProviderMapping, view: SourceView) -> list[Difference]:
    """Where a kept delivery would mean something else by another mapping. What either would have to fetch is not asked for."""
    was, becomes = (_without_empty(_meaning(delivery, mapping, view, None, {})) for mapping in (old, new))
    return list(_differences("", was, becomes))
