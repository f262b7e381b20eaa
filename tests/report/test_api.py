from __future__ import annotations

import base64
from typing import Any

import pytest
from desk import EMAIL, PASSWORD, PHONE, Desk, call, dialogue, plan

from bridge.model import Client, JobState
from bridge.store import TargetStop

BEARER = {"Authorization": f"Bearer {PASSWORD}"}


async def get(desk: Desk, path: str, status: int = 200) -> Any:
    answer = await desk.web.get(path, headers=BEARER)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def post(desk: Desk, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await desk.web.post(path, headers=BEARER, json={} if body is None else body)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_a_script_lists_jobs_and_turns_pages(stranger: Desk) -> None:
    for number in range(101):
        await stranger.job(dialogue(chat_id=f"c-{number}"))
    first = await get(stranger, "/api/jobs?state=pending&source=shop&target=sales")
    assert len(first["jobs"]) == 100
    rest = await get(stranger, f"/api/jobs?after={first['after']}")
    assert [job["chat_id"] for job in rest["jobs"]] == ["c-0"]
    assert rest["after"] is None
    assert (await get(stranger, "/api/jobs?state=done"))["jobs"] == []
    assert (await get(stranger, "/api/jobs?site=bakery", status=404))["error"] == "gone"


async def test_a_job_comes_with_its_whole_trace(stranger: Desk) -> None:
    job_id = await stranger.ended(
        JobState.DONE, "found", made=plan(client=Client(id="17")), done=1, steps=(call(stranger.clock),)
    )
    job = await get(stranger, f"/api/jobs/{job_id}")
    assert job["state"] == "done"
    assert job["plan"]["operations"][0]["scope"]["note"]["text"] == "Чат на сайте"
    assert job["operations"][0]["record_id"] == "r0"
    assert job["tried"][0]["steps"][0]["path"] == "/clients?phone=…"
    assert job["deliveries"][0]["event"] == "chat_finished"


async def test_a_script_presses_every_button(stranger: Desk) -> None:
    dead = await stranger.ended(JobState.DEAD, "crm_rejected", code="crm_rejected", chat=dialogue(chat_id="a"))
    assert await post(stranger, f"/api/jobs/{dead}/replay") == {"done": True}
    done = await stranger.ended(JobState.DONE, "new", made=plan(), done=2, chat=dialogue(chat_id="b"))
    assert await post(stranger, f"/api/jobs/{done}/replay", {"again": True}) == {"done": True}
    assert (await get(stranger, f"/api/jobs/{done}"))["generation"] == 1
    unknown = await stranger.ended(JobState.HELD, "unknown_outcome", made=plan(), sent=1, chat=dialogue(chat_id="c"))
    assert await post(stranger, f"/api/jobs/{unknown}/written", {"record_id": 5}) == {"done": True}
    ambiguous = await stranger.ended(JobState.HELD, "ambiguous", chat=dialogue(chat_id="d"))
    assert await post(stranger, f"/api/jobs/{ambiguous}/choose", {"client_id": "17"}) == {"done": True}
    assert await post(stranger, f"/api/jobs/{ambiguous}/skip") == {"done": True}
    assert await post(stranger, f"/api/jobs/{ambiguous}/skip", status=409) == {"done": False}
    await stranger.ended(JobState.DEAD, "crm_broken", code="crm_broken", chat=dialogue(chat_id="e"))
    group = {"state": "dead", "target": "sales", "reason": "crm_broken", "code": "crm_broken"}
    assert await post(stranger, "/api/jobs/replay", group) == {"jobs": 1}
    await stranger.store.stop_target(TargetStop(target="sales", reason="brake", detail="", since=0.0))
    assert await post(stranger, "/api/targets/sales/go") == {"done": True}
    assert await post(stranger, "/api/targets/sales/go", status=409) == {"done": False}
    assert len(stranger.woken) == 7


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b'"x"', b"\xff", b"[" * 50_000])
async def test_what_is_no_object_is_refused_in_words(stranger: Desk, body: bytes) -> None:
    answer = await stranger.web.post(
        "/api/jobs/1/choose", data=body, headers={**BEARER, "Content-Type": "application/json"}
    )
    assert answer.status == 400
    assert "JSON object" in (await answer.json())["message"]


async def test_what_is_not_there_is_said_as_data(stranger: Desk) -> None:
    assert (await get(stranger, "/api/jobs/999", 404))["error"] == "gone"
    assert (await get(stranger, "/api/nowhere", 404))["error"] == "gone"
    assert (await post(stranger, "/api/jobs/999/replay", status=409)) == {"done": False}


async def test_the_overview_is_data_as_well(stranger: Desk) -> None:
    await stranger.ended(JobState.DEAD, "crm_rejected", f"{PHONE} {EMAIL}", code="crm_rejected")
    await stranger.receive(key="odd", state="not_understood")
    found = await get(stranger, "/api/overview")
    assert found["counts"]["dead"] == 1
    assert found["targets"][0]["open"] == {"dead": 1}
    causes = {trouble["cause"]: trouble for trouble in found["troubles"]}
    assert set(causes) == {"jobs:dead:sales:crm_rejected:crm_rejected", "not_understood:shop"}
    assert PHONE not in str(found["troubles"])


async def test_deliveries_are_listed_without_their_bytes(stranger: Desk) -> None:
    await stranger.receive(b"secret body", key="odd", state="not_understood", reason="no JSON")
    (one,) = (await get(stranger, "/api/deliveries?state=not_understood"))["deliveries"]
    assert (one["reason"], one["size"]) == ("no JSON", 11)
    assert "body" not in one


async def test_a_deliverys_bytes_are_handed_out_and_that_is_written_down(stranger: Desk) -> None:
    number = await stranger.receive(b"\x00\xffno text")
    told = await get(stranger, f"/api/deliveries/{number}")
    assert base64.b64decode(told["body"]) == b"\x00\xffno text"
    assert (told["headers"], told["size"]) == ({"x-kept": "yes"}, 9)
    [row] = await stranger.store.personal().audit()
    assert (row["what"], row["about"]) == ("raw_viewed", f"delivery {number}")
    assert (await get(stranger, "/api/deliveries/999", status=404))["error"] == "gone"


async def test_a_script_sees_of_a_chat_what_its_page_shows_a_person(stranger: Desk) -> None:
    job_id = await stranger.ended(JobState.HELD, "ambiguous", "Several clients fit. Анна (id 17), Ольга (id 4)")
    told = await get(stranger, f"/api/jobs/{job_id}")
    assert [(one["client_id"], one["name"]) for one in told["candidates"]] == [("17", "Анна"), ("4", "Ольга")]
    assert {point["value"] for point in told["contacts"]} == {PHONE, EMAIL}
    assert {"choose", "correct", "skip"} <= set(told["can"])
