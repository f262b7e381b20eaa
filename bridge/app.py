"""Puts everything together from the config; the only module that knows all others.

The public listener is up first and goes down first: what a provider sends once and never repeats is lost only while nobody
listens. On SIGTERM it stops accepting, what is in flight is finished within a limit, and the journal knows the rest. On SIGHUP
the configuration is read again; a bad one leaves the old one running.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from bridge import log as lines
from bridge import sites
from bridge.board import Board
from bridge.clock import Clock, Steady
from bridge.config import Settings, of_site, site_of
from bridge.crm.fit import account_of
from bridge.errors import BridgeError, ConfigError, NoRoom, StoreAway
from bridge.fetch import Connection, Fetcher, Reconciler, connect
from bridge.listeners import Doors
from bridge.live import LiveAnswers
from bridge.pipeline import Pipeline
from bridge.receive import Receiver
from bridge.removal import refuse_removal
from bridge.report import Alerts, Deps, Metrics, application
from bridge.report.resting import Resting
from bridge.sort import Sorter
from bridge.sources import load_sources
from bridge.store import Keep, Store, TargetStop, open_store, sqlite_path
from bridge.targets import Target, load_targets
from bridge.transport import Transport
from bridge.worker import Worker

log = structlog.get_logger()

#: seconds between two looks for deliveries that nobody announced (left over from before a crash)
SORT_EVERY = 1.0
#: seconds that jobs in flight get at shut-down, after the requests in flight had theirs
JOBS_DRAIN = 5.0
#: seconds that a renewal of access tokens gets then: its answer is given only once
TOKENS_DRAIN = 2.0
#: seconds between two tries at a database that is away when the service starts
OPEN_AGAIN = 2.0
#: seconds between two rounds of emptying what is too old
PRUNE_EVERY = 3600.0
#: seconds between two reminders of a site whose file cannot be used
TELL_AGAIN = 600.0
#: rows of each kind in one commit
PRUNE_SLICE = 200
#: chats of an older version that are made findable in one commit
INDEX_SLICE = 100
#: seconds a replaced target's connections stay open for attempts that still use them
OLD_TARGETS_STAY = 120.0
#: objects made before the garbage collector looks at the new ones, and how often so before it looks at older ones; a chat
#: makes thousands of objects and hardly a cycle
GARBAGE = (5_000, 20, 20)
_ONLY_AT_START = ("store", "key", "receive", "ops", "alerts", "worker")


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
        parts = _Parts(self.settings, Steady(self.clock))
        doors = Doors(self.settings, parts.receiver.application, lambda: application(parts.deps))
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

    async def _opened(self, parts: _Parts, doors: Doors) -> bool:
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

    async def _run(self, parts: _Parts, doors: Doors) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            await doors.open()
            self.public_port, self.ops_port = doors.ports()
            tasks = [
                asyncio.create_task(parts.worker.work(self.stopping), name="work"),
                asyncio.create_task(_sort_for_ever(parts), name="sort"),
                asyncio.create_task(parts.fetcher.work(), name="fetch"),
                asyncio.create_task(parts.reconciler.work(), name="reconcile"),
                asyncio.create_task(parts.alerts.watch(), name="alerts"),
                asyncio.create_task(_prune_for_ever(parts), name="prune"),
                asyncio.create_task(_index_for_ever(parts), name="index"),
                asyncio.create_task(_tell_of_sites_for_ever(parts), name="sites"),
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

    async def _reload_for_ever(self, parts: _Parts) -> None:
        while True:
            await self.reloading.wait()
            self.reloading.clear()
            try:
                settings = sites.load(self.settings.origin, self.environ, before=parts.deps.settings)
                await refuse_removal(settings, parts.store)
                changed = parts.replace(settings)
            except ConfigError as error:
                log.error("config.refused", why=error.message)  # noqa: TRY400 - the message says where and what
                parts.alerts.notice("config:reload", "The changed configuration is wrong; the old one goes on.")
                continue
            lines.register(settings.secrets())
            await parts.let_go()
            log.info("config.reloaded", sources=len(settings.sources), targets=len(settings.targets), restart_for=changed)


class _Parts:
    """Everything that is put together, and how it is replaced while it runs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.clock = clock
        self.store: Store = open_store(settings.store, clock=clock)
        #: where there are replicas, what they agree on
        self.board = Board(self.store, clock) if self.store.several else None
        url = settings.alerts.url.get_secret_value() if settings.alerts.url else None
        self._alert_transport = Transport() if url else None
        self.alerts = Alerts(
            self.store, url, clock, settings.language, self._alert_transport, sources=lambda: self.sources,
            silence=settings.alerts.silence, body=settings.alerts.body, room=lambda: _room(settings.store),
            accounts=self._accounts, page=str(settings.ops.public_url or ""), board=self.board,
            resting=Resting(
                lambda name: self.worker.breakers.state(name),  # noqa: PLW0108 - the worker is made further down
                lambda: self.targets, clock, settings.alerts.unanswered,
            ),
        )  # fmt: skip
        self.metrics = Metrics(self.alerts.notice, self.alerts.passed)
        self.sources = load_sources(settings)
        self.targets = load_targets(settings, clock, store=self.store, observe=self.metrics.calls, board=self.board)
        self.receiver = Receiver(
            settings.receive, self.sources, self.store, clock, LiveAnswers(self.store, clock, settings, self.targets),
            self.metrics,
        )  # fmt: skip
        self.sorter = Sorter(self.store, clock, settings, self.sources)
        self.connections = connect(self.sources, clock, self.board)
        self.worker = Worker(
            self.store, clock, Pipeline.of(self.store, clock, settings, self.sources, self.targets), settings.retry,
            self.metrics, concurrency=settings.worker.concurrency, lease=_lease(settings),
            known_targets=lambda: self.targets, after_you=self.receiver.calm, name=f"{socket.gethostname()}:{os.getpid()}",
            board=self.board,
        )  # fmt: skip
        self.fetcher = Fetcher(
            self.store, clock, self.sorter, settings.retry, self.connections, self.metrics, wake=self.worker.news.set,
            board=self.board,
        )  # fmt: skip
        self.reconciler = Reconciler(
            self.store, clock, self.sorter, settings.retry, self.connections, self.metrics, board=self.board
        )
        self.deps = Deps(
            store=self.store, clock=clock, settings=settings, sources=self.sources, targets=self.targets,
            metrics=self.metrics, alerts=self.alerts, wake=self.worker.news.set, breakers=self.worker.breakers,
        )  # fmt: skip
        self._closing: set[asyncio.Task[None]] = set()

    def _accounts(self) -> set[str]:
        """Under which names access tokens are kept."""
        known = (account_of(target.settings, self.deps.settings.targets) for target in self.targets.values())
        return {account[0] for account in known if account is not None}

    async def let_go(self) -> None:
        """Whoever was refused a while ago may be let in with the new key; what a person has stopped stays. Targets of a site
        whose file cannot be used are stopped for as long. Jobs of targets, and deliveries of sources, that are gone from the
        config wait for a person.
        """
        settings = self.deps.settings
        in_store = {row["target"] for row in await self.store.reading().open_jobs()}
        broken = sites.stopped_by_faults(settings, {*self.targets, *in_store})
        stops = await self.store.stops()
        for name, stop in stops.items():
            if stop.until is not None or (stop.reason == sites.SITE_BROKEN and name not in broken):
                await self.store.go(name)
        for name, why in broken.items():
            if name not in stops or stops[name].reason == sites.SITE_BROKEN:
                since = stops[name].since if name in stops else self.clock.time()
                await self.store.stop_target(TargetStop(target=name, reason=sites.SITE_BROKEN, detail=why, since=since))
        self.tell_of_sites(log_too=True)
        await self.store.hold_strangers({*self.targets, *broken})
        faults = sites.faults(settings)
        waiting = {row["source"] for row in await self.store.reading().fetching() if site_of(row["source"]) in faults}
        await self.store.hold_fetches({*self.connections, *waiting})

    def tell_of_sites(self, *, log_too: bool = False) -> None:
        """Somebody has to correct the files of customers that cannot be used."""
        for name, why in sites.faults(self.deps.settings).items():
            if log_too:
                log.error("site.refused", site=name, why=why, goes_on=bool(of_site(name, self.sources)))
            self.alerts.notice(f"config:{name}", f"The file of the site {name} cannot be used; its jobs wait until it can be.")

    def replace(self, settings: Settings) -> list[str]:
        """Go on with other settings. Gives the keys that count only after a restart.

        Raises ConfigError; then nothing is changed.
        """
        sources = load_sources(settings)
        targets = load_targets(settings, self.clock, store=self.store, observe=self.metrics.calls, board=self.board)
        old = self.deps.settings
        restart = [key for key in _ONLY_AT_START if getattr(old, key) != getattr(settings, key)]
        self._close_later(self.targets, self.connections)
        self.sources, self.targets = sources, targets
        live = LiveAnswers(self.store, self.clock, settings, targets)
        self.receiver.sources, self.receiver.live = sources, live
        self.sorter.settings, self.sorter.sources = settings, sources
        self.connections = connect(sources, self.clock, self.board)
        for asking in (self.fetcher, self.reconciler):
            asking.connections, asking.retry = self.connections, settings.retry
            asking.let_in()
        self.worker.pipeline = Pipeline.of(self.store, self.clock, settings, sources, targets)
        self.worker.retry, self.worker.lease = settings.retry, max(self.worker.lease, _lease(settings))
        self.deps.settings, self.deps.sources, self.deps.targets = settings, sources, targets
        self.worker.news.set()
        return restart

    def _close_later(self, targets: Mapping[str, Target], connections: Mapping[str, Connection]) -> None:
        async def close() -> None:
            await self.clock.sleep(OLD_TARGETS_STAY)
            for target in targets.values():
                await target.crm.close()
            for connection in connections.values():
                await connection.close()

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        for task in self._closing:
            task.cancel()
        for target in self.targets.values():
            await target.crm.close()
        for connection in self.connections.values():
            await connection.close()
        if self._alert_transport is not None:
            await self._alert_transport.close()


