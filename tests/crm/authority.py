"""A CRM's authorisation server with single-use refresh tokens: in memory, or over HTTP on a port of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from bridge.errors import NoAnswer, NotSent
from bridge.mapping.schema.crm import CrmMapping
from bridge.transport import Answer, PreparedRequest

CLIENT = {"client_id": "our-id", "client_secret": "our-secret"}
LIVES = 3600


@dataclass
class Authority:
    """Knows which refresh token is the newest; an older one is refused, and nothing is given twice."""

    rotating: bool = True
    lives: int | None = LIVES
    #: seconds an answer takes
    takes: float = 0.0
    #: how the next answers are lost: `before` anything was done, or `after`
    losing: list[str] = field(default_factory=list)
    #: answers in place of its own
    instead: list[Answer] = field(default_factory=list)
    revoked: bool = False
    code: str | None = "the-code"
    challenge: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    requests: list[PreparedRequest] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    number: int = 0
    refresh: str = "refresh-0"

    @property
    def access(self) -> str:
        return f"access-{self.number}"

    def grants(self) -> Counter[str]:
        return Counter(given["grant_type"] for given in self.asked)

    async def send(self, request: PreparedRequest) -> Answer:
        self.requests.append(request)
        given = dict(parse_qsl(urlsplit(request.url).query)) | dict(parse_qsl((request.body or b"").decode()))
        header = request.headers.get("Authorization", "")
        if header.startswith("Basic "):
            pair = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            given |= {"client_id": pair[0], "client_secret": pair[2]}
        return await self.asked_for(given)

    async def close(self) -> None:
        """Nothing is open."""

    async def asked_for(self, given: dict[str, str]) -> Answer:
        self.asked.append(given)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes)
            loss = self.losing.pop(0) if self.losing else None
            if loss == "before":
                raise NoAnswer("lost on its way there")
            if loss == "unsent":
                raise NotSent
            answer = self.instead.pop(0) if self.instead else self._answer(given)
            if loss == "after":
                raise NoAnswer("lost on its way back")
            return answer
        finally:
            self.at_once -= 1

    def _answer(self, given: Mapping[str, str]) -> Answer:
        if {key: given.get(key) for key in CLIENT} != CLIENT:
            return said({"error": "invalid_client"}, 401)
        wrong = _CHECKS[given["grant_type"]](self, given)
        if wrong or self.revoked:
            return said({"error": "invalid_grant", "error_description": wrong or "access was withdrawn"}, 400)
        self.number += 1
        told: dict[str, Any] = {"access_token": self.access, "instance": "https://eu.crm.example"}
        if given["grant_type"] in ("authorization_code", "refresh_token") and (self.rotating or self.number == 1):
            self.refresh = f"refresh-{self.number}"
            told["refresh_token"] = self.refresh
        if self.lives is not None:
            told["expires_in"] = self.lives
        return said(told)

    def _code(self, given: Mapping[str, str]) -> str:
        code, self.code = self.code, None
        if given.get("code") != code or code is None:
            return "the code was used or is another's"
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return "" if self.challenge in (None, proof) else "the verifier does not fit"

    def _refresh(self, given: Mapping[str, str]) -> str:
        return "" if given.get("refresh_token") == self.refresh else "the refresh token was already exchanged"

    def _password(self, given: Mapping[str, str]) -> str:
        return "" if (given.get("username"), given.get("password")) == ("bot", "pass") else "no such user"


_CHECKS = {
    "authorization_code": Authority._code,
    "refresh_token": Authority._refresh,
    "password": Authority._password,
    "client_credentials": lambda _self, _given: "",
}


def said(data: Any, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(data).encode())


def oauth_mapping(grant: str = "authorization_code", *, pkce: bool = False, token: Mapping[str, Any] | None = None,
                  **changes: Any) -> CrmMapping:  # fmt: skip
    auth: dict[str, Any] = {"kind": "oauth2", "grant": grant, "endpoint": {"url": "{target.url}/oauth/token"}}
    if grant == "authorization_code":
        auth["consent"] = {"url": "{target.url}/oauth/consent", "query": {"scope": "crm"}, "pkce": pkce}
    auth |= changes.pop("auth", {})
    plain: dict[str, Any] = {
        "mapping_language": 1, "title": "T", "base_url": "{target.url}/api", "auth": auth,
        "token": token or {
            "access": "access_token", "refresh": "refresh_token", "expires_in": "expires_in",
            "keep": {"instance": "instance", "account": "redirect.account"},
        },
        "who": {"get": "/me", "name": "name"},
        "find": [{"with": "phone", "get": "/people", "query": {"phone": "{phone}"}, "records": "items"},
                 {"with": "email", "get": "/people", "query": {"email": "{email}"}, "records": "items"}],
        "client": {"id": "id", "name": "name", "phones": "phones", "emails": "emails"},
        "read": {"get": "/people/{client.id}"},
        "create": {"post": "/people", "json": {"name": "{visitor.name}", "phones": "{phones}"}, "id": "id"},
        "note": {"post": "/people/{client.id}/notes", "json": {"text": "{note.text}"}, "id": "id"},
    }  # fmt: skip
    return CrmMapping.model_validate(plain | changes)


@asynccontextmanager
async def served(authority: Authority) -> AsyncIterator[str]:
    """Over HTTP, with a small CRM behind it that takes the newest access token only; gives the address."""

    async def token(request: web.Request) -> web.Response:
        answer = await authority.asked_for({key: str(value) for key, value in (await request.post()).items()})
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    def let_in(request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {authority.access}"

    async def me(request: web.Request) -> web.Response:
        return web.json_response({"name": "Ann of Sales"} if let_in(request) else {}, status=200 if let_in(request) else 401)

    async def people(request: web.Request) -> web.Response:
        return web.json_response({"items": []} if let_in(request) else {}, status=200 if let_in(request) else 401)

    async def person(request: web.Request) -> web.Response:
        return web.json_response({}, status=404 if let_in(request) else 401)

    app = web.Application()
    app.router.add_post("/oauth/token", token)
    app.router.add_get("/api/me", me)
    app.router.add_get("/api/people", people)
    app.router.add_get("/api/people/{id}", person)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
