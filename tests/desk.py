"""A desk: the operations application over a real store, filled through the store's own methods."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from fakes import FakeClock

from bridge.config import Revealed, Settings
from bridge.connections.sources import Source
from bridge.connections.targets import Target
from bridge.crm.client import Crm
from bridge.extract import contact_points
from bridge.kpi import kpi
from bridge.mapping.load import load_crm, load_provider
from bridge.model import (
    Chat,
    Client,
    Delivery,
    JobState,
    Match,
    Message,
    Operation,
    OperationKind,
    OperationState,
    Page,
    Plan,
    Role,
    Step,
    Verdict,
    Visitor,
)
from bridge.pipeline.tally import tally
from bridge.report import Alerts, Deps, Metrics, application
from bridge.store import Attempt, Job, Outcome, Sorted, Store, Tally, open_store
from bridge.store.records import ChatChange, NewJob
from bridge.transport import Answer, PreparedRequest

PASSWORD = "correct horse battery staple"
PHONE = "+79161234567"
EMAIL = "anna@example.com"


def bearer(password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": f"Bearer {password}"}


@dataclass(slots=True)
class Webhook:
    """Takes what is posted, or answers with the statuses (or errors) it is told first."""

    posted: list[PreparedRequest] = field(default_factory=list)
    first: list[int | Exception] = field(default_factory=list)

    async def send(self, request: PreparedRequest) -> Answer:
        self.posted.append(request)
        answer = self.first.pop(0) if self.first else 200
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer)

    async def close(self) -> None: ...


@dataclass(slots=True)
class Switches:
    """Breakers, as a test sets them."""

    states: dict[str, str] = field(default_factory=dict)

    def state(self, target: str) -> str:
        return self.states.get(target, "closed")


def settings(*, password: str | None = PASSWORD, language: str = "en", **more: Any) -> Settings:
    return Settings.model_validate({
        "key": Revealed("k" * 40), "language": language, "timezone": "Europe/Moscow",
        "ops": {"password": Revealed(password)} if password else {},
        "sources": {"shop": {"provider": "generic", "secret": Revealed("s" * 20), "region": "RU", "target": "sales"}},
        "targets": {"sales": {"crm": "sandbox", "url": "https://crm.example.com", "mode": "write"}},
        **more,
    })  # fmt: skip


def dialogue(*texts: str, chat_id: str = "c-1", name: str | None = "Анна", at: Any = None, source: str = "shop") -> Chat:
    """The visitor speaks first, then by turns with an operator."""
    roles = (Role.VISITOR, Role.OPERATOR)
    return Chat(
        source=source, chat_id=chat_id, visitor=Visitor(id="v1", name=name), page=Page(url="https://shop.example/"),
        messages=tuple(
            Message(role=roles[n % 2], text=text, author="Олег" if n % 2 else None,
                    at=at + timedelta(seconds=20 * n) if at else None)
            for n, text in enumerate(texts or (f"Мой телефон {PHONE}", "Спасибо, перезвоним", f"или {EMAIL}"))
        ),
        started_at=at, ended_at=at,
    )  # fmt: skip


def plan(text: str = "Чат на сайте", *, markup: str = "plain", client: Client | None = None) -> Plan:
    verdict = Verdict.FOUND if client else Verdict.NEW
    made = () if client else (Operation(kind=OperationKind.CREATE, marker="c2c-aaaaaaaaaaaaaaaa"),)
    note = Operation(
        kind=OperationKind.NOTE, marker="c2c-bbbbbbbbbbbbbbbb", message_keys=("m1",),
        scope={"note": {"text": text, "title": "Чат", "markup": markup}},
    )  # fmt: skip
    return Plan(match=Match(verdict=verdict, client=client, reason="because"), operations=(*made, note))


def call(clock: FakeClock, what: str = "find by phone", **more: Any) -> Step:
    return Step(at=clock.now(), what=what, **{"method": "GET", "path": "/clients?phone=…", "status": 200, "ms": 41, **more})


@dataclass(slots=True)
class Desk:
    deps: Deps
    store: Store
    clock: FakeClock
    web: TestClient[Any, Any]
    webhook: Webhook
    breakers: Switches
    woken: list[int]
    #: of what comes in
    source: str = "shop"

    async def get(self, path: str, **more: Any) -> ClientResponse:
        return await self.web.get(path, allow_redirects=False, **more)

    async def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = await self.get(path)
        assert answer.status == 200, f"{path}: {answer.status}"
        return await answer.text()

    async def asks(self, path: str, status: int = 200) -> Any:
        """What a script is told that sends the password along."""
        answer = await self.web.get(path, headers=bearer())
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def does(self, path: str, body: Any = None, status: int = 200) -> Any:
        """As `asks`, of something that is done."""
        answer = await self.web.post(path, headers=bearer(), json={} if body is None else body)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def sign_in(self, password: str = PASSWORD, **more: str) -> ClientResponse:
        return await self.web.post("/sign-in", data={"password": password, **more}, allow_redirects=False)

    async def press(self, page: str, action: str, **fields: str) -> ClientResponse:
        """Send the form with this action as it stands on a page."""
        form = form_of(await self.page(page), action)
        return await self.web.post(action, data={**form, **fields}, allow_redirects=False)

    async def receive(self, body: bytes = b'{"a": 1}', *, key: str = "k1", state: str = "received", **more: Any) -> int:
        accepted = await self.store.accept(
            Delivery(source=self.source, dedupe_key=key, received_at=self.clock.now(), headers={"x-kept": "yes"}, body=body)
        )
        if state != "received":
            await self.store.record_sorted([Sorted(delivery=accepted.id, state=state, **more)])  # type: ignore[arg-type]
        return accepted.id

    async def job(self, chat: Chat | None = None, *, target: str = "sales", findings: tuple[str, ...] = ()) -> int:
        """A chat has come in; gives its job."""
        chat = chat or dialogue(at=self.clock.now(), source=self.source)
        await self.receive(
            key=chat.chat_id, state="sorted", event="chat_finished", findings=findings,
            changes=(ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target=target, next_at=self.clock.time()),)),),
        )  # fmt: skip
        return int((await self.store.reading().jobs())[0]["id"])

    async def claimed(self, chat: Chat | None = None, *, target: str = "sales") -> Job:
        job_id = await self.job(chat, target=target)
        jobs = await self.store.claim(owner="w", lease=60.0, room={target: 100})
        return next(job for job in jobs if job.id == job_id)

    async def ended(
        self, state: JobState, reason: str = "", detail: str = "", *, chat: Chat | None = None, code: str = "",
        steps: tuple[Step, ...] = (), made: Plan | None = None, rehearsed: Plan | None = None, sent: int = 0, done: int = 0,
        next_in: float = 600.0, target: str = "sales",
    ) -> int:
        """A job that has come to such an end; of its plan `done` operations were carried out and `sent` more sent."""
        job = await self.claimed(chat, target=target)
        if made is not None:
            rows = await self.store.record_plan(job, made)
            for number, row in enumerate(rows[: done + sent]):
                under_way = await self.store.record_sent(row, epoch=job.epoch)
                if number < done:
                    await self.store.settle(under_way, OperationState.DONE, record_id=f"r{number}")
        now = self.clock.time()
        await self.store.finish(
            job,
            Outcome(state=state, reason=reason, detail=detail, error_code=code, rehearsed=rehearsed,
                    next_at=now + next_in if state in {JobState.WAITING, JobState.RETRYING} else None),
            Attempt(number=1, started_at=now - 2, ended_at=now, outcome=state, error_code=code, detail=detail, steps=steps),
            await self.tally(job),
        )  # fmt: skip
        return job.id

    async def tally(self, job: Job) -> Tally:
        """What the job's chat adds to the figures, as the pipeline counts it."""
        source, stored = self.deps.settings.sources[self.source], await self.store.chat(job.chat_row)
        points = contact_points(stored.chat, region="RU").points
        figures = kpi(stored.chat, source.hours, source.zone, points=points)
        return tally(stored.chat, figures, source.hours, source.zone, received=self.clock.now())


