"""What was erased stays erased when it is told once more: marks by which it is known again, and what is left of a chat. Pure.

A mark is an HMAC under the installation's key, so that it says nothing to whoever has the store alone. What a person says
after they were erased is new, and goes its way like anybody's.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from bridge.model import Chat, ContactPoint, Message, PointKind
from bridge.write.keys import message_keys

_DIGEST_CHARACTERS = 40


class Marks:
    """`install_key` is the configuration's `key:`; with another one nothing is known again."""

    def __init__(self, install_key: str) -> None:
        self._key = install_key.encode()

    def delivery(self, source: str, dedupe_key: str) -> str:
        return self._mark("delivery", source, dedupe_key)

    def alias_of_delivery(self, source: str, dedupe_key: str) -> str:
        """What stands in the place of its key."""
        return f"forgotten-{self.delivery(source, dedupe_key)}"

    def chat(self, source: str, chat_id: str) -> str:
        return self._mark("chat", source, chat_id)

    def alias_of_chat(self, source: str, chat_id: str) -> str:
        """What stands in the place of its id, which may be a phone."""
        return f"forgotten-{self.chat(source, chat_id)}"

    def visitor(self, source: str, visitor_id: str) -> str:
        return self._mark("visitor", source, visitor_id)

    def message(self, source: str, chat_id: str, key: str) -> str:
        return self._mark("message", source, chat_id, key)

    def point(self, kind: str, value: str) -> str:
        return self._mark("point", kind, value.casefold())

    def messages(self, chat: Chat) -> dict[str, Message]:
        """The chat's messages by their marks."""
        marks = (self.message(chat.source, chat.chat_id, key) for key in message_keys(chat))
        return dict(zip(marks, chat.messages, strict=True))

    def of_person(self, chat: Chat, points: Iterable[ContactPoint]) -> list[str]:
        """By which a chat is known to be one of somebody who was erased."""
        found = [self.chat(chat.source, chat.chat_id)]
        if chat.visitor.id:
            found.append(self.visitor(chat.source, chat.visitor.id))
        return [*found, *(self.point(one.kind, one.value) for one in points if one.kind is not PointKind.HANDLE)]

    def _mark(self, *parts: str) -> str:
        text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
        return hmac.new(self._key, b"forgotten\0" + text.encode("ascii"), sha256).hexdigest()[:_DIGEST_CHARACTERS]


def what_is_left(chat: Chat, marks: Marks, person: Iterable[str], known: Mapping[str, float]) -> Chat | None:
    """The chat without what was erased; None if nothing is left. `person`: its marks of `of_person`; `known`: those marks of
    the chat, its messages among them, that stand for something erased, and when that was.
    """
    times = [known[mark] for mark in person if mark in known]
    if not times:
        return chat
    erased_at = max(times)
    told = marks.messages(chat)
    if not told:
        at = chat.ended_at or chat.started_at
        same_chat = marks.chat(chat.source, chat.chat_id) in known
        return None if (same_chat if at is None else at.timestamp() <= erased_at) else chat
    left = tuple(
        message for mark, message in told.items()
        if mark not in known and (message.at is None or message.at.timestamp() > erased_at)
    )  # fmt: skip
    if len(left) == len(told):
        return chat
    return chat.model_copy(update={"messages": left}) if left else None
