"""One chat taken the whole way through the real pipeline, in a store of its own that is thrown away, with reads at most."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.attempt import Attempting, Stop
from bridge.clock import Clock
from bridge.config import Settings, TargetSettings
from bridge.crm.client import Crm
from bridge.errors import BridgeError, EmptyExpression, Rejected
from bridge.mapping.load import load_crm
from bridge.mapping.schema import CrmMapping
from bridge.model import Chat, Client, Delivery, Plan, Step
from bridge.pipeline import Pipeline
from bridge.sort import Sorter
from bridge.sources import Source
from bridge.store import Job, Store, open_store
from bridge.store.records import ChatChange, NewJob, Outcome, Sorted
from bridge.targets import Target
from bridge.transport import Answer, PreparedRequest, Sends, Transport

#: seconds; nobody else works on the store
LEASE = 3600.0
#: of one sample, for one target
MOST_JOBS = 100


class NotAsked(EmptyExpression, Rejected):
    """The CRM is not asked without --live."""


@dataclass(slots=True)
class Seen:
    """What went to one target's CRM, or would have gone."""

    requests: list[PreparedRequest] = field(default_factory=list)
    #: every client that a search gave, unchecked
    hits: list[Client] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Offline:
    """Takes the first requests down and sends none: a search that is not sent finds nobody."""

    seen: Seen

    async def send(self, request: PreparedRequest) -> Answer:
        self.seen.requests.append(request)
        raise NotAsked

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Sends, and takes down what was sent."""

    seen: Seen
    sends: Sends

    async def send(self, request: PreparedRequest) -> Answer:
        self.seen.requests.append(request)
        return await self.sends.send(request)

    async def close(self) -> None:
        await self.sends.close()


class ReadingCrm(Crm):
    """A CRM that is only read, whose hits are kept before anybody has checked them."""

    def __init__(self, mapping: CrmMapping, settings: TargetSettings, seen: Seen, *, live: bool, clock: Clock) -> None:
        transport = Watched(seen, Transport(timeout=settings.timeout)) if live else Offline(seen)
        super().__init__(settings.name, mapping, settings, transport=transport, clock=clock, writes=False)
        self._seen = seen

    async def find(
        self, scope: Mapping[str, Any], *, phones: Sequence[str], emails: Sequence[str], external_id: str | None,
        steps: list[Step],
    ) -> list[Client]:
        found = await super().find(scope, phones=phones, emails=emails, external_id=external_id, steps=steps)
        self._seen.hits += found
        return found


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a chat went for one target."""

    target: Target
    chat: Chat
    seen: Seen
    steps: Sequence[Step]
    outcome: Outcome | None
    error: BridgeError | None = None

    @property
    def plan(self) -> Plan | None:
        return self.outcome.rehearsed if self.outcome else None


@dataclass(slots=True)
class Rehearsal:
    """Made by `rehearsal`; delivers chats and tells how each would go."""

    settings: Settings
    store: Store
    clock: Clock
    sources: Mapping[str, Source]
    targets: Mapping[str, Target]
    seen: Mapping[str, Seen]

    async def deliver(self, delivery: Delivery) -> None:
        """Sort it as the service would: into chats and jobs."""
        await self.store.accept(delivery)
        await Sorter(self.store, self.clock, self.settings, self.sources).sort()

    async def take(self, chat: Chat, target: str) -> None:
        """A chat that is known already, for one target."""
        accepted = await self.store.accept(Delivery(source=chat.source, dedupe_key="taken", received_at=self.clock.now()))
        change = ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target=target, next_at=self.clock.time()),))
        await self.store.record_sorted([Sorted(delivery=accepted.id, state="sorted", changes=(change,))])

    async def go(self) -> list[Rehearsed]:
        """Every job that has come of it, one attempt each."""
        jobs = await self.store.claim(owner="rehearsal", lease=LEASE, room=dict.fromkeys(self.targets, MOST_JOBS))
        return [await self._attempt(job) for job in jobs]

    async def _attempt(self, job: Job) -> Rehearsed:
        target = self.targets[job.target]
        chat = (await self.store.chat(job.chat_row)).chat
        attempt = Attempting(job=job, clock=self.clock, lease_until=self.clock.monotonic() + LEASE)
        pipeline = Pipeline.of(self.store, self.clock, self.settings, self.sources, self.targets)
        outcome, failure = None, None
        try:
            outcome = await pipeline.run(attempt)
        except Stop as stop:
            outcome = stop.outcome
        except BridgeError as error:
            failure = error
        return Rehearsed(target, chat, self.seen[job.target], attempt.steps, outcome, failure)


@asynccontextmanager
async def rehearsal(settings: Settings, source: Source, *, live: bool) -> AsyncIterator[Rehearsal]:
    """A rehearsal for chats of one source. `live`: its searches and reads go to the CRMs. Raises MappingError, ConfigError."""
    clock = Clock()
    rehearsed = {name: one.model_copy(update={"mode": "rehearse"}) for name, one in settings.targets.items()}
    # nothing is waited for: neither for the rest of the chat nor for its end
    hasty = source.settings.model_copy(update={"grace": 0.0, "idle": 0.0})
    settings = settings.model_copy(update={"targets": rehearsed, "sources": {source.name: hasty}})
    sources = {source.name: Source.of(hasty, source.mapping, settings)}
    seen = {name: Seen() for name in rehearsed}
    targets = {}
    for name, one in rehearsed.items():
        mapping = load_crm(one.crm, search=settings.mapping_folders)
        targets[name] = Target(settings=one, mapping=mapping, crm=ReadingCrm(mapping, one, seen[name], live=live, clock=clock))
    try:
        with tempfile.TemporaryDirectory(prefix="chat2crm-try-") as folder:
            store = open_store(f"sqlite:///{Path(folder) / 'try.db'}", clock=clock)
            await store.open()
            try:
                yield Rehearsal(settings, store, clock, sources, targets, seen)
            finally:
                await store.close()
    finally:
        for target in targets.values():
            await target.crm.close()
