from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import FakeClock

from bridge.app import chores
from bridge.errors import NoRoom
from bridge.store import Keep

HOUR = 3600.0


class Sorts:
    """Gives, one call after another, how many deliveries it looked at, or raises."""

    def __init__(self, *rounds: int | Exception) -> None:
        self.rounds = list(rounds)
        self.asked = 0

    async def sort(self) -> int:
        self.asked += 1
        found = self.rounds.pop(0) if self.rounds else 0
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Slices:
    """A store in which so many slices are left to do."""

    left: int = 0
    kept: list[Keep] = field(default_factory=list)
    fails: Exception | None = None

    async def prune(self, keep: Keep, limit: int) -> int:
        assert limit > 0
        self.kept.append(keep)
        return self._slice()

    async def index_older(self, limit: int) -> int:
        assert limit > 0
        return self._slice()

    def _slice(self) -> int:
        if self.fails is not None:
            raise self.fails
        self.left -= self.left > 0
        return self.left


@dataclass
class Board:
    others: bool

    async def wait_for_turn(self, what: str, every: float) -> bool:
        assert (what, every) == ("prune", chores.PRUNE_EVERY)
        return self.others


def parts(clock: FakeClock, **some: Any) -> Any:
    async def calm() -> None: ...

    retention = SimpleNamespace(raw=10.0, chats=20.0, keys=30.0)
    return SimpleNamespace(
        clock=clock, receiver=SimpleNamespace(news=asyncio.Event(), calm=calm), worker=SimpleNamespace(news=asyncio.Event()),
        board=None, deps=SimpleNamespace(settings=SimpleNamespace(retention=retention)), **some,
    )  # fmt: skip


async def during(chore: Coroutine[Any, Any, None], does: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """While the chore goes on; it must not have ended by itself."""
    task = asyncio.create_task(chore)
    try:
        await does()
        assert not task.done()
    finally:
        task.cancel()


async def some_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("fault", [NoRoom("full"), OSError("gone"), ZeroDivisionError()], ids=lambda fault: type(fault).__name__)
async def test_sorting_goes_on_after_whatever_went_wrong_in_it(clock: FakeClock, fault: Exception) -> None:
    told = parts(clock, sorter=(sorts := Sorts(fault, 3)))

    async def does() -> None:
        await some_turns()
        assert (sorts.asked, told.worker.news.is_set()) == (1, False)
        told.receiver.news.set()
        await some_turns()
        assert sorts.asked == 3, "once more after it found something"
        assert told.worker.news.is_set(), "there are jobs to do"

    await during(chores.sort_for_ever(told), does)


async def test_what_nobody_announced_is_looked_for_too(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "SORT_EVERY", 0.001)
    told = parts(clock, sorter=(sorts := Sorts()))

    async def does() -> None:
        while sorts.asked < 3:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)

    await during(chores.sort_for_ever(told), does)


async def test_what_is_too_old_is_emptied_each_hour_slice_by_slice(clock: FakeClock) -> None:
    told = parts(clock, store=(store := Slices(left=4)))

    async def does() -> None:
        await clock.advance(HOUR - 1)
        assert store.kept == []
        await clock.advance(2)
        assert len(store.kept) == 4
        asked = clock.time() - 1
        for keep in store.kept:
            assert [asked - since for since in (keep.raw_since, keep.chats_since, keep.keys_since)] == [10, 20, 30]

    await during(chores.prune_for_ever(told), does)


async def test_a_store_that_does_not_take_it_is_asked_again_an_hour_later(clock: FakeClock) -> None:
    told = parts(clock, store=(store := Slices(left=1, fails=NoRoom("full"))))

    async def does() -> None:
        await clock.advance(HOUR + 1)
        assert len(store.kept) == 1
        store.fails = None
        await clock.advance(HOUR)
        assert len(store.kept) == 2

    await during(chores.prune_for_ever(told), does)


async def test_of_several_replicas_one_empties(clock: FakeClock) -> None:
    told = parts(clock, store=(store := Slices(left=1)))
    told.board = Board(others=True)

    async def does() -> None:
        await clock.advance(3 * HOUR)
        assert store.kept == []
        told.board.others = False
        await clock.advance(HOUR)
        assert len(store.kept) == 1

    await during(chores.prune_for_ever(told), does)


@pytest.mark.parametrize("fails", [None, NoRoom("full")])
async def test_older_chats_are_made_findable_and_the_task_stays(clock: FakeClock, fails: Exception | None) -> None:
    """A task that ends is shown as a part of the service that is gone."""
    told = parts(clock, store=(store := Slices(left=3, fails=fails)))

    async def does() -> None:
        await clock.advance(10)
        assert store.left == (3 if fails else 0)

    await during(chores.index_for_ever(told), does)


async def test_a_site_whose_file_cannot_be_used_is_told_of_again(clock: FakeClock) -> None:
    told = parts(clock)
    reminders: list[float] = []
    told.tell_of_sites = lambda: reminders.append(clock.monotonic())

    async def does() -> None:
        await clock.advance(2.5 * chores.TELL_AGAIN)
        assert len(reminders) == 2

    await during(chores.tell_of_sites_for_ever(told), does)
