from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import FakeClock
from store_materials import delivery
from way import ENVIRON

from bridge.store.sqlite import SqliteStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = {
        "store": f"sqlite:///{tmp_path}/chat2crm.db", "key": "${C2C_KEY}",
        "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "target": "sales"}},
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:1", "token": "${C2C_TOKEN}"}},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", "-c", str(folder / "config.yaml"), *args], capture_output=True, text=True, check=False,
        env=ENVIRON, timeout=60,
    )  # fmt: skip


async def keys(folder: Path, clock: FakeClock) -> list[str]:
    store = SqliteStore(folder / "chat2crm.db", clock=clock)
    await store.open()
    found = [one.dedupe_key for one in await store.received(10)]
    await store.close()
    return found


async def test_the_drill_a_backup_beside_the_service_then_back_to_it(folder: Path, clock: FakeClock) -> None:
    service = SqliteStore(folder / "chat2crm.db", clock=clock)
    await service.open()
    await service.accept(delivery("before", at=clock.now()))
    made = run(folder, "store", "backup", str(folder / "copy.db"))
    assert made.returncode == 0, made.stderr
    assert "Keep `key:`" in made.stdout
    await service.accept(delivery("after", at=clock.now()))

    refused = run(folder, "store", "restore", str(folder / "copy.db"))
    assert refused.returncode == 2
    assert "in use by" in refused.stderr
    await service.close()
    assert run(folder, "store", "restore", str(folder / "copy.db")).returncode == 0

    assert await keys(folder, clock) == ["before"]


async def test_what_is_left_of_a_damaged_store_is_saved_and_put_in_its_place(folder: Path, clock: FakeClock) -> None:
    service = SqliteStore(folder / "chat2crm.db", clock=clock)
    await service.open()
    await service.accept(delivery("before", at=clock.now()))
    await service.close()

    saved = run(folder, "store", "salvage", str(folder / "saved.db"))

    assert saved.returncode == 0, saved.stderr
    assert "deliveries            1 row(s)" in saved.stdout
    assert f"chat2crm store restore {folder}/saved.db" in saved.stdout
    assert run(folder, "store", "salvage", str(folder / "saved.db")).returncode == 2
    assert run(folder, "store", "restore", str(folder / "saved.db")).returncode == 0
    assert await keys(folder, clock) == ["before"]


def test_without_a_store_there_is_nothing_to_back_up(folder: Path) -> None:
    said = run(folder, "store", "backup", str(folder / "copy.db"))

    assert said.returncode == 2
    assert "there is no store yet" in said.stderr


async def test_what_is_no_backup_is_refused(folder: Path, clock: FakeClock) -> None:
    assert await keys(folder, clock) == []
    (folder / "copy.db").write_text("no database")

    said = run(folder, "store", "restore", str(folder / "copy.db"))

    assert said.returncode == 2
    assert "Nothing was changed" in said.stderr


async def test_pruning_beside_the_service_says_how_much_went(folder: Path, clock: FakeClock) -> None:
    store = SqliteStore(folder / "chat2crm.db", clock=clock)
    await store.open()
    said = run(folder, "prune")
    await store.close()

    assert (said.returncode, said.stdout) == (0, "0 row(s) emptied or deleted.\n")
