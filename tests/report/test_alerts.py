from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import structlog
from desk import EMAIL, PHONE, Desk, Webhook, dialogue
from fakes import FakeClock, settle
from replicas import Database

from bridge.errors import NoAnswer, NoRoom, NotSent
from bridge.model import JobState
from bridge.report import Alerts
from bridge.report.alerts import FADES, TRIES
from bridge.store import TargetStop


def said(webhook: Webhook) -> list[dict[str, Any]]:
    """What was posted since the last look."""
    found = [json.loads(request.body or b"") for request in webhook.posted]
    webhook.posted.clear()
    return found


async def look(desk: Desk) -> None:
    """A round; the clock goes on meanwhile, as waits between tries stand on it."""
    round_ = asyncio.create_task(desk.deps.alerts.look())
    while not round_.done():
        await asyncio.sleep(0.002)
        if desk.clock.sleepers:
            await desk.clock.advance(1)
    await round_


async def dead(desk: Desk, chat_id: str) -> int:
    return await desk.ended(
        JobState.DEAD, "crm_rejected", f"{PHONE} is bad, {EMAIL}", code="crm_rejected", chat=dialogue(chat_id=chat_id)
    )


async def test_a_cause_is_told_once_and_its_end_once(desk: Desk) -> None:
    jobs = [await dead(desk, "a"), await dead(desk, "b")]
    await look(desk)
    (opened,) = said(desk.webhook)
    assert opened == {
        "cause": "jobs:dead:sales:crm_rejected:crm_rejected", "state": "open", "count": 2,
        "text": opened["text"], "url": "http://ops.example/jobs?state=dead&target=sales&reason=crm_rejected",
    }  # fmt: skip
    assert opened["text"].startswith("CRM connection sales: not written: 2 chats. The CRM refuses what was written.")
    jobs.append(await dead(desk, "c"))
    await look(desk)
    assert said(desk.webhook) == []
    await desk.store.replay(jobs)
    await look(desk)
    (over,) = said(desk.webhook)
    assert over["state"] == "resolved"
    assert over["text"].startswith("Resolved: CRM connection sales")
    assert await desk.store.open_alerts() == {}
    await look(desk)
    assert said(desk.webhook) == []


async def test_every_kind_of_trouble_is_told_without_contact_data(desk: Desk) -> None:
    await dead(desk, "a")
    await desk.ended(JobState.HELD, "ambiguous", f"Анна {PHONE} (id 1)", chat=dialogue(chat_id="b"))
    await desk.store.stop_target(TargetStop(target="sales", reason="brake", detail=PHONE, since=desk.clock.time()))
    await desk.receive(PHONE.encode(), key="odd", state="not_understood", reason=PHONE)
    desk.deps.metrics.alert("clock:shop", "Deliveries of shop are signed at another time.")
    await look(desk)
    messages = said(desk.webhook)
    assert {message["cause"].partition(":")[0] for message in messages} == {"jobs", "stopped", "not_understood", "clock"}
    assert len(messages) == 5
    for message in messages:
        assert message["text"]
        for contact in (PHONE, PHONE[2:], EMAIL, "Анна"):
            assert contact not in json.dumps(message, ensure_ascii=False)


async def test_what_is_noticed_in_passing_fades(desk: Desk) -> None:
    alerts = desk.deps.alerts
    alerts.notice("clock:shop", "x")
    await look(desk)
    await desk.clock.advance(FADES - 100)
    alerts.notice("clock:shop", "x")
    await look(desk)
    await desk.clock.advance(FADES - 100)
    await look(desk)
    assert [message["state"] for message in said(desk.webhook)] == ["open"]
    await desk.clock.advance(200)
    await look(desk)
    (over,) = said(desk.webhook)
    assert (over["cause"], over["state"]) == ("clock:shop", "resolved")


async def test_a_restart_tells_nobody_twice(desk: Desk, clock: FakeClock) -> None:
    await dead(desk, "a")
    desk.deps.alerts.notice("clock:shop", "x")
    await look(desk)
    assert len(said(desk.webhook)) == 2
    webhook = Webhook()
    anew = Alerts(desk.store, "https://alerts.example", clock, "en", webhook)
    await anew.look()
    assert said(webhook) == []
    await clock.advance(FADES + 1)
    await anew.look()
    assert [(message["cause"], message["state"]) for message in said(webhook)] == [("clock:shop", "resolved")]


async def test_what_one_replica_noticed_is_told_once_and_is_not_over_because_another_has_not(
    desk: Desk, clock: FakeClock
) -> None:
    database, webhooks = Database(clock, longest=0.0), [Webhook(), Webhook()]
    one, other = (
        Alerts(desk.store, "https://alerts.example", clock, "en", webhook, board=database.replica(number)[0])
        for number, webhook in enumerate(webhooks, 1)
    )
    await clock.advance(2 * FADES)
    for _ in range(3):
        one.notice("clock:shop", "x")
        await asyncio.gather(one.look(), clock.advance(0))
        await asyncio.gather(other.look(), clock.advance(0))
        await clock.advance(FADES - 10)
    assert [[message["state"] for message in said(webhook)] for webhook in webhooks] == [["open"], []]

    await clock.advance(20)
    for alerts in (other, one):
        await asyncio.gather(alerts.look(), clock.advance(0))

    assert [[message["state"] for message in said(webhook)] for webhook in webhooks] == [[], ["resolved"]]


