"""Every recorded delivery of a chat service on its whole way: posted to the running service, fetched for, written to a CRM.

A story is one or more recorded requests, sent with their own signatures at the time at which they were signed. Each story has a
source, a target and a CRM of its own, so that what becomes of it depends on nothing else; all of a provider's share one service.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web
from fakes import FakeClock
from running import asked, eventually
from way import ENVIRON

from bridge.app import Service
from bridge.config import load
from bridge.mapping.load import load_provider
from bridge.mapping.samples import Expected, Sample, read_samples
from bridge.mapping.schema import Fetch, ProviderMapping
from bridge.parse.source import LISTED
from bridge.parse.trial import SOME_TIME
from bridge.sandbox import Running, start

FOLDER = Path(__file__).parents[1] / "mappings" / "providers"
PAGES = Path(__file__).parents[1] / "docs" / "providers"
TOKEN = "the-api-token"
#: a variant that comes after the sample without it: the same once more, the same chat gone on
AFTER = ("repeated", "same_again", "again", "closed_again")
#: what only several deliveries tell: the visitor writes, the operator answers, a contact comes later
TALKS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "telegram": {
        "talk": ["message.start", "message", "message.photo", "message.contact", "message.location"],
        "business_talk": ["business_message", "business_message.ours", "business_message.bot"],
    },
    "whatsapp": {"talk": ["messages", "smb_message_echoes", "messages.kinds"]},
    "facebook_messenger": {"talk": ["message", "message.phone", "message.email", "postback"]},
    "vk": {"talk": ["message_new", "message_reply", "message_new.files", "message_edit"]},
    "livetex": {"talk": ["TextMessage", "TextMessage.contacts_in_text", "FileMessage", "Closed"]},
    "carrotquest": {"talk": ["conversation", "conversation.answer", "conversation.bot", "event", "conversation.closed"]},
    "jivo": {"contact_comes_later": ["chat_finished.unanswered", "client_updated"]},
}


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    samples: tuple[Sample, ...] = ()
    #: what was never sent and only stands in the provider's list of finished chats
    listed: Sample | None = None

    @property
    def source(self) -> str:
        return re.sub(r"[^a-z0-9_]", "_", self.name.lower())

    @property
    def all(self) -> tuple[Sample, ...]:
        return self.samples + ((self.listed,) if self.listed else ())

    @property
    def keys(self) -> tuple[str, ...]:
        return _told(self.all[0]).keys


@dataclass(slots=True)
class Ended:
    """What came of a story."""

    #: of its requests, one after another
    answers: list[dict[str, Any]]
    #: of the same requests, each played back once
    played_back: list[dict[str, Any]]
    #: state and reason of each delivery, then of each job
    outcome: list[str]
    #: every card with its notes and tasks, as a sales person reads it; empty if there is none
    text: str


class Leaping(FakeClock):
    """Time passes in leaps: who sleeps through one wakes once at its end, not at each second on the way."""

    async def leap(self, seconds: float) -> None:
        self._pass(seconds)
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                waiting.set_result(None)
        await asyncio.sleep(0)

    async def until(self, at: datetime) -> None:
        await self.leap(max(0.0, (at - self.now()).total_seconds()))


def stories(provider: str, mapping: ProviderMapping) -> list[Story]:
    every = read_samples(FOLDER / provider, mapping)
    samples = {one.name: one for one in every if one.method not in LISTED}
    found = [Story(one.name, listed=one) for one in every if one.method in LISTED]
    for name, sample in samples.items():
        before = samples.get(_without_variant(name)) if name.endswith(AFTER) else None
        found.append(Story(name, (before, sample) if before else (sample,)))
    for name, told in TALKS.get(provider, {}).items():
        found.append(Story(name, tuple(samples[one] for one in told)))
    return found


def _without_variant(name: str) -> str:
    event, _, variant = name.partition(".")
    return f"{event}.closed" if variant == "closed_again" else event


def _told(sample: Sample) -> Expected:
    assert sample.expected is not None
    return sample.expected


# -- the provider's own API --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Api:
    """Answers below `/STORY` what was recorded beside the story's samples, and complains of whatever else it is asked."""

    mapping: ProviderMapping
    url: str = ""
    #: story → its recorded steps, in the order in which they are asked for
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: story → what its list of finished chats holds, once
    lists: dict[str, list[Any]] = field(default_factory=dict)
    #: what is asked for before each list
    before_lists: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        story, _, rest = request.path_qs.removeprefix("/").partition("/")
        body = (await request.read()).decode()
        if self._is_list(request.method, f"/{rest}".partition("?")[0]):
            return web.json_response(_nested(self.mapping.reconcile, self.lists.pop(story, [])))
        left = self.steps.get(story, [])
        login = next((step for step in self.before_lists if _is_asked(step, request, f"/{rest}", body)), None)
        if login is not None:
            return web.json_response(login["answer"])
        found = next((step for step in left if _is_asked(step, request, f"/{rest}", body)), None)
        if found is None:
            self.complaints.append(f"{story}: {request.method} /{rest} {body} was not recorded")
            return web.json_response({"error": "not recorded"}, status=418)
        left.remove(found)
        return web.json_response(found["answer"], status=found.get("status", 200))

    def _is_list(self, method: str, path: str) -> bool:
        reconcile = self.mapping.reconcile
        if reconcile is None or reconcile.path is None or reconcile.method != method:
            return False
        base = urlsplit(str(self.mapping.api.base_url.raw)).path if "://" in str(self.mapping.api.base_url.raw)[:8] else ""
        return re.fullmatch(re.escape(base) + re.sub(r"\{[^}]*\}", "[^/]+", str(reconcile.path.raw)), path) is not None