def _room(store: str) -> int | None:
    """Bytes that are free on the store's disk; None where that cannot be told."""
    try:
        return shutil.disk_usage(sqlite_path(store).parent).free
    except (OSError, ConfigError):
        return None


async def _sort_for_ever(parts: _Parts) -> None:
    news = parts.receiver.news
    while True:
        news.clear()
        await parts.receiver.calm()
        try:
            if await parts.sorter.sort():
                parts.worker.news.set()
                continue
        except (BridgeError, OSError) as error:
            log.error("deliveries.unsorted", why=str(error))  # noqa: TRY400 - the store said why; a trace adds nothing
        except Exception:  # whatever it is, the deliveries are on disk and tried again
            log.exception("deliveries.unsorted")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), SORT_EVERY)


async def _index_for_ever(parts: _Parts) -> None:
    """Let chats be found that an older version has written, in slices, so that nobody waits for it."""
    try:
        while await parts.store.index_older(INDEX_SLICE):
            await parts.receiver.calm()
            await parts.clock.sleep(0.05)
    except (BridgeError, OSError) as error:
        log.warning("search.unfinished", why=str(error))
    # a part of the service that ends is shown as a fault
    await asyncio.Event().wait()


async def _prune_for_ever(parts: _Parts) -> None:
    """Empty what retention does not keep, in slices, so that nobody waits for it."""
    while True:
        await parts.clock.sleep(PRUNE_EVERY)
        try:
            if parts.board is not None and await parts.board.wait_for_turn("prune", PRUNE_EVERY):
                continue  # another replica does it
        except (BridgeError, OSError) as error:
            log.warning("store.unpruned", why=str(error))
            continue
        now, keep = parts.clock.time(), parts.deps.settings.retention
        limits = Keep(raw_since=now - keep.raw, chats_since=now - keep.chats, keys_since=now - keep.keys)
        try:
            while await parts.store.prune(limits, PRUNE_SLICE):
                await parts.clock.sleep(0.1)
        except (BridgeError, OSError) as error:
            log.warning("store.unpruned", why=str(error))


async def _tell_of_sites_for_ever(parts: _Parts) -> None:
    """An alert that nobody repeats counts as over."""
    while True:
        await parts.clock.sleep(TELL_AGAIN)
        parts.tell_of_sites()


def _spare_the_collector() -> None:
    """What is there by now (modules, mappings) stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _lease(settings: Settings) -> float:
    """Longer than any request's time-out, with room for a renewal that comes a third of a lease late."""
    longest = max((target.timeout for target in settings.targets.values()), default=0.0)
    return max(settings.worker.lease, 2 * (longest + 10.0))


def obey_signals(service: Service) -> None:
    """SIGTERM and SIGINT stop it, SIGHUP makes it read its configuration again."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, service.stopping.set)
    loop.add_signal_handler(signal.SIGHUP, service.reloading.set)
