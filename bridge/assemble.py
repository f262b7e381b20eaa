"""Messages and contacts that come at different times → one chat. Pure.

A chat that is finished twice, goes on after its end, or is told message by message, is one chat: what is new is added, nothing
that was known is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bridge.model import Chat, Message, Page, Visitor
from bridge.write.keys import message_keys

_BEGINNING = datetime.min.replace(tzinfo=UTC)


def merged(old: Chat, new: Chat) -> Chat:
    """What is known of a chat after it was told again. `new` counts where both say something."""
    return new.model_copy(
        update={
            "messages": _messages(old, new),
            "visitor": with_contacts(_visitor(old.visitor, new.visitor), old.visitor.phones, old.visitor.emails),
            "operators": new.operators or old.operators,
            "page": Page(**_either(old.page, new.page)),
            "utm": new.utm or old.utm,
            "rating": new.rating or old.rating,
            "tags": tuple(dict.fromkeys((*old.tags, *new.tags))),
            "department": new.department or old.department,
            "topic": new.topic or old.topic,
            "url": new.url or old.url,
            "spam": new.spam or old.spam,
            "started_at": min(_known(old.started_at, new.started_at), default=None),
            "ended_at": max(_known(old.ended_at, new.ended_at), default=None),
            "custom": {**old.custom, **new.custom},
        }
    )


def with_contacts(visitor: Visitor, phones: Sequence[str], emails: Sequence[str], name: str | None = None) -> Visitor:
    """The visitor with contacts that became known elsewhere; what stands in the chat itself goes first."""
    return visitor.model_copy(
        update={
            "phones": tuple(dict.fromkeys((*visitor.phones, *phones))),
            "emails": tuple(dict.fromkeys((*visitor.emails, *emails))),
            "name": visitor.name or name,
        }
    )


def _messages(old: Chat, new: Chat) -> tuple[Message, ...]:
    known = dict(zip(message_keys(old), old.messages, strict=True))
    told = dict(zip(message_keys(new), new.messages, strict=True))
    if known.keys() <= told.keys():
        return new.messages
    together = [*known.items(), *((key, message) for key, message in told.items() if key not in known)]
    # an edited message stands as it was told last
    texts = [told.get(key, message) for key, message in together]
    if any(message.at is None for message in texts):
        return tuple(texts)
    return tuple(sorted(texts, key=lambda message: message.at or _BEGINNING))


def _visitor(old: Visitor, new: Visitor) -> Visitor:
    return Visitor(**{**_either(old, new), "fields": {**old.fields, **new.fields}})


def _either(old: Page | Visitor, new: Page | Visitor) -> dict[str, object]:
    return {name: getattr(new, name) or getattr(old, name) for name in type(new).model_fields}


def _known(*times: datetime | None) -> list[datetime]:
    return [time for time in times if time is not None]
