from __future__ import annotations

import pytest
from desk import PHONE, Desk, dialogue, plan

from bridge.model import Client, JobState
from bridge.report.trace import Trace, trace


async def of(desk: Desk, job_id: int) -> Trace:
    found = await trace(desk.deps, job_id)
    assert found is not None
    return found


async def test_no_job_no_trace(desk: Desk) -> None:
    assert await trace(desk.deps, 7) is None


async def test_the_card_of_a_found_client_and_of_one_that_was_made(desk: Desk) -> None:
    known = await desk.ended(JobState.DONE, "found", made=plan(client=Client(id="17")), done=1, chat=dialogue(chat_id="a"))
    made = await desk.ended(JobState.DONE, "new", made=plan(), done=2, chat=dialogue(chat_id="b"))
    planned = await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan(), chat=dialogue(chat_id="c"))
    assert (await of(desk, known)).card_url == "https://crm.example.com/clients/17"
    assert (await of(desk, made)).card_url == "https://crm.example.com/clients/r0"
    assert (await of(desk, planned)).card_url is None


async def test_a_connection_that_the_config_has_lost_leaves_the_page_standing(desk: Desk) -> None:
    job_id = await desk.ended(JobState.HELD, "target_unknown", made=plan(client=Client(id="17")))
    desk.deps.targets, desk.deps.sources = {}, {}
    found = await of(desk, job_id)
    assert found.card_url is None
    assert [point.value for point in found.conversation.points][:1] == [PHONE]
    assert "Put the connection back" in await desk.page(f"/jobs/{job_id}")


async def test_what_a_rehearsal_would_write_is_shown_as_that(desk: Desk) -> None:
    job_id = await desk.ended(JobState.SKIPPED, "rehearsed", rehearsed=plan("Текст заметки"))
    found = await of(desk, job_id)
    assert found.rehearsed
    assert [(one.kind, one.state) for one in found.written] == [("create", "planned"), ("note", "planned")]
    page = await desk.page(f"/jobs/{job_id}")
    assert "Would be written" in page
    assert "Текст заметки" in page


async def test_a_next_try_that_is_due_is_not_told_as_the_past(desk: Desk) -> None:
    job_id = await desk.ended(JobState.RETRYING, "crm_unavailable", next_in=600.0)
    assert ">in 10 min</time>" in await desk.page(f"/jobs/{job_id}")
    await desk.clock.advance(900.0)
    page = await desk.page(f"/jobs/{job_id}")
    assert "<dt>Next try</dt><dd>when its turn comes</dd>" in page


async def test_an_html_note_is_shown_as_it_looks_and_nothing_in_it_lives(desk: Desk) -> None:
    text = '<b>Анна</b><script>x()</script><a href="javascript:x()">y</a><img src=x onerror=x()><a href="https://a.example">z</a>'
    job_id = await desk.ended(JobState.DONE, "new", made=plan(text, markup="html"), done=2)
    note = (await of(desk, job_id)).written[1]
    html = str(note.html)
    assert "<b>Анна</b>" in html
    assert "https://a.example" in html
    for live in ("script", "javascript", "<img", "onerror"):
        assert live not in html


@pytest.mark.parametrize(("detail", "expected"), [
    ("2 cards have these contact points, and ambiguous: hold asks a person. Анна П. (id 17), ? (id 4)",
     [("17", "Анна П."), ("4", "")]),
    ("С такими контактами карточек: 2, и по ambiguous: hold решает человек. И. И. Иванов (id a/1), О. (id 2)",
     [("a/1", "И. И. Иванов"), ("2", "О.")]),
    ("The client that was chosen (id 9) is not in the CRM.", []),
    ("", []),
])  # fmt: skip
async def test_the_clients_to_choose_from(desk: Desk, detail: str, expected: list[tuple[str, str]]) -> None:
    job_id = await desk.ended(JobState.HELD, "ambiguous", detail)
    assert (await of(desk, job_id)).candidates == expected


@pytest.mark.parametrize(("state", "reason", "more", "expected"), [
    (JobState.DONE, "new", {"made": plan(), "done": 2}, {"again"}),
    (JobState.DEAD, "crm_rejected", {}, {"replay", "correct", "skip"}),
    (JobState.DEAD, "crm_rejected", {"made": plan(), "done": 1}, {"replay", "correct", "again", "skip"}),
    (JobState.HELD, "ambiguous", {}, {"choose", "replay", "correct", "skip"}),
    (JobState.HELD, "unknown_outcome", {"made": plan(), "sent": 1}, {"written", "replay", "correct", "again", "skip"}),
    (JobState.WAITING, "no_contact", {}, {"now", "correct", "skip"}),
    (JobState.RETRYING, "crm_busy", {}, {"now", "correct", "skip"}),
    (JobState.SKIPPED, "rehearsed", {"rehearsed": plan()}, {"replay", "write", "correct"}),
    (JobState.SKIPPED, "by hand", {"made": plan(), "sent": 1}, {"written", "replay", "correct", "again"}),
])  # fmt: skip
async def test_what_a_person_can_do(
    desk: Desk, state: JobState, reason: str, more: dict[str, object], expected: set[str]
) -> None:
    job_id = await desk.ended(state, reason, **more)  # type: ignore[arg-type]
    assert (await of(desk, job_id)).actions == expected
