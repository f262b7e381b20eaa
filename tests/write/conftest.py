"""A shop's chats and what surrounds them, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.config.routes import RouteOptions
from bridge.mapping.schema import CrmMapping
from bridge.model import Chat, Client, ContactPoint, Match, Message, Operator, PointKind, Role, Verdict, Visitor, Wishes
from bridge.write import MarkerKeys, NoteSettings, Work

KEY = b"0123456789abcdef0123456789abcdef"

MAPPING: dict[str, Any] = {
    "mapping_language": 1,
    "title": "Test CRM",
    "base_url": "{target.url}",
    "auth": {"kind": "none"},
    "find": [{"with": "phone", "get": "/clients", "records": "@"}],
    "client": {"id": "id"},
    "read": {"get": "/clients/{client.id}"},
    "create": {"post": "/clients", "json": {"name": "{visitor.name}"}, "id": "id"},
    "enrich": {
        "patch": "/clients/{client.id}",
        "json": {"phones": "{new.phones}"},
        "phones": {"how": "add", "read": "phones"},
        "emails": {"how": "add", "read": "emails"},
    },
    "note": {"post": "/notes", "json": {"text": "{note.text}"}, "id": "id"},
    "deal": {"post": "/deals", "json": {"title": "{deal.title}"}, "id": "id"},
    "task": {"post": "/tasks", "json": {"title": "{note.title}"}, "id": "id"},
    "options": {"signing": {"about": "a key", "secret": True}},
}


@pytest.fixture
def mapping() -> Callable[..., CrmMapping]:
    """A CRM's mapping; keyword arguments stand in for its parts, `note` for members of its note."""

    def build(note: dict[str, Any] | None = None, **parts: Any) -> CrmMapping:
        whole = {**MAPPING, **parts, "note": {**MAPPING["note"], **(note or {})}}
        return CrmMapping.model_validate({key: part for key, part in whole.items() if part is not None})

    return build


@pytest.fixture
def said() -> Callable[..., Message]:
    """A message: role, text, `HH:MM` of 21 November 2026 in UTC (or `day HH:MM`)."""

    def build(role: Role | str, text: str, at: str | None = None, **rest: Any) -> Message:
        when = None
        if at is not None:
            day, _, clock = at.rpartition(" ")
            hour, minute = clock.split(":")
            when = datetime(2026, 11, int(day or 21), int(hour), int(minute), tzinfo=UTC)
        return Message(role=Role(role), text=text, at=when, **rest)

    return build


@pytest.fixture
def point() -> Callable[..., ContactPoint]:
    def build(value: str, **rest: Any) -> ContactPoint:
        kind = PointKind.EMAIL if "@" in value[1:] else PointKind.HANDLE if value[0] == "@" else PointKind.PHONE
        return ContactPoint(**{"kind": kind, "value": value, "as_written": value, "claim": "own"} | rest)

    return build


@pytest.fixture
def work(
    mapping: Callable[..., CrmMapping], said: Callable[..., Message], point: Callable[..., ContactPoint]
) -> Callable[..., Work]:
    """A small chat of one new client; keyword arguments stand in for its parts, route options by their own names."""
    chat = Chat(
        source="shop", chat_id="c1", visitor=Visitor(name="Иван Петров"), operators=(Operator(id="7", name="Анна"),),
        messages=(said("visitor", "Здравствуйте!", "11:05"), said("operator", "Добрый день!", "11:07", author="Анна")),
    )
    usual: dict[str, Any] = {
        "points": (point("+79161234567"),), "wishes": Wishes(), "match": Match(verdict=Verdict.NEW), "mapping": mapping(),
        "keys": MarkerKeys(KEY, "sales", "shop", "c1"), "source": {}, "target": {}, "chat": chat,
    }  # fmt: skip

    def build(**parts: Any) -> Work:
        def taken(names: Iterable[str]) -> dict[str, Any]:
            return {key: parts.pop(key) for key in list(parts) if key in names}

        own = usual | taken({*usual, *Work.__dataclass_fields__})
        options, settings, told = (
            taken(names) for names in (RouteOptions.model_fields, NoteSettings.__dataclass_fields__, Chat.model_fields)
        )
        assert not parts, f"nothing has {sorted(parts)}"
        own["chat"] = own["chat"].model_copy(update=told)
        settings = NoteSettings(**{"tz": ZoneInfo("Europe/Moscow")} | settings)
        return Work.over(**{"options": RouteOptions(**options), "settings": settings} | own)

    return build


@pytest.fixture
def found() -> Callable[..., Match]:
    """A match with a client of the CRM; keyword arguments are the client's."""

    def build(others: tuple[Client, ...] = (), **client: Any) -> Match:
        return Match(verdict=Verdict.FOUND, client=Client(**{"id": "12", "name": "Иван Петров"} | client), others=others)

    return build
