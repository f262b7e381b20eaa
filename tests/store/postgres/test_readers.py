from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.errors import NoRoom
from bridge.store.postgres import connecting
from bridge.store.postgres.database import Database
from bridge.store.postgres.readers import Readers


@pytest.fixture
async def readers(postgres_url: str) -> AsyncIterator[Readers]:
    made = Readers(connecting.parameters(postgres_url), "public", threads=1, name="test")
    yield made
    made.close()


async def test_a_fault_of_a_question_is_not_called_a_store_that_is_closed(readers: Readers) -> None:
    def wrong(db: Database) -> None:
        raise RuntimeError("dictionary changed size during iteration")

    with pytest.raises(RuntimeError, match="dictionary"):
        await readers.ask(wrong)
    assert (await readers.rows("SELECT 1 AS one"))[0]["one"] == 1


async def test_a_store_that_is_closed_says_so(readers: Readers) -> None:
    readers.close()
    with pytest.raises(NoRoom, match="The store is closed"):
        await readers.rows("SELECT 1 AS one")
