"""What is known of a store when it is opened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from fakes import FakeClock
from real_postgres import Shared, programs
from store_materials import delivery, finish_chat, raw

from bridge.clock import Clock, Steady
from bridge.errors import ConfigError, StoreAway, StoreError
from bridge.store import open_store
from bridge.store.postgres import connecting, opening


def dumped_into(other: str, url: str) -> None:
    folder = programs()
    assert folder is not None
    dump = subprocess.run([folder / "pg_dump", "--format=custom", url], check=True, capture_output=True).stdout
    subprocess.run([folder / "pg_restore", "--no-owner", "-d", other], input=dump, check=True, capture_output=True)


async def test_a_store_that_was_put_back_from_a_dump_counts_as_young(
    postgres: Shared, postgres_url: str, clock: FakeClock
) -> None:
    if programs() is None or os.environ.get("CHAT2CRM_TEST_POSTGRES"):  # another version's dump it may not understand
        pytest.skip("no pg_dump")
    store = open_store(postgres_url, clock=clock)
    await store.open()
    await finish_chat(store, clock.now(), "7", "before")
    await store.close()
    raw(postgres_url, "UPDATE facts SET value = '5.0' WHERE name = 'born_at'")
    same = open_store(postgres_url, clock=clock)
    await same.open()
    assert same.born_at == 5.0
    await same.close()
    with postgres.bare() as other:
        dumped_into(other, postgres_url)
        again = open_store(other, clock=clock)
        await again.open()
        assert again.born_at > time.time() + 600
        assert await again.chat_of("shop", "7") is not None
        born = again.born_at
        await again.close()
        once_more = open_store(other, clock=clock)
        await once_more.open()
        assert once_more.born_at == born
        await once_more.close()


async def test_a_replica_goes_by_the_databases_clock_whatever_its_own_is_set_to(
    postgres_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = time.time()
    clock.jump(-7200.0)  # this machine is two hours and more behind
    steady = Steady(clock)
    store = open_store(postgres_url, clock=steady)
    await store.open()
    assert steady.time() == pytest.approx(at, abs=60)
    before = steady.time()
    clock.jump(3600.0)
    assert (steady.time(), steady.behind()) == (before, 0.0)
    await clock.advance(10.0)
    assert steady.time() == pytest.approx(before + 10.0)
    # and it asks again, now and then
    store._agreed_at -= 3600.0  # type: ignore[attr-defined]
    await store.claim(owner="w", lease=60.0, room={})
    assert steady.time() == pytest.approx(time.time(), abs=60)
    assert steady.time() < before + 10.0
    await store.close()


async def test_a_database_that_is_not_there_is_named_with_what_to_look_at() -> None:
    with pytest.raises(StoreError, match=r"cannot be reached.*Is it running, and is `store:` right") as raised:
        await open_store("postgresql://me:s3cret@127.0.0.1:1/x?connect_timeout=2", clock=Clock()).open()
    assert "s3cret" not in str(raised.value)
    assert not opening.is_up_to_date(connecting.parameters("postgresql://127.0.0.1:1/x"))


async def test_a_database_that_takes_no_writes_is_away_and_used_when_it_does(postgres_url: str, clock: FakeClock) -> None:
    """A standby, say, that is about to become the primary."""
    name = urlsplit(postgres_url).path[1:]
    store = open_store(postgres_url, clock=clock)
    raw(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        with pytest.raises(StoreAway):
            await store.open()
        with pytest.raises(StoreAway, match="was not reached yet"):
            await store.accept(delivery("k", at=clock.now()))
    finally:
        raw(postgres_url, "SET default_transaction_read_only = off", f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await store.open()
    assert not (await store.accept(delivery("k", at=clock.now()))).duplicate
    await store.close()


async def test_whoever_opens_waits_for_another_that_does_only_so_long(
    postgres_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LIMITS", "SELECT set_config('lock_timeout', '100', true)")
    with psycopg.connect(postgres_url) as other:
        other.execute("INSERT INTO guards (name) VALUES ('opening') ON CONFLICT DO NOTHING")
        store = open_store(postgres_url, clock=clock)
        with pytest.raises(StoreAway, match="lock timeout"):
            await store.open()
        other.rollback()
    await store.open()
    await store.close()


def test_without_its_driver_the_store_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from bridge.clock import Clock\nfrom bridge.store import open_store\n"
        "try: open_store('postgresql://x/y', clock=Clock())\nexcept Exception as error: print(type(error).__name__, error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.startswith("ConfigError store: PostgreSQL needs the driver")
    assert "pip install 'chat2crm[postgres]'" in told


@pytest.mark.parametrize("url", ["postgresql://a b:s3cret@x", "postgresql://u:s3cret@h/x?nonsense=1"])
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="no address of a PostgreSQL database") as raised:
        open_store(url, clock=Clock())
    assert "s3cret" not in str(raised.value)
