"""Commands that work beside a running service, straight on its store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bridge import log
from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections import sites
from bridge.errors import StoreError
from bridge.store import Store, open_store

Result = TypeVar("Result")


def settings_of(config_path: Path) -> Settings:
    """The configuration, with its secrets hidden from now on wherever something is masked. Raises ConfigError."""
    settings = sites.load(config_path, os.environ)
    log.register(settings.secrets())
    return settings


@asynccontextmanager
async def store_beside(settings: Settings) -> AsyncIterator[Store]:
    """The service's store, without taking it from the service. Raises StoreError if there is none yet."""
    store = open_store(settings.store, clock=Clock(), service=False)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def store_at_hand(settings: Settings) -> AsyncIterator[Store]:
    """The service's store; it is made here if there is none, because people agree before the service runs for the first time."""
    store = open_store(settings.store, clock=Clock(), service=False)
    try:
        await store.open()
    except StoreError:
        store = open_store(settings.store, clock=Clock())
        await store.open()
    try:
        yield store
    finally:
        await store.close()


def on_store(config_path: Path, work: Callable[[Settings, Store], Awaitable[Result]]) -> Result:
    """Run `work` on the store that the configuration names."""

    async def run() -> Result:
        settings = settings_of(config_path)
        async with store_beside(settings) as store:
            return await work(settings, store)

    return asyncio.run(run())