async def test_a_webhook_that_stumbles_is_asked_again(desk: Desk) -> None:
    desk.webhook.first = [NotSent(), 503]
    await dead(desk, "a")
    await look(desk)
    assert len(desk.webhook.posted) == 3
    assert desk.deps.alerts.unsent == 0


async def test_a_webhook_that_is_down_gets_it_later_and_its_address_is_not_logged(desk: Desk) -> None:
    desk.webhook.first = [NoAnswer()] * TRIES
    await dead(desk, "a")
    with structlog.testing.capture_logs() as lines:
        await look(desk)
    assert desk.deps.alerts.unsent == 1
    assert [line["code"] for line in lines if line["event"] == "alert.unsent"] == ["crm_no_answer"]
    assert "s3cret" not in str(lines)
    desk.webhook.posted.clear()
    await look(desk)
    assert [message["state"] for message in said(desk.webhook)] == ["open"]
    assert desk.deps.alerts.unsent == 0


async def test_what_was_over_before_anybody_heard_of_it_is_not_told(desk: Desk) -> None:
    desk.webhook.first = [NoAnswer()] * TRIES
    job_id = await dead(desk, "a")
    await look(desk)
    await desk.store.replay([job_id])
    desk.webhook.posted.clear()
    await look(desk)
    assert said(desk.webhook) == []


async def test_a_webhook_that_refuses_is_not_asked_for_ever(desk: Desk) -> None:
    desk.webhook.first = [400]
    await dead(desk, "a")
    with structlog.testing.capture_logs() as lines:
        await look(desk)
        await look(desk)
    assert len(desk.webhook.posted) == 1
    assert [line["cause"] for line in lines if line["event"] == "alert.refused"]


async def test_without_an_address_alerts_stand_in_the_store(desk: Desk, clock: FakeClock) -> None:
    await dead(desk, "a")
    await Alerts(desk.store, None, clock, "ru", None).look()
    (text,) = (await desk.store.open_alerts()).values()
    assert text.startswith("Подключение CRM sales: не записано: 1 чат.")


async def test_the_watch_survives_a_store_that_fails(desk: Desk, clock: FakeClock, tmp_path: Path) -> None:
    class Failing:
        rounds = 0

        def __getattr__(self, name: str) -> Any:
            self.rounds += 1
            raise NoRoom("disk full")

    store = Failing()
    watching = asyncio.create_task(Alerts(store, None, clock, "en", None).watch(30))  # type: ignore[arg-type]
    for _ in range(3):
        await clock.advance(30)
        await settle()
    assert store.rounds >= 3
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_the_body_has_the_shape_that_the_config_gives_it(desk: Desk) -> None:
    alerts = Alerts(desk.store, "https://x.example/hook", desk.clock, "en", desk.webhook,
                    body={"chat_id": "-100", "text": "{text}", "n": "{count}"})  # fmt: skip
    await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    await alerts.look()
    sent = json.loads(desk.webhook.posted[-1].body or b"")
    assert sent["chat_id"] == "-100"
    assert "Not written: 1 chat" in sent["text"] or "not written: 1 chat" in sent["text"]
    assert sent["n"] == 1


async def test_a_disk_that_runs_full_is_told_of_once_and_when_it_is_over(desk: Desk) -> None:
    free = [10_000_000]
    alerts = Alerts(desk.store, "https://x.example/hook", desk.clock, "en", desk.webhook, room=lambda: free[0])
    await alerts.look()
    await alerts.look()
    assert ["disk" in (one.body or b"").decode() for one in desk.webhook.posted] == [True]
    assert "disk of the store" in await desk.page("/")
    free[0] = 10**12
    await desk.clock.advance(3700)
    await alerts.look()
    assert b"resolved" in (desk.webhook.posted[-1].body or b"")


async def test_an_access_that_nobody_has_renewed_for_long_is_told_of(desk: Desk) -> None:
    alerts = Alerts(desk.store, None, desk.clock, "en", None, accounts=lambda: ["sales", "never"])
    await desk.store.save_token("sales", b"x", expires_at=desk.clock.time() + 3600, replaces=None)
    await alerts.look()
    assert await desk.store.open_alerts() == {}
    await desk.clock.advance(8 * 86400)
    await alerts.look()
    assert list(await desk.store.open_alerts()) == ["token:sales"]
    await desk.sign_in()
    assert "chat2crm auth" in await desk.page("/stuck")


async def test_deliveries_that_nobody_reads_are_told_of(desk: Desk) -> None:
    alerts = Alerts(desk.store, None, desk.clock, "en", None)
    await desk.receive(key="unread")
    await alerts.look()
    assert await desk.store.open_alerts() == {}
    await desk.clock.advance(301)
    await alerts.look()
    assert list(await desk.store.open_alerts()) == ["queue:deliveries"]


async def test_what_was_seen_to_be_over_is_resolved_at_once_and_not_after_an_hour(desk: Desk) -> None:
    for _ in range(3):
        desk.deps.metrics.received("shop", "not_authentic")
    await look(desk)
    (opened,) = said(desk.webhook)
    assert (opened["cause"], opened["state"]) == ("refused:shop", "open")
    assert "what comes does not bear the right secret" in opened["text"]
    await look(desk)
    assert said(desk.webhook) == []
    desk.deps.metrics.received("shop", "accepted")
    await look(desk)
    (over,) = said(desk.webhook)
    assert (over["cause"], over["state"]) == ("refused:shop", "resolved")
    assert await desk.store.open_alerts() == {}
