"""The JSONL of `chat2crm extract`: one chat a line in, its contacts a line out."""

from __future__ import annotations

from typing import Any

from bridge.errors import NotUnderstood
from bridge.extract import contact_points
from bridge.extract.reading.plans import known
from bridge.extract.result import Candidate, Own
from bridge.model import Chat, Claim, ContactPoint, Message, PointKind, Role, Visitor

Record = dict[str, Any]

_ROLES = {role.value: role for role in Role}
_SHAPE = '"text": "…", "text": ["…", …] or "messages": [{"role": "visitor", "text": "…"}, …]'


def extract_line(record: Record, *, region: str | None = None, own: Own | None = None, explain: bool = False) -> Record:
    """What `chat2crm extract` prints for one record. A `region` in the record goes before the argument.

    Raises NotUnderstood, naming the member, if the record is not of the documented form.
    """
    chat = _chat(record)
    told = record.get("region")
    if told is not None and not isinstance(told, str):
        raise NotUnderstood(f'"region" is {told!r}: give a two-letter code such as "RU", or leave it out.')
    if told and not known(told.strip().upper()):
        raise NotUnderstood(f'"region" is {told!r}: no country with phone numbers has these letters; GB, RU or KZ are such.')
    result = contact_points(chat, region=told or region, own=own or Own(), explain=explain)
    answer: Record = {
        "id": record.get("id"),
        "phones": _values(result.points, PointKind.PHONE),
        "emails": _values(result.points, PointKind.EMAIL),
        "found": [_found(point) for point in result.points],
    }
    if explain:
        answer["region"] = result.region
        answer["trace"] = [_decision(candidate) for candidate in result.trace]
        if result.wishes.no_calls:
            answer["wishes"] = {"no_calls": result.wishes.no_calls}
    return answer


def _values(points: tuple[ContactPoint, ...], kind: PointKind) -> list[str]:
    return [point.value for point in points if point.kind is kind and point.claim is not Claim.OTHER]


def _found(point: ContactPoint) -> Record:
    found: Record = {
        "kind": point.kind.value,
        "value": point.value,
        "claim": point.claim.value,
        "as_written": point.as_written,
        "message": point.message,
        "rule": point.rule,
    }
    if point.extension:
        found["extension"] = point.extension
    if point.flags:
        found["flags"] = list(point.flags)
    return found


def _decision(candidate: Candidate) -> Record:
    return {
        "kind": candidate.kind.value,
        "as_written": candidate.as_written,
        "message": candidate.message,
        "field": candidate.field,
        "value": candidate.value,
        "claim": candidate.claim.value if candidate.claim else None,
        "rule": candidate.rule,
        "reading": candidate.reading,
    }


def _chat(record: object) -> Chat:
    if not isinstance(record, dict):
        raise NotUnderstood(f"A line holds one JSON object with {_SHAPE}; this one is {type(record).__name__}.")
    given = "messages" if record.get("messages") is not None else "text"
    optional = "visitor" in record
    messages = _messages(record["messages"]) if given == "messages" else _texts(record.get("text"), optional=optional)
    return Chat(source="extract", chat_id=str(record.get("id", "")), messages=messages, visitor=_visitor(record.get("visitor")))


def _texts(text: object, *, optional: bool) -> tuple[Message, ...]:
    if text is None and optional:
        return ()
    texts = [text] if isinstance(text, str) else text
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise NotUnderstood(f"The record has no text to read: give {_SHAPE}.")
    return tuple(Message(role=Role.VISITOR, text=one) for one in texts)


def _messages(messages: object) -> tuple[Message, ...]:
    if not isinstance(messages, list):
        raise NotUnderstood(f'"messages" is a list: {_SHAPE}.')
    return tuple(_message(place, message) for place, message in enumerate(messages))


def _message(place: int, message: object) -> Message:
    if not isinstance(message, dict) or not isinstance(message.get("text"), str):
        raise NotUnderstood(f'messages[{place}] needs "role" and "text".')
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise NotUnderstood(f'messages[{place}].role is {message.get("role")!r}; the roles are {", ".join(_ROLES)}.')
    return Message(role=role, text=message["text"])


def _visitor(fields: object) -> Visitor:
    if fields is None:
        return Visitor()
    if not isinstance(fields, dict):
        raise NotUnderstood('"visitor" is an object with "name", "phone" and "email".')
    name = fields.get("name")
    return Visitor(
        name=str(name) if name else None,
        phones=_list(fields.get("phone"), "phone"),
        emails=_list(fields.get("email"), "email"),
    )


def _list(value: object, name: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    texts = [one for one in values if one is not None and one != ""]
    if not all(isinstance(one, str | int) for one in texts):
        raise NotUnderstood(f"visitor.{name} is a text or a list of texts, not {value!r}.")
    return tuple(str(one) for one in texts)
