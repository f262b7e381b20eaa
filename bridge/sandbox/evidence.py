"""What the audit goes by later: of which operation a record came, and what an update took away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from bridge.sandbox.entities import DEAL, FILE, NOTE, TASK, Entity
from bridge.sandbox.points import digits_of, email_key, operation_marker

#: client, field, what it held, what it holds now, when
Loss = tuple[int, str, str, str | None, float]


def overwritten(had: Mapping[str, Any], new: Mapping[str, Any], now: float) -> list[Loss]:
    """What is lost by an update of a client: a filled field changed, or an element gone from a list."""
    lost: list[Loss] = []
    for field, value in new.items():
        if field in {"phones", "emails"}:
            key = digits_of if field == "phones" else email_key
            kept = set(map(key, value))
            lost += [(had["id"], field, old, None, now) for old in json.loads(had[field]) if key(old) not in kept]
        elif field == "custom":
            lost += [
                (had["id"], f"custom.{name}", json.dumps(old), json.dumps(value.get(name)), now)
                for name, old in json.loads(had[field]).items()
                if old not in (None, "") and value.get(name) != old
            ]
        elif had[field] not in (None, "") and had[field] != value:
            lost.append((had["id"], field, str(had[field]), None if value is None else str(value), now))
    return lost


def traces(entity: Entity, values: Mapping[str, Any]) -> dict[str, str | None]:
    """By what the audit tells that two records came of one operation: the marker, or being the same in all that counts."""
    text = str(values.get({NOTE: "text", DEAL: "description", TASK: "text", FILE: "name"}[entity]) or "")
    custom = [str(value) for value in values.get("custom", {}).values()]
    marker = operation_marker(text, values["marker"], values["external_id"], values["code"], values.get("title"), *custom)
    # Two deals or tasks of one wording are common in a CRM; with a marker each, they are two.
    same = None if entity is not NOTE and marker else _likeness(entity, values)
    return {"operation_marker": marker, "likeness": same}


def _likeness(entity: Entity, values: Mapping[str, Any]) -> str:
    fields = {NOTE: ("text", "deal_id"), DEAL: ("title", "pipeline", "source"), TASK: ("text",), FILE: ("name", "content")}
    digest = blake2b(digest_size=12)
    for value in (values.get(field) for field in fields[entity]):
        digest.update(value if isinstance(value, bytes) else str(value).encode())
        digest.update(b"\0")
    return digest.hexdigest()
