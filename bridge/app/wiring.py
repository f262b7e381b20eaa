"""Everything that is put together from the configuration, and how it is replaced by another one while it runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Mapping

import structlog

from bridge.clock import Clock
from bridge.config import Settings, of_site, site_of
from bridge.connections import sites
from bridge.connections.sources import load_sources
from bridge.connections.targets import Target, load_targets
from bridge.crm.fit import account_of
from bridge.errors import ConfigError
from bridge.fetch import Connection, Fetcher, Reconciler, connect
from bridge.live import LiveAnswers
from bridge.log import mask
from bridge.pacing.board import Board
from bridge.pipeline import Pipeline
from bridge.receive import Receiver
from bridge.report import Alerts, Deps, Metrics
from bridge.report.troubles.resting import Resting
from bridge.sort import Sorter
from bridge.store import Store, TargetStop, open_store, sqlite_path
from bridge.transport import Transport
from bridge.worker import Worker

log = structlog.get_logger()

#: seconds a replaced target's connections stay open for attempts that still use them
OLD_TARGETS_STAY = 120.0
_ONLY_AT_START = ("store", "key", "receive", "ops", "alerts", "worker")


class Parts:
    """Made without a running service; `close` puts away what they hold, but for the store."""

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
        self.sorter = Sorter(self.store, clock, settings, self.sources, self.receiver.calm)
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
            self.alerts.notice(f"config:{name}", _of_config("site", why, self.deps.settings.language, name))

    def tell_of_config(self, wrong: str | None) -> None:
        """A configuration that was to take this one's place is wrong, or (None) has taken it."""
        if wrong is None:
            self.alerts.passed("config:reload")
        else:
            self.alerts.notice("config:reload", _of_config("reload", wrong, self.deps.settings.language))

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


def _lease(settings: Settings) -> float:
    """Longer than any request's time-out, with room for a renewal that comes a third of a lease late."""
    longest = max((target.timeout for target in settings.targets.values()), default=0.0)
    return max(settings.worker.lease, 2 * (longest + 10.0))


_OF_CONFIG = {
    ("reload", "en"): "The changed configuration is wrong, and the old one goes on. {why} `chat2crm check` says all of it.",
    ("reload", "ru"): "Изменённая конфигурация неверна, работает прежняя. {why} Обо всём скажет `chat2crm check`.",
    ("site", "en"): "The file of the site {name} cannot be used, and its jobs wait. {why} `chat2crm check` says all of it.",
    ("site", "ru"): "Файл клиента {name} нельзя использовать, его задания ждут. {why} Обо всём скажет `chat2crm check`.",
}


def _of_config(what: str, wrong: str, language: str, name: str = "") -> str:
    """An alert's text: the first mistake, and where all are to be had."""
    first, *others = wrong.splitlines() or [""]
    more = f" (+{len(others)})" if others else ""
    return _OF_CONFIG[what, language].format(name=name, why=f"{mask(first).rstrip('.')}{more}.")
