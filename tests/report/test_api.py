"""What a script does, and what it is told if that is nothing."""

from __future__ import annotations

import pytest
from desk import Desk, bearer, dialogue, plan

from bridge.model import JobState
from bridge.store import TargetStop


async def test_a_script_presses_every_button(stranger: Desk) -> None:
    dead = await stranger.ended(JobState.DEAD, "crm_rejected", code="crm_rejected", chat=dialogue(chat_id="a"))
    assert await stranger.does(f"/api/jobs/{dead}/replay") == {"done": True}
    done = await stranger.ended(JobState.DONE, "new", made=plan(), done=2, chat=dialogue(chat_id="b"))
    assert await stranger.does(f"/api/jobs/{done}/replay", {"again": True}) == {"done": True}
    assert (await stranger.asks(f"/api/jobs/{done}"))["generation"] == 1
    unknown = await stranger.ended(JobState.HELD, "unknown_outcome", made=plan(), sent=1, chat=dialogue(chat_id="c"))
    assert await stranger.does(f"/api/jobs/{unknown}/written", {"record_id": 5}) == {"done": True}
    ambiguous = await stranger.ended(JobState.HELD, "ambiguous", chat=dialogue(chat_id="d"))
    assert await stranger.does(f"/api/jobs/{ambiguous}/choose", {"client_id": "17"}) == {"done": True}
    assert await stranger.does(f"/api/jobs/{ambiguous}/skip") == {"done": True}
    assert await stranger.does(f"/api/jobs/{ambiguous}/skip", status=409) == {"done": False}
    await stranger.ended(JobState.DEAD, "crm_broken", code="crm_broken", chat=dialogue(chat_id="e"))
    group = {"state": "dead", "target": "sales", "reason": "crm_broken", "code": "crm_broken"}
    assert await stranger.does("/api/jobs/replay", group) == {"jobs": 1}
    await stranger.store.stop_target(TargetStop(target="sales", reason="brake", detail="", since=0.0))
    assert await stranger.does("/api/targets/sales/go") == {"done": True}
    assert await stranger.does("/api/targets/sales/go", status=409) == {"done": False}
    assert len(stranger.woken) == 7


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b'"x"', b"\xff", b"[" * 50_000])
async def test_what_is_no_object_is_refused_in_words(stranger: Desk, body: bytes) -> None:
    answer = await stranger.web.post(
        "/api/jobs/1/choose", data=body, headers={**bearer(), "Content-Type": "application/json"}
    )
    assert answer.status == 400
    assert "JSON object" in (await answer.json())["message"]


@pytest.mark.parametrize("text", ["\\ud83d", "\\u0000", "\\udc00x"])
async def test_half_a_sign_in_a_text_is_no_fault_of_ours(stranger: Desk, text: str) -> None:
    body = f'{{"state": "dead", "target": "sales", "reason": "{text}", "code": "{text}", "cause": "{text}"}}'
    answer = await stranger.web.post(
        "/api/jobs/replay", data=body, headers={**bearer(), "Content-Type": "application/json"}
    )
    assert answer.status == 200
    assert await answer.json() == {"jobs": 0}


async def test_what_is_not_there_is_said_as_data(stranger: Desk) -> None:
    assert (await stranger.asks("/api/jobs/999", 404))["error"] == "gone"
    assert (await stranger.asks("/api/nowhere", 404))["error"] == "gone"
    assert (await stranger.does("/api/jobs/999/replay", status=409)) == {"done": False}
