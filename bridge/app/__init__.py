"""Runs the service from its start to its end; the only package that knows all others.

`wiring` puts together whatever the configuration says, and replaces it when that changes · `chores` go on beside the chats.

The public listener is up first and goes down first: what a provider sends once and never repeats is lost only while nobody
listens. On SIGTERM it stops accepting, what is in flight is finished within a limit, and the journal knows the rest. On SIGHUP
the configuration is read again; a bad one leaves the old one running.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from bridge import log as lines
from bridge.app import chores
from bridge.app.wiring import Parts
from bridge.clock import Clock, Steady
from bridge.config import Settings
from bridge.connections import sites
from bridge.connections.removal import refuse_removal
from bridge.door.listeners import Doors
from bridge.errors import ConfigError, NoRoom, StoreAway
from bridge.report import application

log = structlog.get_logger()

#: seconds that jobs in flight get at shut-down, after the requests in flight had theirs
JOBS_DRAIN = 5.0
#: seconds that a renewal of access tokens gets then: its answer is given only once
TOKENS_DRAIN = 2.0
#: seconds between two tries at a database that is away when the service starts
OPEN_AGAIN = 2.0
#: objects made before the garbage collector looks at the new ones, and how often so before it looks at older ones; a chat
#: makes thousands of objects and hardly a cycle
GARBAGE = (20_000, 20, 20)


@dataclass(slots=True)
class Service:
    """One running chat2crm. `run` returns when it was told to stop and everything is put away."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    #: begin although a connection is gone to which chats are on their way
    drop: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    reloading: asyncio.Event = field(default_factory=asyncio.Event)
    #: set when both listeners answer; then the ports are known
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    public_port: int = 0
    ops_port: int = 0

    async def run(self) -> None:
        """Raises ConfigError, MappingError, StoreError before it begins; afterwards it runs whatever happens."""
        lines.register(self.settings.secrets())
        log.info("config.loaded", path=str(self.settings.origin), settings=self.settings.describe())
        parts = Parts(self.settings, Steady(self.clock))
        doors = Doors(self.settings, parts.receiver.handler, lambda: application(parts.deps))
        try:
            try:
                if await self._opened(parts, doors):
                    await self._run(parts, doors)
            finally:
                await parts.store.close()
        finally:
            await doors.close()
            await parts.close()
        log.info("service.stopped")

    async def _opened(self, parts: Parts, doors: Doors) -> bool:
        """False: told to stop meanwhile. A database that is away, or goes while we begin, comes back. Until then the listeners
        say so (503, and /readyz why); nobody has to start the service again.
        """
        while not self.stopping.is_set():
            try:
                await parts.store.open()
                if not self.drop:
                    await refuse_removal(self.settings, parts.store)
                await doors.open_public()
                await parts.let_go()
            except (StoreAway, NoRoom) as away:
                if not parts.store.several:
                    raise
                log.error("store.awaited", why=away.message)  # noqa: TRY400 - the store said why; a trace adds nothing
                await parts.store.close()
                await doors.open()
            else:
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), OPEN_AGAIN)
        return False

    async def _run(self, parts: Parts, doors: Doors) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            await doors.open()
            self.public_port, self.ops_port = doors.ports()
            tasks = [
                asyncio.create_task(parts.worker.work(self.stopping), name="work"),
                asyncio.create_task(chores.sort_for_ever(parts), name="sort"),
                asyncio.create_task(parts.fetcher.work(), name="fetch"),
                asyncio.create_task(parts.reconciler.work(), name="reconcile"),
                asyncio.create_task(parts.alerts.watch(), name="alerts"),
                asyncio.create_task(chores.prune_for_ever(parts), name="prune"),
                asyncio.create_task(chores.index_for_ever(parts), name="index"),
                asyncio.create_task(chores.tell_of_sites_for_ever(parts), name="sites"),
                asyncio.create_task(self._reload_for_ever(parts), name="reload"),
            ]
            if parts.board is not None:
                tasks.append(asyncio.create_task(parts.board.work(), name="board"))
            parts.deps.alive = lambda: {task.get_name(): not task.done() for task in tasks}
            log.info(
                "service.started", port=self.public_port, ops_port=self.ops_port, pid=os.getpid(),
                sources=len(parts.deps.sources), targets=len(parts.deps.targets),
            )  # fmt: skip
            self.ready.set()
            _spare_the_collector()
            await self.stopping.wait()
        finally:
            log.info("service.stop_requested")
            await parts.receiver.take_leave()
            await doors.close_public()
            await parts.worker.drain(JOBS_DRAIN)
            await asyncio.gather(*(target.crm.settle(TOKENS_DRAIN) for target in parts.targets.values()))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await doors.close()

    async def _reload_for_ever(self, parts: Parts) -> None:
        while True:
            await self.reloading.wait()
            self.reloading.clear()
            try:
                settings = sites.load(self.settings.origin, self.environ, before=parts.deps.settings)
                await refuse_removal(settings, parts.store)
                changed = parts.replace(settings)
            except ConfigError as error:
                log.error("config.refused", why=error.message)  # noqa: TRY400 - the message says where and what
                parts.tell_of_config(error.message)
                continue
            parts.tell_of_config(None)
            lines.register(settings.secrets())
            await parts.let_go()
            log.info("config.reloaded", sources=len(settings.sources), targets=len(settings.targets), restart_for=changed)


def _spare_the_collector() -> None:
    """What is there by now (modules, mappings) stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def obey_signals(service: Service) -> None:
    """SIGTERM and SIGINT stop it, SIGHUP makes it read its configuration again."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, service.stopping.set)
    loop.add_signal_handler(signal.SIGHUP, service.reloading.set)