def form_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    found = re.search(rf'<form method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert found, f"there is no form for {action}"
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', found[1]))


@asynccontextmanager
async def desk_of(folder: Path, clock: FakeClock, known: Settings, url: str = "") -> AsyncIterator[Desk]:
    store = open_store(url or f"sqlite:///{folder}/chat2crm.db", clock=clock)
    await store.open()
    provider, crm, webhook, breakers, woken = load_provider("generic"), load_crm("sandbox"), Webhook(), Switches(), list[int]()
    alerts = Alerts(store, "https://alerts.example/hook/s3cret", clock, known.language, webhook, page="http://ops.example")
    deps = Deps(
        store=store, clock=clock, settings=known,
        sources={name: Source.of(one, provider, known) for name, one in known.sources.items()},
        targets={name: Target(settings=one, mapping=crm, crm=Crm(name, crm, one, transport=webhook, clock=clock))
                 for name, one in known.targets.items()},
        metrics=Metrics(alerts.notice, alerts.passed), alerts=alerts, wake=lambda: woken.append(1), breakers=breakers,
    )  # fmt: skip
    try:
        async with TestClient(TestServer(application(deps)), cookie_jar=CookieJar(unsafe=True)) as web:
            yield Desk(deps, store, clock, web, webhook, breakers, woken)
    finally:
        await store.close()
