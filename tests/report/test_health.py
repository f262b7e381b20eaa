from __future__ import annotations

import asyncio

import pytest
from desk import Desk
from fakes import FakeClock

from bridge.errors import NoRoom
from bridge.report.health import CACHED, Health
from bridge.store import TargetStop


async def test_the_process_answers_without_a_password(stranger: Desk) -> None:
    answer = await stranger.get("/healthz")
    assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_ready_says_how_each_part_is(stranger: Desk) -> None:
    stranger.deps.alive = lambda: {"worker": True, "sorter": False}
    stranger.breakers.states["sales"] = "open"
    answer = await stranger.get("/readyz")
    assert answer.status == 200
    assert await answer.json() == {
        "ready": True, "store": "ok", "parts": {"worker": "runs", "sorter": "has ended"}, "targets": {"sales": "open"},
    }  # fmt: skip
    assert await stranger.store.open_alerts() == {}


async def test_a_stopped_connection_is_told_and_is_no_reason_to_refuse_deliveries(stranger: Desk) -> None:
    await stranger.store.stop_target(TargetStop(target="sales", reason="crm_blocked", detail="x", since=0.0))
    answer = await stranger.get("/readyz")
    assert answer.status == 200
    assert (await answer.json())["targets"] == {"sales": "stopped: crm_blocked"}


async def test_a_store_that_cannot_be_written_is_503(stranger: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(cause: str, text: str) -> bool:
        raise NoRoom("database or disk is full")

    monkeypatch.setattr(stranger.store, "raise_alert", full)
    answer = await stranger.get("/readyz")
    assert answer.status == 503
    state = await answer.json()
    assert state["ready"] is False
    assert "no_room" in state["store"]


async def test_a_store_that_hangs_is_503(stranger: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(cause: str, text: str) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(stranger.store, "raise_alert", hang)
    monkeypatch.setattr("bridge.report.health.PATIENCE", 0.01)
    assert (await stranger.get("/readyz")).status == 503


async def test_many_probes_write_once(stranger: Desk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    real = stranger.store.raise_alert

    async def counted(cause: str, text: str) -> bool:
        writes.append(cause)
        return await real(cause, text)

    monkeypatch.setattr(stranger.store, "raise_alert", counted)
    health = Health(stranger.deps)
    await asyncio.gather(*(health.state() for _ in range(20)))
    assert len(writes) == 1
    await clock.advance(CACHED)
    await health.state()
    assert len(writes) == 2
