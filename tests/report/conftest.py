"""Desks with somebody in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, desk_of, settings
from fakes import FakeClock


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    """Somebody is signed in."""
    async with desk_of(tmp_path, clock, settings()) as made:
        assert (await made.sign_in()).status == 303
        yield made


@pytest.fixture
async def stranger(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    """Nobody is signed in."""
    async with desk_of(tmp_path, clock, settings()) as made:
        yield made


@pytest.fixture
async def open_desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    """There is no password."""
    async with desk_of(tmp_path, clock, settings(password=None)) as made:
        yield made


# -- for those that look at the pages in a browser; it is imported here and not above: it may be missing --


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for all of a module, and gone after it: it keeps an event loop running, beside which no other test can have its own."""
    from browser_look import launched

    with launched() as made:
        yield made


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Something of everything is there."""
    from browser_desk import standing_desk

    with standing_desk(tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture(scope="module")
def windows(stand: Any, browser: Any) -> Iterator[Any]:
    from browser_look import Look, signed_in

    made = Look(stand, browser, signed_in(stand, browser))
    yield made
    made.close()


@pytest.fixture
def look(windows: Any) -> Iterator[Any]:
    """Somebody looks who is signed in. Whatever the browser complains of fails the test."""
    yield windows
    assert windows.cleared() == []
