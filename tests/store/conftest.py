from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fakes import FakeClock
from store_materials import opened

from bridge.store import Store


@pytest.fixture
async def store(store_url: str, clock: FakeClock) -> AsyncIterator[Store]:
    """Of each kind."""
    async with opened(store_url, clock) as made:
        yield made
