"""A chat service with an API of its own, in this process: it keeps the transcripts, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from fakes import FakeClock

from bridge.config import Settings, load
from bridge.connections.sources import load_sources
from bridge.fetch import Connection, Fetcher, Reconciler, connect
from bridge.model import Delivery
from bridge.sort import Sorter
from bridge.store import Store, open_store

TOKEN = "the-token-of-the-api"
ENVIRON = {"C2C_KEY": "k" * 40, "API_TOKEN": TOKEN, "C2C_SECRET": "s3cret-s3cret-s3cret"}

MAPPING: dict[str, Any] = {
    "mapping_language": 1,
    "title": "A service",
    "verify": {"scheme": "equality", "in": "path"},
    "split": "[batch || [@]][]",
    "at": "event",
    "dedupe": ["event", "id"],
    "events": {
        "ended": {"as": "chat_finished", "fetch": ["messages", "person"]},
        "left": {"as": "offline_message", "fields": {"text": "text"}},
        "listed": {"as": "chat_finished", "fetch": "messages"},
    },
    "api": {"auth": {"kind": "bearer", "value": "{source.token}"}},
    "fetch": {
        "messages": {
            "get": "/chats/{chat}/messages", "records": "data", "ready": "ready",
            "pages": {"next": "next", "into": "query.cursor"},
        },
        "person": {"get": "/people/{fetched.messages[0].person}"},
    },
    "fields": {"chat_id": "chat", "visitor.phone": "fetched.person.phone", "ended_at": "closed_at"},
    "messages": {"each": "fetched.messages", "role": "by", "roles": {"v": "visitor"}, "text": "text", "id": "id"},
    "reconcile": {
        "get": "/chats", "query": {"from": "{since}", "to": "{until}"}, "records": "chats",
        "pages": {"next": "next", "into": "url"}, "every": "15m", "look_back": "24h", "event": "listed",
    },
}  # fmt: skip


@dataclass(slots=True)
class ChatService:
    url: str = ""
    #: chat → its messages' texts
    chats: dict[str, list[str]] = field(default_factory=dict)
    closed: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    #: path → what is answered to it next, instead of the truth: a status, or `reset`; 200 is the truth
    faults: dict[str, list[int | str]] = field(default_factory=dict)
    #: for every path
    refuses: int | None = None
    not_ready: set[str] = field(default_factory=set)
    #: path → held back until it is set
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    retry_after: str = "30"
    #: where the next page of a list is said to be
    next_at: str = ""
    asked: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._rim()])
        app.router.add_get("/chats/{chat}/messages", self._messages)
        app.router.add_get("/people/{person}", self._person)
        app.router.add_get("/chats", self._list)
        return app

    def _rim(self) -> Any:
        @web.middleware
        async def rim(request: web.Request, handler: Any) -> web.StreamResponse:
            self.asked.append(request.path_qs)
            self.seen[request.path] += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            try:
                if request.path in self.gates:
                    await self.gates[request.path].wait()
                return await self._answer(request, handler)
            finally:
                self.under_way -= 1

        return rim

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.refuses is not None or request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "no"}, status=self.refuses or 401)
        told = self.faults.get(request.path, [])
        fault = told.pop(0) if told else None
        if fault == "reset":
            half = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
            await half.prepare(request)
            await half.write(b'{"data": [')
            assert request.transport is not None
            request.transport.abort()
            return half
        if isinstance(fault, int) and fault != 200:
            headers = {"Retry-After": self.retry_after} if fault == 429 else {}
            return web.json_response({"error": "x"}, status=fault, headers=headers)
        response: web.StreamResponse = await handler(request)
        return response

    async def _messages(self, request: web.Request) -> web.Response:
        chat = request.match_info["chat"]
        if chat not in self.chats:
            return web.json_response({"error": "unknown"}, status=404)
        begin = int(request.query.get("cursor", "0"))
        texts = self.chats[chat]
        data = [{"id": f"{chat}-{n}", "by": "v", "text": texts[n], "person": f"p{chat}"} for n in range(len(texts))]
        end = begin + self.page_size
        return web.json_response(
            {"data": data[begin:end], "next": str(end) if end < len(texts) else None, "ready": chat not in self.not_ready}
        )

    async def _person(self, request: web.Request) -> web.Response:
        return web.json_response({"phone": "+7916" + request.match_info["person"].lstrip("p").rjust(7, "0")})

    async def _list(self, request: web.Request) -> web.Response:
        found = [one for one in self.closed if request.query["from"] <= one["closed_at"] <= request.query["to"]]
        begin = int(request.query.get("skip", "0"))
        end = begin + self.page_size
        more = f"{self.next_at or self.url}/chats?from={request.query['from']}&to={request.query['to']}&skip={end}"
        return web.json_response({"chats": found[begin:end], "next": more if end < len(found) else None})


class Hurried(FakeClock):
    """Nobody waits: a sleep passes at once."""

    async def sleep(self, seconds: float) -> None:
        self._pass(seconds)
        await asyncio.sleep(0)


@dataclass(slots=True)
class Desk:
    """Everything that fetches, over a real store, without the service around it."""

    clock: Hurried
    service: ChatService
    settings: Settings
    store: Store
    sorter: Sorter
    connections: dict[str, Connection]
    fetcher: Fetcher
    reconciler: Reconciler
    alerts: list[str] = field(default_factory=list)
    woken: int = 0
    _posted: int = 0

    def skewed(self, source: str, seconds: float) -> None: ...

    def alert(self, cause: str, text: str) -> None:
        self.alerts.append(f"{cause} {text}")

    def wake(self) -> None:
        self.woken += 1

    async def post(self, *events: Mapping[str, Any], source: str = "shop") -> int:
        """As the receiver would keep it; gives the delivery's number."""
        self._posted += 1
        body = json.dumps(events[0] if len(events) == 1 else {"batch": events}).encode()
        delivery = Delivery(source=source, dedupe_key=str(self._posted), received_at=self.clock.now(), body=body)
        return (await self.store.accept(delivery)).id

    async def round(self) -> None:
        """Sort what is there, fetch what is due, both to the end."""
        while await self.sorter.sort():
            pass
        while await self.fetcher.start_due():
            await self.fetcher.finished()

    async def wait(self, seconds: float) -> None:
        self.clock._pass(seconds)
        await self.round()

    async def until(self, holds: Callable[[], Awaitable[bool] | bool]) -> None:
        """While requests are under way; the test's own time limit ends it."""
        while not (await found if isinstance(found := holds(), Awaitable) else found):  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)

    async def states(self) -> list[str]:
        """Of all deliveries, in the order they came."""
        return [row["state"] for row in reversed(await self.store.reading().deliveries())]

    async def row(self, delivery: int) -> dict[str, Any]:
        rows = {row["id"]: row for row in await self.store.reading().deliveries()}
        return rows[delivery]

    async def texts(self, chat: str, source: str = "shop") -> list[str] | None:
        stored = await self.store.chat_of(source, chat)
        return [message.text for message in stored.chat.messages] if stored else None

    async def crash(self) -> None:
        """As after kill -9: whatever was in memory is gone, and the store is opened anew."""
        for _, task in self.fetcher._running.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in self.fetcher._running.values()), return_exceptions=True)
        await self.store.close()
        await self.store.open()
        self.begin()

    def begin(self) -> None:
        self.fetcher = Fetcher(self.store, self.clock, self.sorter, self.settings.retry, self.connections, self, self.wake)
        self.reconciler = Reconciler(self.store, self.clock, self.sorter, self.settings.retry, self.connections, self)


