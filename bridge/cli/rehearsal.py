"""One chat taken the whole way through the real pipeline, in a store of its own that is thrown away, with reads at most."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.cli.access import Offline, Watched, live_tokens, live_transports, unspoken_tokens
from bridge.cli.rendering import rendered
from bridge.clock import Clock
from bridge.config import Settings, TargetSettings
from bridge.connections.sources import Source
from bridge.connections.targets import Target, mappings_of
from bridge.crm.auth.tokens import OAuthTokens
from bridge.crm.call import Tokens
from bridge.crm.client import Crm
from bridge.errors import BridgeError
from bridge.mapping.schema import CrmMapping
from bridge.model import Chat, Client, Delivery, Operation, Plan, Step
from bridge.pipeline import Pipeline
from bridge.pipeline.attempt import Attempting, Stop
from bridge.sort import Sorter
from bridge.store import Job, Store, open_store
from bridge.store.records import ChatChange, NewJob, Outcome, Sorted
from bridge.transport import PreparedRequest

#: seconds; nobody else works on the store
LEASE = 3600.0
#: of one sample, for one target
MOST_JOBS = 100


class ReadingCrm(Crm):
    """A CRM that is only read, whose hits are kept before anybody has checked them."""

    def __init__(
        self, mapping: CrmMapping, settings: TargetSettings, sends: Offline | Watched, *, tokens: Tokens | None, clock: Clock
    ) -> None:
        super().__init__(settings.name, mapping, settings, transport=sends, tokens=tokens, clock=clock, writes=False)
        #: every client that a search gave
        self.hits: list[Client] = []

    async def find(
        self, scope: Mapping[str, Any], *, phones: Sequence[str], emails: Sequence[str], external_id: str | None,
        steps: list[Step],
    ) -> list[Client]:
        found = await super().find(scope, phones=phones, emails=emails, external_id=external_id, steps=steps)
        self.hits += found
        return found


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a chat went for one target."""

    target: Target
    chat: Chat
    requests: Sequence[PreparedRequest]
    hits: Sequence[Client]
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
    sends: Mapping[str, Offline | Watched]
    tokens: Mapping[str, Tokens | None]

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
        target, sends = self.targets[job.target], self.sends[job.target]
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
        hits = target.crm.hits if isinstance(target.crm, ReadingCrm) else ()
        return Rehearsed(target, chat, tuple(sends.requests), tuple(hits), attempt.steps, outcome, failure)

    def secrets(self) -> tuple[str, ...]:
        """Access tokens that stand in requests, and in no configuration."""
        return tuple(secret for one in self.tokens.values() if isinstance(one, OAuthTokens) for secret in one.secrets())

    async def request_of(self, operation: Operation, target: str) -> PreparedRequest | str:
        """The request by which a planned operation would be carried out."""
        sends = self.sends[target]
        reads = sends if isinstance(sends, Watched) else None
        return await rendered(operation, self.targets[target], reads=reads, tokens=self.tokens[target])


@asynccontextmanager
async def rehearsal(settings: Settings, source: Source, *, live: bool) -> AsyncIterator[Rehearsal]:
    """A rehearsal for chats of one source. `live`: its searches and reads go to the CRMs. Raises MappingError, ConfigError."""
    clock = Clock()
    rehearsed = {name: one.model_copy(update={"mode": "rehearse"}) for name, one in settings.targets.items()}
    # nothing is waited for: neither for the rest of the chat nor for its end
    hasty = source.settings.model_copy(update={"grace": 0.0, "idle": 0.0})
    settings = settings.model_copy(update={"targets": rehearsed, "sources": {source.name: hasty}})
    sources = {source.name: Source.of(hasty, source.mapping, settings)}
    async with AsyncExitStack() as stack:
        mappings = mappings_of(settings)
        tokens: Mapping[str, Tokens | None] = unspoken_tokens(settings, mappings)
        sends: dict[str, Offline | Watched] = {name: Offline() for name in rehearsed}
        if live:
            transports = await live_transports(settings, stack)
            tokens = await live_tokens(settings, transports, clock, stack)
            sends = {name: Watched(transport) for name, transport in transports.items()}
        targets = {
            name: Target(settings=one, mapping=mappings[name],
                         crm=ReadingCrm(mappings[name], one, sends[name], tokens=tokens[name], clock=clock))
            for name, one in rehearsed.items()
        }  # fmt: skip
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chat2crm-try-"))
        store = open_store(f"sqlite:///{Path(folder) / 'try.db'}", clock=clock)
        await store.open()
        stack.push_async_callback(store.close)
        yield Rehearsal(settings, store, clock, sources, targets, sends, tokens)
