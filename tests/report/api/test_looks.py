"""What a script is told of what there is."""

from __future__ import annotations

import base64

from desk import EMAIL, PHONE, Desk, call, dialogue, plan

from bridge.model import Client, JobState


async def test_a_script_lists_jobs_and_turns_pages(stranger: Desk) -> None:
    for number in range(101):
        await stranger.job(dialogue(chat_id=f"c-{number}"))
    first = await stranger.asks("/api/jobs?state=pending&source=shop&target=sales")
    assert len(first["jobs"]) == 100
    rest = await stranger.asks(f"/api/jobs?after={first['after']}")
    assert [job["chat_id"] for job in rest["jobs"]] == ["c-0"]
    assert rest["after"] is None
    assert (await stranger.asks("/api/jobs?state=done"))["jobs"] == []
    assert (await stranger.asks("/api/jobs?site=bakery", status=404))["error"] == "gone"


async def test_a_job_comes_with_its_whole_trace(stranger: Desk) -> None:
    job_id = await stranger.ended(
        JobState.DONE, "found", made=plan(client=Client(id="17")), done=1, steps=(call(stranger.clock),)
    )
    job = await stranger.asks(f"/api/jobs/{job_id}")
    assert job["state"] == "done"
    assert job["plan"]["operations"][0]["scope"]["note"]["text"] == "Чат на сайте"
    assert job["operations"][0]["record_id"] == "r0"
    assert job["tried"][0]["steps"][0]["path"] == "/clients?phone=…"
    assert job["deliveries"][0]["event"] == "chat_finished"


async def test_the_overview_is_data_as_well(stranger: Desk) -> None:
    await stranger.ended(JobState.DEAD, "crm_rejected", f"{PHONE} {EMAIL}", code="crm_rejected")
    await stranger.receive(key="odd", state="not_understood")
    found = await stranger.asks("/api/overview")
    assert found["counts"]["dead"] == 1
    assert found["targets"][0]["open"] == {"dead": 1}
    causes = {trouble["cause"]: trouble for trouble in found["troubles"]}
    assert set(causes) == {"jobs:dead:sales:crm_rejected:crm_rejected", "not_understood:shop"}
    assert PHONE not in str(found["troubles"])


async def test_deliveries_are_listed_without_their_bytes(stranger: Desk) -> None:
    await stranger.receive(b"secret body", key="odd", state="not_understood", reason="no JSON")
    (one,) = (await stranger.asks("/api/deliveries?state=not_understood"))["deliveries"]
    assert (one["reason"], one["size"]) == ("no JSON", 11)
    assert "body" not in one


async def test_a_deliverys_bytes_are_handed_out_and_that_is_written_down(stranger: Desk) -> None:
    number = await stranger.receive(b"\x00\xffno text")
    told = await stranger.asks(f"/api/deliveries/{number}")
    assert base64.b64decode(told["body"]) == b"\x00\xffno text"
    assert (told["headers"], told["size"]) == ({"x-kept": "yes"}, 9)
    [row] = await stranger.store.personal().audit()
    assert (row["what"], row["about"]) == ("raw_viewed", f"delivery {number}")
    assert (await stranger.asks("/api/deliveries/999", status=404))["error"] == "gone"


async def test_a_script_sees_of_a_chat_what_its_page_shows_a_person(stranger: Desk) -> None:
    job_id = await stranger.ended(JobState.HELD, "ambiguous", "Several clients fit. Анна (id 17), Ольга (id 4)")
    told = await stranger.asks(f"/api/jobs/{job_id}")
    assert [(one["client_id"], one["name"]) for one in told["candidates"]] == [("17", "Анна"), ("4", "Ольга")]
    assert {point["value"] for point in told["contacts"]} == {PHONE, EMAIL}
    assert {"choose", "correct", "skip"} <= set(told["can"])
