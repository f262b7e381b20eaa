"""Disks that are full, read-only or damaged: 503 or a clear refusal to start, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running import Crm, Service, environ, eventually, finished

UNLIMITED = resource.RLIM_INFINITY


def files_may_grow_to(service: Service, size: int) -> None:
    """What the kernel lets the process write from now on; beyond it a write fails as on a full disk."""
    assert service.process is not None
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


async def posted(service: Service, events: list[dict[str, Any]]) -> dict[int, list[int]]:
    """Ids of the chats by the status of the answer."""
    answers: dict[int, list[int]] = {}
    for event in events:
        status, _ = await service.post(event)
        answers.setdefault(status, []).append(event["chat_id"])
    return answers


@pytest.mark.parametrize("room", [0, 500_000], ids=["read-only at once", "full after a while"])
async def test_without_room_nothing_is_acknowledged_and_with_room_all_goes_on(service: Service, crm: Crm, room: int) -> None:
    await crm.faults(latency=0.3)
    # a job whose end could not be written down is taken up again when its lease is over
    service.config["worker"] = {"lease": "10s"}
    await service.start()
    before = await posted(service, [finished() for _ in range(10)])
    largest = max(path.stat().st_size for path in (service.store, Path(f"{service.store}-wal")))
    files_may_grow_to(service, largest + room if room else 1)

    without = await posted(service, [finished() for _ in range(120)])

    assert set(before) == {200}
    assert set(without) == ({200, 503} if room else {503}), {status: len(ids) for status, ids in without.items()}
    files_may_grow_to(service, UNLIMITED)
    await crm.faults()

    async def takes_again() -> bool:
        return (await service.post(finished()))[0] == 200

    await eventually(takes_again, "with room it goes on by itself")
    await service.at_rest()
    acknowledged = before[200] + without.get(200, [])
    done = {int(row["chat_id"]) for row in service.rows("SELECT chat_id FROM jobs WHERE state = 'done'")}
    assert done >= set(acknowledged)
    audit = await crm.audit()
    assert audit["notes"] == audit["clients"] == len(done)
    assert (audit["doubled_notes"], audit["doubled_clients"]) == (0, 0)
    assert await service.stop() == 0


def read_only(folder: Path) -> tuple[str, ...]:
    """A command in whose eyes the folder lies on a read-only disk; skips where this machine has no such thing."""
    script = f'mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && exec "$@"'
    command = ("unshare", "--mount", "sh", "-c", script, "sh")
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount anything")
    return command


@pytest.mark.parametrize("there", [True, False], ids=["a store is there", "none yet"])
async def test_on_a_read_only_disk_it_refuses_to_start_and_says_what_to_do(service: Service, crm: Crm, there: bool) -> None:
    folder = service.folder / "data"
    folder.mkdir()
    service.config["store"] = f"sqlite:///{folder}/chat2crm.db"
    wrapper = read_only(folder)
    if there:
        await service.start()
        await service.stop()
    service.wrapper = wrapper

    with pytest.raises(AssertionError, match=r"Read-only file system\. Is the folder there, and writable for this user"):
        await service.start()

    assert service.process is not None
    assert await service.process.wait() == 2


async def test_a_damaged_store_is_found_at_start_saved_and_put_back(service: Service, crm: Crm) -> None:
    """Cut short in the middle; what is left of it, and what the CRM shows, is enough to write nothing twice."""
    await service.start()
    events = [finished() for _ in range(60)]
    assert set(await posted(service, events)) == {200}
    await service.at_rest()
    await service.stop()
    whole = service.store.read_bytes()
    service.store.write_bytes(whole[: len(whole) * 2 // 3])

    with pytest.raises(AssertionError, match=r"damaged.*Put a backup in its place.*chat2crm store salvage"):
        await service.start()
    assert service.process is not None
    assert await service.process.wait() == 2
    for command in ("salvage", "restore"):
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "bridge", "-c", str(service.folder / "config.yaml"), "store", command,
             str(service.folder / "saved.db")],
            check=True, capture_output=True, env=environ(),
        )  # fmt: skip
    await service.start()
    again = await posted(service, events)
    await service.at_rest()

    assert set(again) == {200}
    audit = await crm.audit()
    assert (audit["clients"], audit["notes"], audit["doubled_notes"]) == (60, 60, 0)
    with contextlib.closing(service.store.with_name("chat2crm.db.before-restore").open("rb")) as kept:
        assert len(kept.read()) == len(whole) * 2 // 3
