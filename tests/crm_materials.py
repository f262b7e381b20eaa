"""The least mapping that can be, of which tests change a part."""

from __future__ import annotations

from typing import Any

from bridge.mapping.schema.crm import CrmMapping

LEAST: dict[str, Any] = {
    "mapping_language": 1,
    "title": "T",
    "base_url": "{target.url}",
    "auth": {"kind": "none"},
    "find": {"with": "phone", "get": "/c", "query": {"q": "{phone}"}, "records": "list"},
    "client": {"id": "id"},
    "read": {"get": "/c/{client.id}"},
    "create": {"post": "/c", "json": {"name": "{visitor.name}"}, "id": "id"},
    "note": {"post": "/n", "json": {"text": "{note.text}"}, "id": "id"},
}


def crm(**keys: Any) -> CrmMapping:
    return CrmMapping.model_validate({**LEAST, **keys})
