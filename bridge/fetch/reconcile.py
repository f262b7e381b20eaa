"""From time to time a provider that has a list of finished chats is asked for it: what ended while nobody listened is found."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, CrmError, EmptyExpression, NoRoom, StoreError
from bridge.fetch.connection import Connection
from bridge.fetch.failures import NotReady, Remedy, sort_out
from bridge.fetch.fetcher import Observer
from bridge.fetch.pull import Pull
from bridge.mapping.schema import Reconcile
from bridge.pacing.board import Board
from bridge.pacing.retry import RetryRules
from bridge.sort import Sorter
from bridge.store import Store

log = structlog.get_logger()

#: seconds between two looks whether a list is due
POLL = 1.0


@dataclass(slots=True)
class _Turn:
    #: on the monotonic clock
    due: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class Reconciler:
    store: Store
    clock: Clock
    sorter: Sorter
    retry: RetryRules
    #: replaced as a whole on reload
    connections: Mapping[str, Connection]
    observer: Observer
    #: where there are replicas: one of them asks
    board: Board | None = None
    _turns: dict[str, _Turn] = field(default_factory=dict, init=False)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)

    async def work(self) -> None:
        """For ever; to be cancelled. Each source is asked at the start, and then as often as its mapping says."""
        try:
            while True:
                self.start_due()
                await self.clock.sleep(POLL)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def start_due(self) -> int:
        """Begin with each list that is due and not being read; gives how many."""
        now, started = self.clock.monotonic(), 0
        for name, connection in self.connections.items():
            reconcile = connection.source.mapping.reconcile
            if reconcile is None or name in self._running or self._turns.setdefault(name, _Turn()).due > now:
                continue
            if connection.lacks():  # nobody has set it up
                self._turns[name].due = now + reconcile.every
                continue
            task = asyncio.create_task(self._turn(name, connection, reconcile), name=f"reconcile-{name}")
            self._running[name] = task
            started += 1
        return started

    async def finished(self) -> None:
        """Wait until no list is being read."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def let_in(self) -> None:
        """With a new config every list is due."""
        self._turns.clear()

    async def _turn(self, name: str, connection: Connection, reconcile: Reconcile) -> None:
        turn = self._turns[name]
        try:
            left = 0.0 if self.board is None else await self.board.wait_for_turn(f"reconcile:{name}", reconcile.every)
            if left:
                turn.due = self.clock.monotonic() + left
                return
            more = await self._pull(name, connection, reconcile)
            turn.failures = 0
            turn.due = self.clock.monotonic() + (0.0 if more else reconcile.every)
        except (CrmError, EmptyExpression, NotReady) as error:
            failure = sort_out(error)
            turn.failures += 1
            wait = failure.wait(turn.failures, self.retry, random.random())  # noqa: S311 - jitter, not a secret
            turn.due = self.clock.monotonic() + (max(wait, reconcile.every) if failure.remedy is Remedy.PERSON else wait)
            log.warning("reconcile.failed", source=name, attempt=turn.failures, why=failure.why)
            if failure.remedy in {Remedy.PERSON, Remedy.REST}:
                self.observer.alert(f"reconcile:{name}", f"The list of chats of {name} could not be had. {failure.why}")
        except (NoRoom, StoreError, OSError) as error:
            turn.due = self.clock.monotonic() + self.retry.first
            log.error("reconcile.unrecorded", source=name, why=str(error))  # noqa: TRY400 - the store said why
        except Exception as error:
            turn.due = self.clock.monotonic() + reconcile.every
            log.exception("reconcile.broke", source=name, code=error.code if isinstance(error, BridgeError) else "internal")
        finally:
            self._running.pop(name, None)

    async def _pull(self, name: str, connection: Connection, reconcile: Reconcile) -> bool:
        """True if the list goes on."""
        pull = Pull(store=self.store, clock=self.clock, sorter=self.sorter, connection=connection)
        window = await pull.window(name, look_back=reconcile.look_back, overlap=reconcile.every)
        listed = new = 0
        done = True
        async for page in pull.pages(name, window):
            listed, new, done = listed + page.listed, new + page.new, page.done
        log.info("chats.reconciled", source=name, listed=listed, new=new, done=done)
        return not done
