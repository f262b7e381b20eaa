from __future__ import annotations

import pytest
from desk import Desk, dialogue, plan

from bridge.model import Client, JobState
from bridge.report.previews import previews
from bridge.report.rehearsals import all_rehearsed
from bridge.store import Outcome
from bridge.store.finding import Row
from bridge.store.overviews import Overviews

ANNA = Client(id="17", name="Анна Иванова")


async def rows(desk: Desk, *ids: int) -> list[dict[str, object]]:
    return await desk.store.reading().overviews.plans(ids)


async def test_of_a_job_that_has_begun_exactly_the_rest_is_shown(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", made=plan("Заметка"), done=1)
    [one] = previews(await rows(desk, job_id))
    assert one.begun
    assert [(operation.kind, operation.text) for operation in one.operations] == [("note", "Заметка")]


async def test_of_a_job_that_has_written_nothing_the_last_plan_is_shown(desk: Desk) -> None:
    planned = await desk.ended(JobState.DEAD, "crm_rejected", made=plan(), chat=dialogue(chat_id="a"))
    unplanned = await desk.ended(JobState.DEAD, "crm_broken", chat=dialogue(chat_id="b"))
    one, other = previews(await rows(desk, planned, unplanned))
    assert ([operation.kind for operation in one.operations], one.begun) == (["create", "note"], False)
    assert (other.operations, other.match) == ([], None)


async def test_the_rehearsal_page_counts_what_would_be_made_and_attached_and_writes_it(desk: Desk) -> None:
    new = await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan(), chat=dialogue(chat_id="a"))
    known = await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan(client=ANNA), chat=dialogue(chat_id="b"))
    await desk.ended(JobState.HELD, "ambiguous", chat=dialogue(chat_id="c"))
    page = await desk.page("/rehearsal")
    assert page.count("<b>1</b>") == 3
    assert "Write these 2" in page
    later = await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan(), chat=dialogue(chat_id="later"))
    answer = await desk.web.post(
        "/rehearsal/sales/write", data={**_form(page), "upto": str(known)}, allow_redirects=False
    )
    assert answer.headers["Location"] == "/rehearsal?said=writing&n=2"
    for job_id, state, for_real in ((new, "pending", True), (known, "pending", True), (later, "skipped", False)):
        job = await desk.store.job(job_id)
        assert job is not None
        assert (job.state, job.for_real) == (state, for_real)
    [row] = [row for row in await desk.store.personal().audit(what="replayed") if row["about"] == "rehearsal sales"]
    assert row["detail"] == "2 jobs"


async def test_what_ends_while_the_page_is_made_is_not_counted_without_being_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Overviews.rehearsed

    async def one_more_ends(self: Overviews, target: str, **window: int) -> list[Row]:
        found = await asked(self, target, **window)
        await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan(), chat=dialogue(chat_id=f"after {len(found)}"))
        return found

    monkeypatch.setattr(Overviews, "rehearsed", one_more_ends)
    assert await all_rehearsed(desk.deps) == []
    [shown] = await all_rehearsed(desk.deps)
    assert (shown.ready, len(shown.previews)) == (1, 1)


async def test_writing_wants_to_know_up_to_where(desk: Desk) -> None:
    await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan())
    form = _form(await desk.page("/rehearsal"))
    assert (await desk.web.post("/rehearsal/sales/write", data={**form, "upto": "all"}, allow_redirects=False)).status == 400


def _form(page: str) -> dict[str, str]:
    from desk import form_of

    return form_of(page, "/rehearsal/sales/write")


async def test_a_rehearsal_of_one_that_writes_by_now_is_still_offered(desk: Desk) -> None:
    job = await desk.claimed(dialogue(chat_id="x"))
    await desk.store.finish(job, Outcome(state=JobState.SKIPPED, reason="rehearsed", rehearsed=plan()), None)
    assert "left over from its rehearsal" in await desk.page("/rehearsal")