def _is_asked(step: Mapping[str, Any], request: web.Request, path: str, body: str) -> bool:
    if "url" not in step:  # only what is answered is told
        return True
    at = urlsplit(step["url"])
    recorded = at.path + (f"?{at.query}" if at.query else "")
    headers = all(request.headers.get(name) == value for name, value in step.get("headers", {}).items())
    sent = json.loads(body) if body.startswith("{") else dict(parse_qsl(body)) if body else None
    return (step["method"], recorded, step.get("json", step.get("form"))) == (request.method, path, sent) and headers


def recorded(provider: str, mapping: ProviderMapping, sample: Sample) -> list[dict[str, Any]]:
    """The steps beside a sample; or, where none are, answers from which what the sample is read with comes out."""
    path = FOLDER / provider / f"{sample.name}.requests.json"
    if path.is_file():
        steps: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return steps
    told = _told(sample)
    wanted = [name for name in mapping.fetch if name in told.fetched]
    return [step for _ in told.events for name in wanted for step in _steps(mapping.fetch[name], told.fetched[name])]


def before_lists(provider: str, mapping: ProviderMapping) -> list[dict[str, Any]]:
    """The recorded steps of what `reconcile` fetches before it asks for its list."""
    if mapping.reconcile is None or not mapping.reconcile.fetch:
        return []
    steps = json.loads((FOLDER / provider / "reconcile.requests.json").read_text("utf-8"))
    return list(steps[: len(mapping.reconcile.fetch)])


def _steps(request: Fetch, value: Any) -> Iterator[dict[str, Any]]:
    yield {"answer": _nested(request, value)}
    if request.records is not None and request.pages is not None and value:
        yield {"answer": _nested(request, [])}


def _nested(request: Fetch | None, value: Any) -> Any:
    """An answer in which the request's `records`, a plain path, finds the value."""
    for name in reversed(request.records.source.split(".") if request and request.records else []):
        value = {name: value}
    return value


@asynccontextmanager
async def api(mapping: ProviderMapping) -> AsyncIterator[Api]:
    made = Api(mapping)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


