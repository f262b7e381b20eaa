"""Desks with somebody in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

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
