"""Two versions of a mapping side by side: what they say, and what the last deliveries become by each. Nothing is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from bridge.connections.sources import Source
from bridge.mapping.load import Loaded
from bridge.mapping.outline import Change, changes, outline
from bridge.mapping.schema import ProviderMapping
from bridge.model import Delivery
from bridge.parse.trial import Difference, compare
from bridge.store.reading import Reading, Row

#: deliveries that are read with both, unless somebody says otherwise
LAST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A delivery that would be read otherwise."""

    delivery: int
    source: str
    received_at: float
    differences: list[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    keys: list[Change]
    #: deliveries that were read with both
    read: int
    changed: list[Changed]


async def compared(reading: Reading, old: Loaded, new: Loaded, sources: Iterable[Source], last: int = LAST) -> Compared:
    """`sources`: whose last deliveries are read; for a mapping of a CRM there are none to read."""
    read, changed = 0, []
    if old.kind == "provider":
        before, after = (cast("ProviderMapping", one.mapping) for one in (old, new))
        for source in sources:
            rows = await reading.overviews.recent_deliveries(source.name, last)
            read += len(rows)
            # understanding is computation alone: the page's other visitors need not wait for it
            changed += await asyncio.to_thread(_changed, rows, before, after, source)
    keys = changes(outline(old), outline(new))
    return Compared(keys=keys, read=read, changed=sorted(changed, key=lambda one: -one.delivery))


def _changed(rows: Iterable[Row], old: ProviderMapping, new: ProviderMapping, source: Source) -> list[Changed]:
    found = []
    for row in rows:
        differences = compare(_delivery(row), old, new, source.view)
        if differences:
            found.append(Changed(
                delivery=row["id"], source=source.name, received_at=row["received_at"], differences=differences
            ))  # fmt: skip
    return found


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=row["id"], source=row["source"], dedupe_key=row["dedupe_key"], method=row["method"], query=row["query"],
        received_at=datetime.fromtimestamp(row["received_at"], UTC), headers=json.loads(row["headers"]), body=row["body"],
    )  # fmt: skip
