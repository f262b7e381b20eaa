"""What reading costs: a delivery with a chat of 60 messages, provider by provider, beside the least that could be done with it.

    python bench/bench_parse.py [--messages 60] [--rounds 15] [--only jivo crisp]

The chats are the samples beside the mappings, grown. Measured are CPU milliseconds of the whole way from the body's bytes to
events. The reference, turn about in the same run: `json.loads` of the same bytes, and pydantic making the same chat out of plain
values. Where a provider sends one message a request, all 60 requests are measured, without a target. A mapping that joins
(`lookup`) may take longer. Ends with 1 if a provider is over its target.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bridge.mapping.load import load_provider
from bridge.mapping.samples import Sample, read_samples
from bridge.mapping.schema import EventRule, ProviderMapping
from bridge.model import Chat, Delivery
from bridge.parse import SourceView, decode, understand
from bridge.parse.source import LISTED
from bridge.parse.trial import SOME_TIME

PROVIDERS = Path(__file__).resolve().parent.parent / "mappings" / "providers"
#: CPU milliseconds for a chat of 60 messages
MOST, MOST_WITH_JOINS = 1.0, 3.0
KINDS = ("chat_finished", "message")


@dataclass(frozen=True, slots=True)
class Trial:
    name: str
    mapping: ProviderMapping
    deliveries: list[Delivery]
    view: SourceView
    fetched: Mapping[int, Mapping[str, Any]]
    joins: bool
    #: bytes and plain values of the reference
    bodies: list[bytes]
    chats: list[dict[str, Any]]

    def ours(self) -> None:
        for delivery in self.deliveries:
            understand(delivery, self.mapping, self.view, fetched=self.fetched)

    def reference(self) -> None:
        for body, chat in zip(self.bodies, self.chats, strict=True):
            json.loads(body)
            Chat.model_validate(chat)


def grown(payload: Any, fetched: dict[str, Any], messages: int) -> bool:
    """Make the largest list (or numbered object) of messages so long. False if the sample's chat cannot be grown."""
    found = max(_lists([payload, fetched]), key=len, default=None)
    if found is None:
        return False
    copies = _copies(list(found.values()) if isinstance(found, dict) else found, messages)
    if isinstance(found, dict):
        found.clear()
        found.update({str(number): one for number, one in enumerate(copies, 1)})
    else:
        found[:] = copies
    return True


def _copies(some: list[dict[str, Any]], messages: int) -> list[dict[str, Any]]:
    """The messages over and over, each with an id of its own."""
    made = []
    for number in range(messages):
        one = copy.deepcopy(some[number % len(some)])
        for key in ("id", "_id", "fingerprint"):
            if key in one:
                one[key] = one[key] + number if isinstance(one[key], int) else f"{1000 + number}"
        made.append(one)
    return made


_TEXTS = {"text", "msg", "message", "body", "content"}


def _lists(value: Any) -> Iterator[Any]:
    """Lists, and objects with numbers for names, of what looks like messages."""
    if isinstance(value, list | dict):
        inner = list(value.values()) if isinstance(value, dict) else value
        numbered = isinstance(value, list) or (value and all(str(key).isdecimal() for key in value))
        if numbered and inner and 2 * sum(isinstance(one, dict) and bool(_TEXTS & one.keys()) for one in inner) > len(inner):
            yield value
        for one in inner:
            yield from _lists(one)


def trial(name: str, messages: int) -> Trial | None:
    mapping = load_provider(PROVIDERS / f"{name}.yaml")
    sample = _richest(name, mapping)
    told = sample.expected
    assert told is not None
    view = SourceView("shop", told.settings.get("fields", {}), told.settings.get("language", "en"), told.settings.get("region"))
    delivery = Delivery(source="shop", dedupe_key="", received_at=told.now or SOME_TIME, query=sample.url.partition("?")[2],
                        headers=dict(sample.headers), body=sample.body)  # fmt: skip
    fetched = copy.deepcopy(told.fetched)
    deliveries = [delivery] * messages
    if told.events[0]["kind"] != "message":
        payload = decode(delivery, mapping)
        if not grown(payload, fetched, messages):
            return None
        deliveries = [delivery.model_copy(update={"body": _encoded(payload, mapping)})]
    by_part = {0: fetched} if fetched else {}
    chats = [
        understand(one, mapping, view, fetched=by_part).events[0].chat.model_dump(mode="python", exclude_defaults=True)
        for one in deliveries
    ]
    bodies = [one.body if mapping.body.kind == "json" else json.dumps(decode(one, mapping)).encode() for one in deliveries]
    return Trial(name, mapping, deliveries, view, by_part, _joins(mapping, told.events[0]["kind"]), bodies, chats)


def _encoded(payload: Any, mapping: ProviderMapping) -> bytes:
    if mapping.body.kind == "form_json":
        return urlencode({key: one if isinstance(one, str) else json.dumps(one) for key, one in payload.items()}).encode()
    return json.dumps(payload, ensure_ascii=False).encode()


def _richest(name: str, mapping: ProviderMapping) -> Sample:
    """The sample with the most to read: a finished chat if there is one, else a message."""
    fitting = [
        sample for sample in read_samples(PROVIDERS / name, mapping)
        if sample.method not in LISTED and sample.expected and sample.expected.events
        and sample.expected.events[0]["kind"] in KINDS
    ]  # fmt: skip

    def weight(sample: Sample) -> tuple[bool, int]:
        assert sample.expected is not None
        told = [event["chat"].get("messages", []) for event in sample.expected.events]
        return len(told) == 1 and len(told[0]) > 1, len(sample.body) + len(json.dumps(sample.expected.fetched))

    return max(fitting, key=weight)


def _joins(mapping: ProviderMapping, kind: str) -> bool:
    rules: list[EventRule] = [rule for some in mapping.events.values() for rule in some if rule.kind == kind]
    written = [where.model_dump_json() for where in (mapping.messages, *(rule.messages for rule in rules)) if where]
    return any(re.search(r"\blookup\(", one) for one in written)


def cpu_ms(work: Callable[[], None], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(10):
            work()
        times.append((time.process_time_ns() - began) / 1e7)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", metavar="PROVIDER", default=sorted(path.stem for path in PROVIDERS.glob("*.yaml")))
    asked = parser.parse_args()
    head = f"CPU ms for {asked.messages} messages"
    print(f"{head:26}{'requests':>10}{'ours':>9}{'least':>9}{'reference':>11}{'ratio':>8}")
    missed = []
    for name in asked.only:
        made = trial(name, asked.messages)
        if made is None:
            print(f"{name:26}  has no chat that could be grown")
            continue
        made.ours()
        gc.collect()
        gc.freeze()
        ours, reference = [], []
        for _ in range(asked.rounds):
            ours += cpu_ms(made.ours, 1)
            reference += cpu_ms(made.reference, 1)
        took, least, floor = statistics.median(ours), min(ours), statistics.median(reference)
        most = MOST_WITH_JOINS if made.joins else MOST
        # what others do on the machine can only add
        met = min(ours) <= most * max(1.0, asked.messages / 60)
        missed += [] if met or len(made.deliveries) > 1 else [name]
        said = f"{'met' if met else 'MISSED'} (at most {most:g}{', it joins' if made.joins else ''})"
        said = said if len(made.deliveries) == 1 else ""
        print(f"{name:26}{len(made.deliveries):>10}{took:9.2f}{least:9.2f}{floor:11.2f}{took / floor:8.1f}  {said}")
    sys.exit(f"over the target: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
