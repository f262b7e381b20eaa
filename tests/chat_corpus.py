"""The labelled chats under tests/extract/corpus, and how what is found in them is counted.

Written by hand for this project from how people write in chats; names, numbers and addresses are made up. One JSON object a
line: `messages` with roles, `visitor` (form fields), `own`, `operators`, `page`, `region`; `phones` and `emails` are what belongs
on the card, `other` what is somebody else's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.extract import Extraction, Own, contact_points
from bridge.model import Chat, Claim, Message, Operator, Page, PointKind, Role, Visitor

Record = dict[str, Any]
CORPUS = Path(__file__).parent / "extract" / "corpus"
KINDS = ("phones", "emails", "other")


def records(*paths: Path) -> Iterator[Record]:
    """The chats of these files; without any, of our own corpus."""
    for path in paths or sorted(CORPUS.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def chat_of(record: Record) -> Chat:
    """The record as the pipeline would hand it over; a bare `text` is the visitor's."""
    text = record.get("text", [])
    texts = [text] if isinstance(text, str) else text
    messages = record.get("messages") or [{"role": "visitor", "text": one} for one in texts]
    fields = record.get("visitor") or {}
    return Chat(
        source="corpus",
        chat_id=str(record["id"]),
        messages=tuple(Message(role=Role(message["role"]), text=message["text"]) for message in messages),
        visitor=Visitor(
            name=fields.get("name"),
            phones=tuple(filter(None, [fields.get("phone")])),
            emails=tuple(filter(None, [fields.get("email")])),
            country=fields.get("country"),
        ),
        operators=tuple(Operator(**operator) for operator in record.get("operators", [])),
        page=Page(url=record.get("page")),
    )


def extracted(record: Record) -> Extraction:
    """What the extractor finds in it."""
    own = Own(**{kind: tuple(values) for kind, values in record.get("own", {}).items()})
    return contact_points(chat_of(record), region=record.get("region"), own=own)


def found(result: Extraction) -> dict[str, set[str]]:
    """Values by where they would go: on the card, or into the note only."""
    values: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for point in result.points:
        if point.kind is not PointKind.HANDLE:
            values["other" if point.claim is Claim.OTHER else f"{point.kind}s"].add(point.value)
    return values


def wanted(record: Record) -> dict[str, set[str]]:
    """The labels."""
    return {kind: set(record.get(kind, [])) for kind in KINDS}


@dataclass
class Score:
    """Hits and misses by kind."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, labels: dict[str, set[str]], values: dict[str, set[str]], kinds: Iterable[str] = KINDS) -> None:
        for kind in kinds:
            self.counts[kind, "hit"] += len(labels[kind] & values[kind])
            self.counts[kind, "wrong"] += len(values[kind] - labels[kind])
            self.counts[kind, "missed"] += len(labels[kind] - values[kind])

    def of(self, kind: str) -> tuple[float, float, float]:
        """Precision, recall, F1."""
        hit, wrong, missed = (self.counts[kind, what] for what in ("hit", "wrong", "missed"))
        precision = hit / (hit + wrong) if hit + wrong else 1.0
        recall = hit / (hit + missed) if hit + missed else 1.0
        return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0
