from __future__ import annotations

from desk import EMAIL, PHONE, Desk, call, plan

from bridge.model import JobState
from bridge.report.trace.sheet import as_text, sheet
from bridge.report.trace.telling import shared, told


async def test_a_job_on_a_sheet_has_every_section_that_has_something_to_say(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DONE, "new", made=plan(), done=2, steps=(call(desk.clock),))
    row = await desk.store.reading().job(job_id)
    assert row is not None
    known = told(row, desk.deps.sources["shop"], desk.deps.settings)
    titles = [section.title.split(" ")[0] for section in sheet(known)]
    assert titles == ["Job", "Received", "Chat", "Contact", "Decision", "Operations", "Attempt"]
    assert PHONE in as_text(known)


async def test_the_page_saves_a_copy_with_nobody_in_it(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", f"refused {PHONE}", made=plan(f"Чат {EMAIL}"), code="crm_rejected")
    assert f'href="/jobs/{job_id}/share"' in await desk.page(f"/jobs/{job_id}")
    answer = await desk.get(f"/jobs/{job_id}/share")
    text = await answer.text()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="chat2crm-job-{job_id}.txt"'
    assert "crm_rejected" in text
    for personal in (PHONE, PHONE[-7:], EMAIL, "Анна"):
        assert personal not in text
    assert (await desk.get("/jobs/999/share")).status == 404
    row = await desk.store.reading().job(job_id)
    assert row is not None
    assert text == as_text(shared(told(row, desk.deps.sources["shop"], desk.deps.settings)))
