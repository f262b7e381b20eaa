"""What goes on beside the chats for as long as the service runs, each part a task of its own."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from bridge.app.wiring import Parts
from bridge.errors import BridgeError
from bridge.store import Keep

log = structlog.get_logger()

#: seconds between two looks for deliveries that nobody announced (left over from before a crash)
SORT_EVERY = 1.0
#: seconds between two rounds of emptying what is too old
PRUNE_EVERY = 3600.0
#: seconds between two reminders of a site whose file cannot be used
TELL_AGAIN = 600.0
#: rows of each kind in one commit, and seconds until the next: nothing else is answered while a commit's rows are gone through
PRUNE_SLICE = 50
PRUNE_PAUSE = 0.025
#: chats of an older version that are made findable in one commit
INDEX_SLICE = 100


async def sort_for_ever(parts: Parts) -> None:
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


async def index_for_ever(parts: Parts) -> None:
    """Let chats be found that an older version has written, in slices, so that nobody waits for it."""
    try:
        while await parts.store.index_older(INDEX_SLICE):
            await parts.receiver.calm()
            await parts.clock.sleep(0.05)
    except (BridgeError, OSError) as error:
        log.warning("search.unfinished", why=str(error))
    # a part of the service that ends is shown as a fault
    await asyncio.Event().wait()


async def prune_for_ever(parts: Parts) -> None:
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
                await parts.clock.sleep(PRUNE_PAUSE)
        except (BridgeError, OSError) as error:
            log.warning("store.unpruned", why=str(error))


async def tell_of_sites_for_ever(parts: Parts) -> None:
    """An alert that nobody repeats counts as over."""
    while True:
        await parts.clock.sleep(TELL_AGAIN)
        parts.tell_of_sites()
