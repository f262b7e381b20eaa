"""What the templates of a CRM's mapping see. Every name is there; what does not apply is null."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from bridge.kpi import Kpi
from bridge.model import Chat, Claim, ContactPoint, Frozen, Json, Match, Message, Operator, PointKind, Role, Wishes
from bridge.write.clean import storable
from bridge.write.names import split_name

#: set for one operation, or by whoever carries it out
_ABSENT: Mapping[str, Json] = dict.fromkeys((
    "match", "client", "owner", "record", "new", "note", "part", "marker", "token", "item", "statement", "deal", "fetched",
    "file",
))  # fmt: skip
_SECRET = ("token", "secret", "password", "key", "refresh")
#: of a chat: under a name of their own, or in the note
_TOLD_ELSEWHERE = ("messages", "visitor", "operators", "page", "utm")
_UTM = ("source", "medium", "campaign", "content", "term")


def scope(
    chat: Chat, points: Sequence[ContactPoint], wishes: Wishes, kpi: Kpi, *,
    source: Mapping[str, Json], target: Mapping[str, Json], match_limit: int = 3, quiet: bool = False,
) -> dict[str, Json]:
    """The scope of one chat's requests before anybody knows whose it is, as JSON that every store and CRM can take (no NULs,
    no halves of surrogates).

    The messages themselves are not in it, but in the note; `source` and `target` lose whatever is named like a secret.
    """
    filled = {
        **_ABSENT,
        "chat": _chat(chat),
        "visitor": _visitor(chat),
        "phones": card_values(points, PointKind.PHONE, match_limit),
        "emails": card_values(points, PointKind.EMAIL, match_limit),
        "operator": _members(operator) if (operator := main_operator(chat)) else None,
        "page": _members(chat.page),
        "utm": utm(chat),
        "kpi": _members(kpi),
        "wishes": _members(wishes),
        "source": without_secrets(source),
        "target": without_secrets(target),
        "quiet": quiet,
    }
    stored: dict[str, Json] = storable(filled)
    return stored


def scope_of_plan(
    seen: Mapping[str, Json], match: Match | None, *, owner: str | None, chat_marker: str, unstored: Collection[str], entity: str
) -> dict[str, Json]:
    """The scope of a chat with whose chat it is. Stored with the plan: `unstored` are the target's settings that must not be."""
    client = match.client if match else None
    found: Json = storable({
        "owner": owner, "match": _match(match), "record": client.record if client else None,
        "client": client.model_dump(mode="json", exclude={"record"}) if client else None,
    })  # fmt: skip
    return {
        **seen, **found, "chat": {**seen["chat"], "marker": chat_marker}, "entity": entity,
        "target": {key: value for key, value in seen["target"].items() if key not in unstored},
    }  # fmt: skip


def card_points(points: Sequence[ContactPoint], limit: int) -> tuple[ContactPoint, ...]:
    """The visitor's own phones and e-mails that take part in matching and may stand on a card: so many of each kind."""
    taken: dict[PointKind, dict[str, None]] = {PointKind.PHONE: {}, PointKind.EMAIL: {}}
    chosen = []
    for point in points:
        of_kind = taken.get(point.kind)
        if of_kind is not None and point.claim is not Claim.OTHER and len(of_kind) < limit and point.value not in of_kind:
            of_kind[point.value] = None
            chosen.append(point)
    return tuple(chosen)


def card_values(points: Sequence[ContactPoint], kind: PointKind, limit: int) -> list[str]:
    return [point.value for point in card_points(points, limit) if point.kind is kind]


def main_operator(chat: Chat) -> Operator | None:
    """The operator who wrote last; where lines are not signed, the last the provider names."""
    author = next((m.author for m in reversed(chat.messages) if m.role is Role.OPERATOR and m.author), None)
    named = [operator for operator in chat.operators if author and operator.name == author]
    if named:
        return named[0]
    if author and not chat.operators:
        return Operator(name=author)
    return chat.operators[-1] if chat.operators else None


def utm(chat: Chat) -> dict[str, str]:
    """The campaign's marks: as the provider tells them, else out of the page's address."""
    if chat.utm:
        return dict(chat.utm)
    try:
        query = dict(parse_qsl(urlsplit(chat.page.url or "").query))
    except ValueError:
        return {}  # the visitor's browser names the page; it may be anything
    return {name: query[f"utm_{name}"] for name in _UTM if query.get(f"utm_{name}")}


def span_of(chat: Chat) -> tuple[datetime | None, datetime | None]:
    """Beginning and end as the provider tells them, else by the messages' times."""
    return chat.started_at or _first_time(chat.messages), chat.ended_at or _first_time(reversed(chat.messages))


def _first_time(messages: Iterable[Message]) -> datetime | None:
    for message in messages:
        if message.at:
            return message.at
    return None


def without_secrets(configured: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in configured.items() if key not in _SECRET}


def _members(model: Frozen) -> dict[str, Json]:
    """A model of texts, numbers and JSON as a scope has it. pydantic's own way of writing it down takes five times as long."""
    return dict(vars(model))


def _chat(chat: Chat) -> dict[str, Json]:
    started, ended = span_of(chat)
    told = _members(chat) | {
        "kind": chat.kind.value, "tags": [*chat.tags],
        "started_at": started.isoformat() if started else None, "ended_at": ended.isoformat() if ended else None,
    }  # fmt: skip
    for name in _TOLD_ELSEWHERE:
        del told[name]
    return told


def _visitor(chat: Chat) -> dict[str, Json]:
    visitor = chat.visitor
    told = _members(visitor) | {"phones": [*visitor.phones], "emails": [*visitor.emails]}
    if visitor.name and not (visitor.first_name or visitor.last_name):
        told["first_name"], told["last_name"] = split_name(visitor.name)
    told["name"] = visitor.name or " ".join(filter(None, (visitor.first_name, visitor.last_name))) or None
    return told


def _match(match: Match | None) -> Json:
    if match is None:
        return None
    return {
        "verdict": match.verdict.value,
        "reason": match.reason,
        "others": [{"id": other.id, "entity": other.entity, "name": other.name} for other in match.others],
    }
