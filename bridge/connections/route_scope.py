"""What `when:` of a route and `ignore:` see of a chat."""

from __future__ import annotations

from typing import Any

from bridge.model import Chat


def route_scope(chat: Chat) -> dict[str, Any]:
    """The chat as plain data, with `chat visitor page utm operators` at the top."""
    data = chat.model_dump(mode="json")
    return {
        "chat": data, "source": chat.source, "channel": chat.channel, "kind": chat.kind.value, "visitor": data["visitor"],
        "page": data["page"], "utm": data["utm"], "operators": data["operators"], "department": chat.department,
        "topic": chat.topic, "tags": data["tags"], "rating": chat.rating,
    }  # fmt: skip
