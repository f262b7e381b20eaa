"""Guesses that come side by side."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from desk import PASSWORD, bearer, desk_of, settings
from fakes import FakeClock

from bridge.config import Revealed
from bridge.config.passwords import hashed
from bridge.report.gate import sign_in
from bridge.report.gate.sign_in import TRIES

OURS = {"password_hash": Revealed(hashed(PASSWORD))}


@pytest.mark.parametrize("by", ["form", "bearer"])
async def test_guesses_side_by_side_wait_as_those_one_after_another(tmp_path: Path, clock: FakeClock, by: str) -> None:
    async with desk_of(tmp_path, clock, settings(ops=OURS)) as desk:

        async def tried(guess: str) -> int:
            if by == "form":
                return (await desk.sign_in(guess)).status
            return (await desk.web.get("/api/jobs", headers=bearer(guess))).status

        statuses = await asyncio.gather(*map(tried, [*(f"guess {number}" for number in range(TRIES + 3)), PASSWORD]))
    assert statuses == [403 if by == "form" else 401] * TRIES + [429] * 4


async def test_passwords_of_customers_who_are_not_there_are_held_one_at_a_time_as_well(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, guard = 0, 0, threading.Lock()

    def holds(_given: str, _written: str) -> bool:
        nonlocal at_once, most
        with guard:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.01)  # as long as it takes
        with guard:
            at_once -= 1
        return False

    monkeypatch.setattr(sign_in, "holds", holds)
    monkeypatch.setattr(sign_in, "TRIES", 100)
    async with desk_of(tmp_path, clock, settings(ops=OURS)) as desk:
        sent = (desk.web.post("/sign-in", data={"site": f"s{number}", "password": "x"}) for number in range(10))
        await asyncio.gather(*sent)
    assert most == 1