def configured(folder: Path, url: str, mapping: Mapping[str, Any], **top: Any) -> Settings:
    (folder / "mappings" / "providers").mkdir(parents=True, exist_ok=True)
    (folder / "mappings" / "providers" / "service.yaml").write_text(json.dumps(mapping), encoding="utf-8")
    source = {"provider": "service", "secret": "${C2C_SECRET}", "token": "${API_TOKEN}", "url": url, "target": "sales"}
    config = {
        "store": f"sqlite:///{folder}/chat2crm.db", "key": "${C2C_KEY}", "timezone": "Europe/Moscow",
        "sources": {"shop": source, "blog": source},
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${API_TOKEN}"}},
        **top,
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return load(folder / "config.yaml", ENVIRON)


@asynccontextmanager
async def serving(service: ChatService) -> AsyncIterator[ChatService]:
    runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


@asynccontextmanager
async def at_desk(folder: Path, mapping: Mapping[str, Any] = MAPPING, **top: Any) -> AsyncIterator[Desk]:
    async with serving(ChatService()) as service:
        clock = Hurried()
        settings = configured(folder, service.url, mapping, **top)
        store = open_store(settings.store, clock=clock)
        sources = load_sources(settings)
        connections = connect(sources, clock)
        await store.open()
        desk = Desk(
            clock, service, settings, store, Sorter(store, clock, settings, sources), connections,
            fetcher=None, reconciler=None,  # type: ignore[arg-type]  # made in the next line
        )  # fmt: skip
        try:
            desk.begin()
            yield desk
        finally:
            for connection in connections.values():
                await connection.close()
            await store.close()