# -- the service -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Telling:
    """One provider's stories, told to one running service."""

    clock: Leaping
    service: Service
    db: Path
    crms: dict[str, Running]
    session: aiohttp.ClientSession
    api: Api
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    played_back: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    async def tell(self, told: Sequence[Story]) -> None:
        """Everybody's first deliveries, each at its time, then the second ones, and then the silence in which chats end."""
        for turn in range(max(len(story.samples) for story in told)):
            due = [(_sent_at(story.samples[turn]), story) for story in told if turn < len(story.samples)]
            for at, story in sorted(due, key=lambda one: one[0]):
                await self.clock.until(at)
                self.answers[story.name].append(await self._send(story, story.samples[turn]))
                # played back at once by somebody, or repeated by a provider that got no answer
                self.played_back[story.name].append(await self._send(story, story.samples[turn]))
            await self._read()
            await self._work(silence=False)
        await self._work(silence=True)

    async def _send(self, story: Story, sample: Sample) -> dict[str, Any]:
        at = urlsplit(sample.url)
        path = re.sub(r"^/hooks/[^/]+", f"/hooks/{story.source}", at.path) + (f"?{at.query}" if at.query else "")
        headers = {name: value for name, value in sample.headers.items() if name not in ("host", "content-length")}
        url = f"http://127.0.0.1:{self.service.public_port}{path}"
        async with self.session.request(sample.method, url, headers=headers, data=sample.body) as answer:
            body = await answer.text()
            if answer.content_type == "application/json":
                return {"status": answer.status, "json": json.loads(body)}
            return {"status": answer.status, "body": body}

    async def _read(self) -> None:
        """Until every delivery is understood, with what it needed from the provider."""

        async def read() -> bool:
            await self.clock.leap(1.0)
            under_way = asked(self.db, "SELECT 1 FROM deliveries WHERE state IN ('received', 'fetching')")
            return not under_way and not self.api.lists

        await eventually(read, "every delivery is understood")

    async def _work(self, *, silence: bool) -> None:
        """Until no job is due; with `silence`, until none ever will be."""

        async def over() -> bool:
            jobs = asked(self.db, "SELECT state, next_at FROM jobs WHERE state IN ('pending', 'running', 'retrying', 'waiting')")
            under_way = any(job["state"] == "running" or job["next_at"] <= self.clock.time() for job in jobs)
            if under_way or silence:
                await self.clock.leap(0.2 if under_way else 3600.0)
            return not (jobs if silence else under_way)

        await eventually(over, "every job is over, or waits for a person")

    def ended(self, story: Story) -> Ended:
        deliveries = asked(self.db, "SELECT state, reason, repeats FROM deliveries WHERE source = ? ORDER BY id", story.source)
        jobs = asked(self.db, "SELECT state, reason FROM jobs WHERE source = ? ORDER BY id", story.source)
        # each request was sent twice, and must have been known again
        sent = 1 if story.listed else 2
        times = [row for row in deliveries for _ in range((1 + row["repeats"]) // sent)]
        outcome = [f"delivery {row['state']}: {row['reason']}".rstrip(": ") for row in times]
        outcome += [f"delivery {row['state']} TWICE" for row in deliveries if (1 + row["repeats"]) % sent]
        outcome += [f"job {row['state']}: {row['reason']}".rstrip(": ") for row in jobs]
        return Ended(self.answers[story.name], self.played_back[story.name], outcome, cards(self.crms[story.name]))


def _sent_at(sample: Sample) -> datetime:
    return _told(sample).now or SOME_TIME


def cards(crm: Running) -> str:
    """What stands in a CRM: each client with contacts, notes and tasks."""
    def rows(sql: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in crm.parts.records.db.execute(sql, values).fetchall()]

    told = []
    for client in rows("SELECT * FROM clients ORDER BY id"):
        told.append(f"### {client['name']}")
        points = {kind: ", ".join(json.loads(client[kind] or "[]")) for kind in ("phones", "emails")}
        told += [f"    {kind}: {found}" for kind, found in points.items() if found]
        for note in rows("SELECT * FROM notes WHERE client_id = ? ORDER BY id", client["id"]):
            told += ["", f"== {note['title']}", note["text"]]
        for task in rows("SELECT * FROM tasks WHERE client_id = ? ORDER BY id", client["id"]):
            told += ["", "== a task", task["text"]]
        told.append("")
    return "\n".join(told)


@asynccontextmanager
async def telling(folder: Path, provider: str, told: Sequence[Story], provider_api: Api) -> AsyncIterator[Telling]:
    """The service with all of these stories' sources, each of which writes to a CRM of its own."""
    clock = Leaping(min(_sent_at(sample) for story in told for sample in story.all))
    async with AsyncExitStack() as stack:
        crms = {story.name: await stack.enter_async_context(start()) for story in told}
        config = {
            "store": f"sqlite:///{folder}/chat2crm.db", "key": "${C2C_KEY}", "timezone": "Europe/Moscow",
            "language": "ru" if (PAGES / f"{provider}.ru.md").exists() else "en",
            "receive": {"host": "127.0.0.1", "port": "0"}, "ops": {"host": "127.0.0.1", "port": "0"},
            "sources": {story.source: _source(provider, story, provider_api) for story in told},
            "targets": {story.source: {
                "crm": "sandbox", "url": crms[story.name].url, "token": "${C2C_TOKEN}", "mode": "write", "timeout": "20s",
                "commits_within": "1s", "consistency_delay": "0s",
            } for story in told},
        }  # fmt: skip
        (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        _redirect(folder, provider)
        environ = {**ENVIRON, "API_TOKEN": TOKEN}
        for story in told:
            environ |= {f"KEY_{story.source}_{number}": key for number, key in enumerate(story.keys)}
        service = Service(load(folder / "config.yaml", environ), clock=clock, environ=environ)
        running = asyncio.create_task(service.run())
        ready = asyncio.create_task(service.ready.wait())
        await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        try:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            yield Telling(clock, service, folder / "chat2crm.db", crms, session, provider_api)
        finally:
            service.stopping.set()
            while not running.done():
                await clock.leap(1.0)
                await asyncio.sleep(0.01)
            await running


def _source(provider: str, story: Story, provider_api: Api) -> dict[str, Any]:
    return {
        "provider": provider, "secret": [f"${{KEY_{story.source}_{number}}}" for number in range(len(story.keys))],
        "token": "${API_TOKEN}", "url": f"{provider_api.url}/{story.source}", "region": "RU", "target": story.source,
        **_told(story.all[-1]).settings,
    }  # fmt: skip


def _redirect(folder: Path, provider: str) -> None:
    """A provider whose address is always the same is reached at ours by an overlay, as any mapping can be changed."""
    mapping = load_provider(provider)
    base = str(mapping.api.base_url.raw) if mapping.fetch or mapping.reconcile else ""
    if base.startswith("https://"):
        path = folder / "mappings" / "providers" / f"{provider}.yaml"
        path.parent.mkdir(parents=True)
        overlay = {"mapping_language": 1, "extends": provider, "api": {"base_url": "{source.url}" + urlsplit(base).path}}
        path.write_text(json.dumps(overlay), encoding="utf-8")
