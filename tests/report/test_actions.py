"""What the buttons do to the store."""

from __future__ import annotations

import re

import structlog
from desk import EMAIL, PHONE, Desk, dialogue, form_of, plan

from bridge.model import Client, JobState, OperationState
from bridge.report.doing import BY_HAND
from bridge.store import Job, TargetStop


async def the(desk: Desk, job_id: int) -> Job:
    job = await desk.store.job(job_id)
    assert job is not None
    return job


async def test_a_job_that_is_not_written_is_sent_round_again_at_once(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    with structlog.testing.capture_logs() as lines:
        answer = await desk.press(f"/jobs/{job_id}", f"/jobs/{job_id}/replay")
    assert answer.headers["Location"] == f"/jobs/{job_id}?said=replayed"
    assert (await the(desk, job_id)).state is JobState.PENDING
    assert desk.woken
    assert [line["job"] for line in lines if line["event"] == "job.replayed"] == [job_id]
    assert "Sent round again." in await desk.page(answer.headers["Location"])


async def test_writing_again_asks_first_and_says_what_is_there(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DONE, "found", made=plan(client=Client(id="17")), done=1)
    page = await desk.page(f"/jobs/{job_id}")
    assert f'action="/jobs/{job_id}/replay"' not in page
    asked = await desk.page(f"/jobs/{job_id}/again")
    assert "no. r0" in asked
    assert (await the(desk, job_id)).state is JobState.DONE  # asking has done nothing
    await desk.press(f"/jobs/{job_id}/again", f"/jobs/{job_id}/again")
    job = await the(desk, job_id)
    assert (job.state, job.generation, job.plan) == (JobState.PENDING, 1, None)


async def test_a_chat_of_which_nothing_was_written_cannot_be_written_again(desk: Desk) -> None:
    job_id = await desk.ended(JobState.SKIPPED, "nothing_said")
    assert (await desk.get(f"/jobs/{job_id}/again")).status == 404


async def test_a_person_skips_a_job(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "unknown_outcome", made=plan(), sent=1)
    await desk.press(f"/jobs/{job_id}", f"/jobs/{job_id}/skip")
    job = await the(desk, job_id)
    assert (job.state, job.reason) == (JobState.SKIPPED, BY_HAND)


async def test_a_person_says_that_it_is_written(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "unknown_outcome", made=plan(client=Client(id="17")), sent=1)
    answer = await desk.press(f"/jobs/{job_id}", f"/jobs/{job_id}/written", record_id=" 99 ")
    assert answer.headers["Location"].endswith("said=written")
    rows = await desk.store.operations(job_id)
    assert [(row.state, row.record_id) for row in rows] == [(OperationState.DONE, "99")]
    assert (await the(desk, job_id)).state is JobState.PENDING


async def test_a_person_chooses_the_client_by_its_button(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "ambiguous", "2 cards fit. Анна П. (id 17), ? (id b-4)")
    page = await desk.page(f"/jobs/{job_id}")
    assert 'value="17"' in page
    assert 'value="b-4"' in page
    token = form_of(page, f"/jobs/{job_id}/choose")
    await desk.web.post(f"/jobs/{job_id}/choose", data={**token, "client_id": "b-4"}, allow_redirects=False)
    job = await the(desk, job_id)
    assert (job.state, job.chosen) == (JobState.PENDING, "b-4")


async def test_no_client_is_no_choice(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "ambiguous", "Two fit. Анна (id 17), Ольга (id 4)")
    for client_id in ("", "  ", "x" * 201, "a\nb"):
        answer = await desk.press(f"/jobs/{job_id}", f"/jobs/{job_id}/choose", client_id=client_id)
        assert answer.headers["Location"].endswith("said=unchanged"), client_id
    assert (await the(desk, job_id)).state is JobState.HELD


async def test_a_running_job_has_no_buttons_and_is_left_alone(desk: Desk) -> None:
    job = await desk.claimed()
    page = await desk.page(f"/jobs/{job.id}")
    assert f'action="/jobs/{job.id}/' not in page
    token = form_of(page, "/sign-out")
    for name in ("replay", "again", "skip", "written", "choose"):
        answer = await desk.web.post(f"/jobs/{job.id}/{name}", data={**token, "client_id": "1"}, allow_redirects=False)
        assert answer.headers["Location"].endswith("said=unchanged"), name
    assert (await the(desk, job.id)).state is JobState.RUNNING
    assert not desk.woken


async def test_a_group_is_sent_round_whole_and_no_other(desk: Desk) -> None:
    same = [
        await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected", chat=dialogue(chat_id=name)) for name in "abc"
    ]
    other = await desk.ended(JobState.DEAD, "crm_broken", code="crm_broken", chat=dialogue(chat_id="other"))
    overview = await desk.page("/")
    link = "/jobs/replay?state=dead&amp;target=sales&amp;reason=crm_rejected&amp;code=crm_rejected"
    assert link in overview
    asked = link.replace("&amp;", "&")
    assert "Send 3 chats round again?" in await desk.page(asked)
    form = form_of(await desk.page(asked), "/jobs/replay")
    answer = await desk.web.post("/jobs/replay", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "/stuck?said=group&n=3"
    assert [(await the(desk, job_id)).state for job_id in same] == [JobState.PENDING] * 3
    assert (await the(desk, other)).state is JobState.DEAD
    assert "Sent round again: 3." in await desk.page(answer.headers["Location"])


async def test_a_group_that_is_not_named_whole_is_refused(desk: Desk) -> None:
    await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    token = form_of(await desk.page("/"), "/sign-out")
    for group in ({}, {"state": "dead"}, {"state": "done", "target": "sales"}, {"target": "sales"}):
        assert (await desk.web.post("/jobs/replay", data={**token, **group}, allow_redirects=False)).status == 400, group


async def test_a_stopped_connection_goes_on(desk: Desk) -> None:
    await desk.store.stop_target(TargetStop(target="sales", reason="crm_blocked", detail="", since=desk.clock.time()))
    assert "The CRM has blocked us".lower() in (await desk.page("/")).lower()
    answer = await desk.press("/", "/targets/sales/go")
    assert answer.headers["Location"] == "/?said=going"
    assert await desk.store.stops() == {}
    assert desk.woken


async def test_looking_at_raw_data_is_in_the_log(desk: Desk) -> None:
    delivery_id = await desk.receive(b'{"text": "8 916 123-45-67"}')
    with structlog.testing.capture_logs() as lines:
        page = await desk.page(f"/deliveries/{delivery_id}/raw")
        download = await desk.get(f"/deliveries/{delivery_id}/raw?download=1")
    assert "8 916 123-45-67" in page
    assert "x-kept: yes" in page
    assert await download.read() == b'{"text": "8 916 123-45-67"}'
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.content_type == "application/octet-stream"
    viewed = [line for line in lines if line["event"] == "raw.viewed"]
    assert [line["delivery"] for line in viewed] == [delivery_id] * 2
    assert "123-45" not in str(lines)


async def test_what_could_not_be_read_is_read_again_after_the_mapping_was_corrected(desk: Desk) -> None:
    await desk.receive(key="k1", state="not_understood", reason="what is this?")
    answer = await desk.press("/deliveries?state=not_understood", "/sources/shop/again")
    assert answer.headers["Location"] == "/?said=group&n=1"
    assert [one.dedupe_key for one in await desk.store.received(10)] == ["k1"]
    assert "/sources/shop/again" not in await desk.page("/deliveries?state=not_understood")


async def test_contacts_are_put_right_and_the_chat_goes_round_with_them(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "ambiguous")
    token = form_of(await desk.page(f"/jobs/{job_id}"), f"/jobs/{job_id}/correct")
    answer = await desk.web.post(
        f"/jobs/{job_id}/correct", data=[*token.items(), ("keep", EMAIL), ("add", "8 916 765-43-21\n\n")], allow_redirects=False
    )
    assert answer.headers["Location"] == f"/jobs/{job_id}?said=corrected"
    assert (await the(desk, job_id)).state is JobState.PENDING
    page = await desk.page(f"/jobs/{job_id}")
    assert 'class="claim-own">+79167654321' in page
    assert f'class="claim-other">{PHONE}' in page
    assert "put right by a person" in page
    assert [row["about"] for row in await desk.store.personal().audit(what="corrected")] == [f"job {job_id}"]


async def test_a_correction_can_be_taken_back(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "ambiguous")
    for keep, claim in (([EMAIL], "claim-other"), ([EMAIL, PHONE], "claim-own")):
        token = form_of(await desk.page(f"/jobs/{job_id}"), f"/jobs/{job_id}/correct")
        data = [*token.items(), *(("keep", value) for value in keep)]
        await desk.web.post(f"/jobs/{job_id}/correct", data=data, allow_redirects=False)
        assert f'class="{claim}">{PHONE}' in await desk.page(f"/jobs/{job_id}")


async def test_what_is_no_contact_changes_nothing(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "ambiguous")
    token = form_of(await desk.page(f"/jobs/{job_id}"), f"/jobs/{job_id}/correct")
    data = {**token, "add": "call me maybe"}
    answer = await desk.web.post(f"/jobs/{job_id}/correct", data=data, allow_redirects=False)
    assert answer.headers["Location"] == f"/jobs/{job_id}?said=no_point"
    assert (await the(desk, job_id)).state is JobState.HELD
    assert "nothing was changed" in await desk.page(answer.headers["Location"])


async def test_a_group_of_one_cause_leaves_other_causes_of_the_same_reason(desk: Desk) -> None:
    same = [
        await desk.ended(JobState.DEAD, "crm_rejected", f"field A unknown (request {number})", code="crm_rejected",
                         chat=dialogue(chat_id=f"a-{number}")) for number in range(2)
    ]  # fmt: skip
    other = await desk.ended(JobState.DEAD, "crm_rejected", "field B unknown", code="crm_rejected", chat=dialogue(chat_id="b"))
    page = await desk.page("/stuck")
    assert "2 chats: the CRM refuses what was written" in page
    assert "field B unknown" in page
    link = next(link for link in re.findall(r'href="(/jobs/replay\?[^"]+)"', page) if "cause=" in link).replace("&amp;", "&")
    form = form_of(await desk.page(link), "/jobs/replay")
    await desk.web.post("/jobs/replay", data=form, allow_redirects=False)
    assert [(await the(desk, job_id)).state for job_id in same] == [JobState.PENDING] * 2
    assert (await the(desk, other)).state is JobState.DEAD


async def test_whoever_looks_at_raw_data_is_written_down(desk: Desk) -> None:
    delivery = await desk.receive()
    await desk.page(f"/deliveries/{delivery}/raw")
    [row] = await desk.store.personal().audit(what="raw_viewed")
    assert row["about"] == f"delivery {delivery}"
    assert row["who"].startswith("ops:")
