"""What the tests of speaking to a CRM share: a scripted other side, and targets made from mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import respx
from fakes import FakeClock
from pydantic import SecretStr

from bridge.clock import Clock
from bridge.config.connections import TargetSettings
from bridge.crm.client import Crm
from bridge.mapping.load import load_crm
from bridge.mapping.schema.crm import CrmMapping
from bridge.transport import Answer, PreparedRequest, Sends

VARIANTS = Path(__file__).parent / "mappings"

Script = list[Answer | Exception]


class Scripted:
    """Gives the answers of a script one by one, and keeps what was asked."""

    def __init__(self, *script: Answer | Exception) -> None:
        self.script: Script = list(script)
        self.asked: list[PreparedRequest] = []

    async def send(self, request: PreparedRequest) -> Answer:
        self.asked.append(request)
        assert self.script, f"one request too many: {request.method} {request.url}"
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Nothing is open."""


class Routed:
    """The other side as routes: for what is asked in an order that does not matter, or more than once. What no route
    answers fails the test; `routes` are respx's, and `routes.calls` are the requests as they would stand on the wire.
    """

    def __init__(self) -> None:
        self.routes = respx.MockRouter(base_url="https://crm.example.com/api")

    async def send(self, request: PreparedRequest) -> Answer:
        asked = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        answer = await self.routes.async_handler(asked)
        return Answer(answer.status_code, dict(answer.headers), await answer.aread())

    async def close(self) -> None:
        self.routes.assert_all_called()


def said(data: Any = None, status: int = 200, **headers: str) -> Answer:
    """A JSON answer; header names with _ for -."""
    body = b"" if data is None else json.dumps(data).encode()
    return Answer(status, {name.replace("_", "-").lower(): value for name, value in headers.items()}, body)


def settings(crm: str = "sandbox", **given: Any) -> TargetSettings:
    kept = {"name": "sales", "url": "https://crm.example.com", "token": "the-key", **given}
    if kept["token"] is not None:
        kept["token"] = SecretStr(kept["token"])
    return TargetSettings.model_validate({"crm": crm, **kept})


def mapping_with(**changes: Any) -> CrmMapping:
    """The smallest mapping that can be used, with changes."""
    plain: dict[str, Any] = {
        "mapping_language": 1,
        "title": "T",
        "base_url": "{target.url}/api",
        "auth": {"kind": "header", "name": "X-Key", "value": "{target.token}"},
        "find": [{"with": "phone", "get": "/people", "query": {"phone": "{phone}"}, "records": "items"}],
        "client": {"id": "id", "name": "name", "phones": "phones", "emails": "emails"},
        "read": {"get": "/people/{client.id}"},
        "create": {"post": "/people", "json": {"name": "{visitor.name}", "phones": "{phones}"}, "id": "id"},
        "note": {"post": "/people/{client.id}/notes", "json": {"text": "{note.text}"}, "id": "id"},
    }
    return CrmMapping.model_validate(plain | changes)


def crm_over(transport: Sends, mapping: CrmMapping | str = "sandbox", *, clock: Clock | None = None,
             crm: Mapping[str, Any] | None = None, **target: Any) -> Crm:  # fmt: skip
    """A target; `crm` are further arguments of its class, the rest its settings."""
    loaded = load_crm(mapping, search=[VARIANTS]) if isinstance(mapping, str) else mapping
    return Crm("sales", loaded, settings(**target), transport=transport, clock=clock or FakeClock(), **(crm or {}))


class Hurried(FakeClock):
    """Never waits: a sleep passes at once."""

    async def sleep(self, seconds: float) -> None:
        self._pass(seconds)
