"""A mapping's `fields` and `messages` over one event's scope → the chat as the rest of the program knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.errors import NotUnderstood
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.scopes import Scope
from bridge.mapping.schema import EventRule, ProviderMapping
from bridge.model import Chat, EventKind, Message, Operator, Page, Role, Visitor
from bridge.parse.limits import LIMITS, Limits
from bridge.parse.markup import plain_text
from bridge.parse.messages import read_messages
from bridge.parse.names import read_name
from bridge.parse.values import (
    as_country,
    as_flag,
    as_language,
    as_list,
    as_text,
    as_texts,
    as_time,
    as_url,
    as_utm,
    utm_of,
)

_OPERATOR = tuple(Operator.model_fields)
UTM_PREFIX, CUSTOM_PREFIX, FORM_PREFIX = "utm.", "custom.", "visitor.fields."
#: what the visitor wrote in one piece, where there is no list of messages
KINDS_WITH_TEXT = frozenset({EventKind.OFFLINE_MESSAGE, EventKind.MESSAGE})
#: a chat that goes on has not ended with its last message
KINDS_UNDER_WAY = frozenset({EventKind.CHAT_STARTED, EventKind.CHAT_UPDATED})


def read_chat(kind: EventKind, mapping: ProviderMapping, rule: EventRule, scope: Scope, *, source: str,
              findings: Findings, limits: Limits = LIMITS) -> Chat:
    """The chat that an event tells of. Raises NotUnderstood if it does not say which chat it is, or has too many messages."""
    fields = _Fields({**mapping.fields, **rule.fields}, scope, findings)
    chat_id = fields.text("chat_id")
    visitor = _visitor(fields, mapping)
    _check_identity(kind, chat_id, visitor)
    messages = _messages(kind, mapping, rule, fields, limits)
    times = [message.at for message in messages if message.at]
    url = fields.url("page.url")
    return Chat(
        source=source,
        chat_id=chat_id or "",
        kind=kind,
        channel=fields.text("channel") or "site",
        visitor=visitor,
        operators=_operators(fields, messages),
        messages=messages,
        page=Page(url=url, title=fields.text("page.title"), referrer=fields.url("page.referrer")),
        utm=_utm(fields) or utm_of(url),
        rating=fields.text("rating"),
        tags=as_texts(fields.value("tags")),
        department=fields.text("department"),
        topic=fields.text("topic"),
        url=fields.url("url"),
        spam=as_flag(fields.value("spam")),
        # What the provider does not tell is read off its messages.
        started_at=fields.time("started_at") or min(times, default=None),
        ended_at=fields.time("ended_at") or (None if kind in KINDS_UNDER_WAY else max(times, default=None)),
        custom=fields.open("custom", CUSTOM_PREFIX),
    )


class _Fields:
    """The field table over one scope: each name read once, as what it is asked for."""

    def __init__(self, table: Mapping[str, Expression], scope: Scope, findings: Findings) -> None:
        self.table = table
        self.scope = scope
        self.findings = findings

    def value(self, name: str) -> Any:
        expression = self.table.get(name)
        return expression(self.scope, self.findings) if expression is not None else None

    def text(self, name: str) -> str | None:
        return as_text(self.value(name))

    def texts(self, *names: str) -> tuple[str, ...]:
        return as_texts(*(self.value(name) for name in names))

    def time(self, name: str) -> Any:
        return as_time(self.value(name), self.findings, name)

    def url(self, name: str) -> str | None:
        return as_url(self.value(name))

    def open(self, whole: str, prefix: str) -> dict[str, Any]:
        """An object named as a whole, and its members named one by one; what is null is left out."""
        named = self.value(whole)
        found = dict(named) if isinstance(named, dict) else {}
        for name in self.table:
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = self.value(name)
        return {name: value for name, value in found.items() if value is not None}


def _check_identity(kind: EventKind, chat_id: str | None, visitor: Visitor) -> None:
    if kind is EventKind.CONTACT_GIVEN:
        if not (chat_id or visitor.id or visitor.external_id):
            raise NotUnderstood(
                "a contact was given, but not by whom: `chat_id`, `visitor.id` and `visitor.external_id` are all empty"
            )
    elif not chat_id:
        raise NotUnderstood("`chat_id` came out empty; has the provider changed its format?")


def _visitor(fields: _Fields, mapping: ProviderMapping) -> Visitor:
    named = read_name(fields.value("visitor.name"), mapping.placeholders)
    parts = [read_name(fields.value(name), mapping.placeholders).name
             for name in ("visitor.first_name", "visitor.last_name")]
    return Visitor(
        id=fields.text("visitor.id"),
        external_id=fields.text("visitor.external_id"),
        name=named.name or " ".join(part for part in parts if part) or None,
        first_name=parts[0],
        last_name=parts[1],
        phones=as_texts(list(fields.texts("visitor.phone", "visitor.phones")), named.phone),
        emails=as_texts(list(fields.texts("visitor.email", "visitor.emails")), named.email),
        country=as_country(fields.value("visitor.country")),
        language=as_language(fields.value("visitor.language")),
        city=fields.text("visitor.city"),
        company=fields.text("visitor.company"),
        fields=fields.open("visitor.fields", FORM_PREFIX),
    )


def _messages(kind: EventKind, mapping: ProviderMapping, rule: EventRule, fields: _Fields,
              limits: Limits) -> tuple[Message, ...]:
    where = rule.messages or mapping.messages
    found = read_messages(where, fields.scope, fields.findings, limits) if where else ()
    if found or kind not in KINDS_WITH_TEXT:
        return found
    text = plain_text(fields.text("text") or "", where.markup if where else "plain")
    at = fields.time("ended_at") or fields.time("started_at")
    return (Message(role=Role.VISITOR, text=text, at=at),) if text else ()


def _operators(fields: _Fields, messages: tuple[Message, ...]) -> tuple[Operator, ...]:
    """The operators a field lists, the one that fields name singly, and those who only appear as authors."""
    listed = [_told_of(element) for element in as_list(fields.value("operators"))]
    listed.append({name: fields.text(f"operator.{name}") for name in _OPERATOR})
    found: dict[tuple[str | None, str | None], Operator] = {}
    for told in listed:
        if any(told.values()):
            found.setdefault((told.get("id"), told.get("name")), Operator(**told))
    names = {operator.name for operator in found.values()}
    for message in messages:
        if message.role is Role.OPERATOR and message.author and message.author not in names:
            names.add(message.author)
            found[None, message.author] = Operator(name=message.author)
    return tuple(found.values())


def _told_of(operator: Any) -> dict[str, str | None]:
    if isinstance(operator, dict):
        return {name: as_text(operator.get(name)) for name in _OPERATOR}
    return {"name": as_text(operator)}


def _utm(fields: _Fields) -> dict[str, str]:
    named = {name.removeprefix(UTM_PREFIX): fields.value(name) for name in fields.table if name.startswith(UTM_PREFIX)}
    return as_utm(fields.value("utm")) | as_utm(named)
