"""By which a message is known again when the provider tells the same chat once more.

A provider's own id is the key where there is one. Else it is a hash of role, time and text; equal lines are counted, so that
two of them stay two. The text is hashed as it came: masking or cleaning it differently later must not make it new.
"""

from __future__ import annotations

from datetime import UTC
from hashlib import blake2b

from bridge.model import Chat, ContactPoint, Message

_SEPARATOR = "\x1f"


def message_keys(chat: Chat) -> tuple[str, ...]:
    """One key a message, in the order of `chat.messages`, all different."""
    seen: dict[str, int] = {}
    keys = []
    for message in chat.messages:
        identity = _identity(message)
        again = seen.get(identity, 0)
        keys.append(_hash(f"message{_SEPARATOR}{identity}{_SEPARATOR}{again}"))
        seen[identity] = again + 1
    return tuple(keys)


def contact_key(chat: Chat, points: tuple[ContactPoint, ...]) -> str:
    """The key of what a chat without messages tells: contact points from a form, or nothing but its visit."""
    given = sorted({*chat.visitor.phones, *chat.visitor.emails, *(point.value for point in points)})
    return _hash(_SEPARATOR.join(("contact", *given)))


def _identity(message: Message) -> str:
    if message.id:
        return f"id{_SEPARATOR}{message.id}"
    # Whole seconds: one provider tells the same message with and without fractions, live and in the transcript.
    at = message.at
    if at is not None and (at.microsecond or at.tzinfo is None):
        at = at.replace(microsecond=0, tzinfo=at.tzinfo or UTC)
    # Not the files' addresses: they carry signatures that change with every delivery.
    files = _SEPARATOR.join([file.name or file.url.partition("?")[0] for file in message.files]) if message.files else ""
    return _SEPARATOR.join(("text", message.role, at.isoformat() if at else "", message.text, files))


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
