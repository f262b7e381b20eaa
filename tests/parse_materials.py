"""Mappings and deliveries for the tests of parsing, in a line each."""

import json
from datetime import UTC, datetime
from typing import Any

from bridge.mapping.schema import ProviderMapping
from bridge.model import Chat, Delivery
from bridge.parse import SourceView, Understood, understand

SOURCE = SourceView("shop", {"brand": "north"}, "ru", "RU")


def mapping(**keys: Any) -> ProviderMapping:
    """A provider whose one event is a finished chat, but for the keys given."""
    return ProviderMapping.model_validate({
        "mapping_language": 1, "title": "T", "verify": {"scheme": "none"}, "events": {"*": {"as": "chat_finished"}},
        "fields": {"chat_id": "id"}, **keys,
    })


def delivery(payload: Any = None, **keys: Any) -> Delivery:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Delivery(source="shop", dedupe_key="", received_at=datetime(2026, 3, 2, tzinfo=UTC), body=body, **keys)


def understood(payload: Any, *, headers: dict[str, str] | None = None, **keys: Any) -> Understood:
    return understand(delivery(payload, headers=headers or {}), mapping(**keys), SOURCE)


def chat(payload: Any, **keys: Any) -> Chat:
    """The one chat in a payload."""
    (event,) = understood(payload, **keys).events
    return event.chat
