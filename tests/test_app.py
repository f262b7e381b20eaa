from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from balancer import Cable, listening
from fakes import FakeClock
from ports import free_port
from running import eventually, finished
from service_materials import settings
from way import ENVIRON

from bridge import app
from bridge.app import Service, obey_signals
from bridge.clock import Clock
from bridge.config import Settings
from bridge.errors import ConfigError, NoRoom, StoreError
from bridge.sandbox import Running, start
from bridge.store import open_store

PATIENCE = 30


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """The service sets the garbage collector up for a process of its own."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@asynccontextmanager
async def running(with_: Settings, *, drop: bool = False) -> AsyncIterator[Service]:
    service = Service(with_, environ=ENVIRON, drop=drop)
    task = asyncio.create_task(service.run())
    ready = asyncio.create_task(service.ready.wait())
    await asyncio.wait([task, ready], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done() or await task
    try:
        yield service
    finally:
        service.stopping.set()
        await asyncio.wait_for(task, PATIENCE)


async def post(service: Service, number: int) -> int:
    address = f"http://127.0.0.1:{service.public_port}/hooks/shop/{ENVIRON['C2C_SECRET']}"
    async with aiohttp.ClientSession() as session, session.post(address, json=finished(number)) as answer:
        return answer.status


async def status(port: int, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status


def notes(crm: Running) -> int:
    return len(crm.parts.records.db.execute("SELECT id FROM notes").fetchall())


async def written(crm: Running, number: int) -> None:
    async def there() -> bool:
        return notes(crm) >= number

    await eventually(there, f"{number} note(s)", patience=PATIENCE)


async def test_a_chat_goes_the_whole_way(tmp_path: Path) -> None:
    async with start() as crm, running(settings(tmp_path, crm.url)) as service:
        assert await post(service, 1) == 200

        await written(crm, 1)


async def test_both_listeners_answer_on_ports_that_the_system_chose(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as service:
        assert service.public_port != service.ops_port
        assert await status(service.public_port, "/healthz") == 200
        assert await status(service.ops_port, "/readyz") == 200


async def test_the_public_door_leads_to_nothing_of_the_operations_pages(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as service:
        for path in ("/", "/metrics", "/readyz", "/api/jobs"):
            assert await status(service.public_port, path) == 404, path


async def test_what_was_left_over_is_taken_up_at_the_next_start(tmp_path: Path) -> None:
    async with start() as crm:
        crm.parts.faults.set(crm.parts.faults.switches.model_copy(update={"down": True}))
        async with running(settings(tmp_path, crm.url)) as service:
            assert await post(service, 1) == 200
        assert notes(crm) == 0
        crm.parts.faults.set(crm.parts.faults.switches.model_copy(update={"down": False}))

        async with running(settings(tmp_path, crm.url)):
            await written(crm, 1)


async def test_when_it_has_stopped_everything_is_put_away(tmp_path: Path) -> None:
    async with start() as crm:
        async with running(settings(tmp_path, crm.url)) as service:
            await post(service, 1)
            await written(crm, 1)
            port = service.public_port
        with pytest.raises(OSError, match=str(port)):
            await status(port, "/healthz")

        store = open_store(f"sqlite:///{tmp_path}/chat2crm.db", clock=Clock())
        await store.open()  # no lock is held any more
        await store.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert [task.get_name() for task in others if task.get_name() in {"work", "sort", "alerts", "prune", "reload"}] == []


async def test_a_port_that_is_taken_is_said_and_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with running(settings(tmp_path)) as service:
        taken = {"receive": {"host": "127.0.0.1", "port": str(service.public_port)}}
        with pytest.raises(ConfigError, match=f"127.0.0.1:{service.public_port}: cannot be listened on"):
            await Service(settings(tmp_path / "other", **taken), environ=ENVIRON).run()

    store = open_store(f"sqlite:///{tmp_path}/other/chat2crm.db", clock=Clock())
    await store.open()
    await store.close()


async def test_the_second_port_being_taken_closes_the_first(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with running(settings(tmp_path)) as service:
        taken = {"ops": {"host": "127.0.0.1", "port": str(service.ops_port)}}
        second = Service(settings(tmp_path / "other", **taken), environ=ENVIRON)
        with pytest.raises(ConfigError, match="cannot be listened on"):
            await second.run()

        assert not second.ready.is_set()


async def test_a_database_that_is_away_at_the_start_is_waited_for_behind_open_doors(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "OPEN_AGAIN", 0.05)
    parts = urlsplit(postgres_url)
    assert parts.hostname is not None
    cable = Cable((parts.hostname, parts.port or 5432))
    port, ops_port = free_port(), free_port()
    async with listening(cable), start() as crm:
        cable.cut = True
        store = parts._replace(netloc=f"{parts.username}@127.0.0.1:{cable.port}").geturl()
        service = Service(settings(
            tmp_path, crm.url, store=store, receive={"host": "127.0.0.1", "port": str(port)},
            ops={"host": "127.0.0.1", "port": str(ops_port)},
        ), environ=ENVIRON)  # fmt: skip
        service.public_port = port
        task = asyncio.create_task(service.run())

        async def told_to_come_again() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                return await post(service, 1) == 503
            return False

        await eventually(told_to_come_again, "the door is open, and nothing is taken", patience=PATIENCE)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{ops_port}/readyz") as answer:
                assert answer.status == 503
                assert "store_away" in (await answer.json())["store"]
            async with session.get(f"http://127.0.0.1:{ops_port}/") as answer:
                assert answer.status == 503
        assert not service.ready.is_set()

        cable.mend()
        await asyncio.wait_for(service.ready.wait(), PATIENCE)
        assert (service.public_port, service.ops_port) == (port, ops_port)
        assert await post(service, 1) == 200
        await written(crm, 1)
        service.stopping.set()
        await asyncio.wait_for(task, PATIENCE)


async def test_a_database_that_goes_while_the_service_begins_is_waited_for_too(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "OPEN_AGAIN", 0.05)
    refuse, begun = app.refuse_removal, []

    async def goes(*about: Any) -> None:
        begun.append(about)
        if len(begun) == 1:
            raise NoRoom("The connection is lost.")
        await refuse(*about)

    monkeypatch.setattr(app, "refuse_removal", goes)
    async with start() as crm, running(settings(tmp_path, crm.url, store=postgres_url)) as service:
        assert len(begun) == 2
        assert await post(service, 1) == 200
        await written(crm, 1)


async def test_whoever_waits_for_the_database_can_be_told_to_end(tmp_path: Path) -> None:
    service = Service(settings(tmp_path, store="postgresql://me:s3cret@127.0.0.1:1/x?connect_timeout=2"), environ=ENVIRON)
    task = asyncio.create_task(service.run())
    await asyncio.sleep(0)
    service.stopping.set()
    await asyncio.wait_for(task, PATIENCE)
    assert not service.ready.is_set()


async def test_one_store_has_one_service(tmp_path: Path) -> None:
    async with running(settings(tmp_path)):
        with pytest.raises(StoreError):
            await Service(settings(tmp_path), environ=ENVIRON).run()


async def test_a_target_whose_key_was_refused_is_tried_at_once_after_a_start(tmp_path: Path, clock: FakeClock) -> None:
    async with start() as crm:
        wrong = settings(tmp_path, crm.url)
        wrong = wrong.model_copy(update={
            "targets": {"sales": wrong.targets["sales"].model_copy(update={"token": type(wrong.key)("wrong-key")})},
        })  # fmt: skip
        async with running(wrong) as service:
            await post(service, 1)

            async def refused() -> bool:
                return bool(crm.parts.traffic.by_status[401] or crm.parts.traffic.by_status["401"])

            await eventually(refused, "the CRM refuses the key", patience=PATIENCE)

        async with running(settings(tmp_path, crm.url)):
            await written(crm, 1)


async def test_a_target_that_chats_wait_for_is_not_let_go_unless_somebody_insists(tmp_path: Path) -> None:
    def others() -> Settings:
        return settings(tmp_path, sources={"kiosk": {"provider": "jivo", "secret": "${C2C_SECRET}", "target": "retail"}},
                        targets={"retail": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}"}})  # fmt: skip

    async def jobs() -> list[dict[str, Any]]:
        store = open_store(f"sqlite:///{tmp_path}/chat2crm.db", clock=Clock(), service=False)
        await store.open()
        rows = await store.reading().jobs()
        await store.close()
        return rows

    async with running(settings(tmp_path)) as service:
        await post(service, 1)

        async def on_its_way() -> bool:
            return [one["state"] for one in await jobs()] == ["retrying"]

        await eventually(on_its_way, "the CRM is away and the chat waits", patience=PATIENCE)
        others()
        service.reloading.set()

        async def looked_at() -> bool:
            return not service.reloading.is_set()

        await eventually(looked_at, "the reload is looked at", patience=PATIENCE)
        assert await post(service, 2) == 200

        async def both_wait() -> bool:
            return [one["state"] for one in await jobs()] == ["retrying", "retrying"]

        await eventually(both_wait, "the second waits as well", patience=PATIENCE)
        assert await post(service, 3) == 200, "the old configuration goes on"

    with pytest.raises(ConfigError, match=r"targets\.sales is not in the configuration any more, with [23] chats on the way"):
        await Service(others(), environ=ENVIRON).run()
    async with running(others(), drop=True):
        assert {(one["state"], one["reason"]) for one in await jobs()} == {("held", "target_unknown")}


async def test_the_word_to_stop_comes_as_a_signal(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as service:
        loop = asyncio.get_running_loop()
        obey_signals(service)
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(service.stopping.wait(), PATIENCE)
        finally:
            for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(name)
