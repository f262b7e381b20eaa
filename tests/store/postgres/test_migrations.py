from __future__ import annotations

import asyncio
import inspect
import re

import pytest
from fakes import FakeClock
from real_postgres import Shared
from store_materials import raw

from bridge.errors import ConfigError, StoreError
from bridge.store import is_current, open_store
from bridge.store.postgres import migrations
from bridge.store.sqlite.migrations import migrations as of_files


async def test_replicas_that_start_together_make_the_tables_once(postgres: Shared, clock: FakeClock) -> None:
    with postgres.bare() as url:
        assert not is_current(url)
        stores = [open_store(url, clock=clock) for _ in range(6)]
        await asyncio.gather(*(store.open() for store in stores))
        assert raw(url, "SELECT name FROM migrations ORDER BY at") == [(one.__name__,) for one in migrations.MIGRATIONS]
        assert len({store.born_at for store in stores}) == 1
        assert is_current(url)
        for store in stores:
            await store.close()


async def test_a_store_of_a_newer_version_is_refused_with_the_way_back(postgres_url: str, clock: FakeClock) -> None:
    raw(postgres_url, "INSERT INTO migrations VALUES ('p9999_later', 0)")
    try:
        assert not is_current(postgres_url)
        with pytest.raises(StoreError, match=r"newer version of chat2crm \(it has p9999_later\).*Start that version again"):
            await open_store(postgres_url, clock=clock).open()
    finally:
        raw(postgres_url, "DELETE FROM migrations WHERE name = 'p9999_later'")


def test_a_migration_after_the_first_only_adds() -> None:
    """Replicas of the version before go on beside it."""
    takes_away = re.compile(r"\b(DROP|RENAME|ALTER COLUMN|TRUNCATE|SET NOT NULL|NOT NULL(?! DEFAULT))\b")
    for migration in migrations.MIGRATIONS[1:]:
        text = re.sub(r"CREATE TABLE.*?\)\s*(?:\"|;)", "", inspect.getsource(migration), flags=re.DOTALL)
        assert takes_away.search(text) is None, migration.__name__


def test_a_table_that_one_kind_of_store_has_the_other_has_too(postgres_url: str) -> None:
    from sqlite_utils import Database

    with Database(memory=True) as file:
        of_files.apply(file)
        names = {name for name in file.table_names() if not name.startswith(("_", "chats_text_"))}
        columns = {name: set(file[name].columns_dict) for name in names}
    there = {row[0]: row[1] for row in raw(postgres_url,
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname) FROM pg_class c JOIN pg_attribute a "
        "ON a.attrelid = c.oid WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
        "AND c.relnamespace = current_schema()::regnamespace GROUP BY 1")}  # fmt: skip
    assert set(there) - names == migrations.ONLY_HERE
    for name in names - {"chats_text"}:
        assert set(there[name]) == columns[name], name


async def test_a_database_that_cannot_keep_every_text_is_refused(postgres: Shared, clock: FakeClock) -> None:
    with postgres.bare("ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'") as url:
        refused = pytest.raises(ConfigError, match=r"LATIN1.*ENCODING 'UTF8'")
        with refused:
            await open_store(url, clock=clock).open()


async def test_a_command_makes_no_store(postgres: Shared, clock: FakeClock) -> None:
    with postgres.bare() as url, pytest.raises(StoreError, match="no store in the database yet"):
        await open_store(url, clock=clock, service=False).open()
