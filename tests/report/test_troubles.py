from __future__ import annotations

import pytest
from desk import Desk, dialogue

from bridge.model import JobState
from bridge.report.troubles import LATE, NOTICED, describe, sentence, troubles
from bridge.store import Sorted, TargetStop
from bridge.store.records import ToFetch


async def held(desk: Desk) -> None:
    await desk.receive(b"{}", key="k", state="not_understood", reason="x")
    [row] = await desk.store.reading().deliveries()
    await desk.store.sort_again(source=row["source"])
    wants = ToFetch(parts=(0,), at=0.0)
    await desk.store.record_sorted([Sorted(delivery=row["id"], state="held", fetch=wants, reason="no such record")])


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_deliveries_that_could_not_be_fetched_for_are_listed_and_can_be_sent_round(desk: Desk, language: str) -> None:
    await held(desk)

    [trouble] = await troubles(desk.store, desk.clock.time())
    assert (trouble.cause, trouble.count, trouble.path) == ("unfetched:shop", 1, "/deliveries?state=held&source=shop")
    assert describe(trouble, language).todo  # type: ignore[arg-type]
    page = await desk.page(trouble.path + f"&lang={language}")
    assert "no such record" in page
    assert "/sources/shop/again" in page


async def lateness(desk: Desk) -> list[tuple[str, int]]:
    return [(one.name, one.count) for one in await troubles(desk.store, desk.clock.time()) if one.kind == "late"]


async def test_chats_that_a_crm_does_not_take_are_late_after_half_an_hour(desk: Desk) -> None:
    await desk.ended(JobState.RETRYING, "crm_no_answer", chat=dialogue(chat_id="a"))
    await desk.ended(JobState.WAITING, "no_contact", chat=dialogue(chat_id="c"))
    await desk.ended(JobState.HELD, "ambiguous", chat=dialogue(chat_id="d"))
    await desk.job(dialogue(chat_id="b"))
    await desk.clock.advance(LATE)
    assert await lateness(desk) == []

    await desk.clock.advance(1)

    assert await lateness(desk) == [("sales", 2)]
    [late] = [one for one in await troubles(desk.store, desk.clock.time()) if one.kind == "late"]
    assert (late.cause, late.path) == ("late:sales", "/jobs?target=sales")
    assert sentence(late, "en").startswith("CRM connection sales: has left chats waiting for more than half an hour: 2 chats.")
    assert sentence(late, "ru").startswith("Подключение CRM sales: больше получаса не принимает чаты: 2 чата.")
    await desk.sign_in()  # half an hour ago was long ago
    assert await desk.page(late.path)


async def test_of_a_stopped_crm_it_is_told_what_it_answered_without_anybodys_data(desk: Desk) -> None:
    detail = "The CRM redirects to https://crm.new; put its final address into the target's `url`, +79161234567"
    await desk.store.stop_target(TargetStop(target="sales", reason="crm_access_refused", detail=detail, since=0.0))
    [found] = await troubles(desk.store, desk.clock.time())
    assert found.cause == "stopped:sales"
    what = describe(found, "en").what
    assert what.startswith("Is stopped: the CRM does not let us in. The CRM redirects to https://crm.new; put its")
    assert "79161234567" not in what


async def test_what_a_stopped_crm_leaves_is_told_once(desk: Desk) -> None:
    await desk.ended(JobState.RETRYING, "crm_no_answer", chat=dialogue(chat_id="a"))
    await desk.store.stop_target(TargetStop(target="sales", reason="brake", detail="", since=desk.clock.time()))
    await desk.clock.advance(LATE + 1)

    assert [one.kind for one in await troubles(desk.store, desk.clock.time())] == ["stopped"]


@pytest.mark.parametrize("kind", NOTICED)
async def test_what_was_noticed_in_passing_is_listed_while_it_is_open(desk: Desk, kind: str) -> None:
    desk.deps.alerts.notice(f"{kind}:shop", "in English")
    await desk.deps.alerts.look()

    [trouble] = await troubles(desk.store, desk.clock.time())
    assert (trouble.kind, trouble.name) == (kind, "shop")
    assert sentence(trouble, "ru") != sentence(trouble, "en")
    assert (await desk.store.open_alerts()).keys() == {f"{kind}:shop"}
