"""A record of a list that we asked for → a delivery, as if the provider had sent it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.mapping.paths import conceal
from bridge.mapping.schema import ProviderMapping
from bridge.model import Delivery
from bridge.parse.source import IMPORTED, RECONCILED


def listed(record: Mapping[str, Any], mapping: ProviderMapping, *, source: str, at: datetime, quiet: bool = False) -> Delivery:
    """The record as a delivery; one that is listed again unchanged has the same dedupe key. `quiet`: it is history."""
    # Its key is one of its own: a record's id may be the same number as that of a delivery which tells of another chat.
    known = json.dumps(record, sort_keys=True, ensure_ascii=True, default=str)
    body = json.dumps(conceal(dict(record), mapping.conceal), ensure_ascii=False)
    return Delivery(
        source=source,
        dedupe_key=f"listed/{hashlib.sha256(known.encode()).hexdigest()[:32]}",
        received_at=at,
        method=IMPORTED if quiet else RECONCILED,
        body=body.encode("utf-8", "replace"),
    )
