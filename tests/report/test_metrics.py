from __future__ import annotations

import re
from pathlib import Path

from desk import Desk, bearer, call, dialogue
from fakes import FakeClock

from bridge.model import JobState, Step
from bridge.report import Metrics
from bridge.report.metrics import operation_of
from bridge.store import Outcome, TargetStop

DOCS = Path(__file__).parent.parent.parent / "docs" / "metrics.md"


def value(text: str, name: str) -> float:
    """Of the sample with this name and labels."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not there"
    return float(found[1])


async def scraped(desk: Desk) -> str:
    answer = await desk.web.get("/metrics", headers=bearer())
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return await answer.text()


async def test_what_happens_is_counted(stranger: Desk) -> None:
    metrics = stranger.deps.metrics
    metrics.received("shop", "accepted")
    metrics.received("shop", "accepted")
    metrics.finished(await stranger.claimed(), Outcome(state=JobState.DONE, reason="new"), 0.3)
    observe = metrics.calls("sales")
    observe(call(stranger.clock))
    observe(call(stranger.clock, "write note 1/2", method="POST", status=None, ms=None, error="crm_no_answer: x"))
    observe(Step(at=stranger.clock.now(), what="searched"))
    text = await scraped(stranger)
    assert value(text, 'chat2crm_deliveries_received_total{outcome="accepted",source="shop"}') == 2
    assert value(text, 'chat2crm_attempts_finished_total{outcome="done",reason="new",target="sales"}') == 1
    assert value(text, 'chat2crm_attempt_seconds_bucket{le="0.5",target="sales"}') == 1
    assert value(text, 'chat2crm_calls_sent_total{operation="find",status="200",target="sales"}') == 1
    assert value(text, 'chat2crm_calls_sent_total{operation="note",status="none",target="sales"}') == 1
    assert value(text, 'chat2crm_call_seconds_count{target="sales"}') == 1


async def test_gauges_say_how_it_stands_now(stranger: Desk, clock: FakeClock) -> None:
    await stranger.ended(JobState.DEAD, "crm_rejected", chat=dialogue(chat_id="a"))
    await stranger.job(dialogue(chat_id="b"))
    await stranger.receive(key="fresh")
    await stranger.store.stop_target(TargetStop(target="sales", reason="brake", detail="", since=0.0))
    stranger.breakers.states["sales"] = "open"
    await clock.advance(90)
    text = await scraped(stranger)
    assert value(text, 'chat2crm_jobs{state="dead",target="sales"}') == 1
    assert value(text, 'chat2crm_jobs{state="pending",target="sales"}') == 1
    assert value(text, 'chat2crm_jobs{state="held",target="sales"}') == 0
    assert value(text, "chat2crm_queue_age_seconds") == 90
    assert value(text, "chat2crm_deliveries_unsorted") == 1
    assert value(text, 'chat2crm_target_stopped{target="sales"}') == 1
    assert value(text, 'chat2crm_target_resting{target="sales"}') == 1
    stranger.breakers.states.clear()
    await stranger.store.go("sales")
    text = await scraped(stranger)
    assert value(text, 'chat2crm_target_stopped{target="sales"}') == 0
    assert value(text, 'chat2crm_target_resting{target="sales"}') == 0


def test_two_processes_parts_do_not_share_a_registry() -> None:
    assert Metrics().registry is not Metrics().registry


def test_an_alert_goes_to_whoever_wants_it(clock: FakeClock) -> None:
    heard: list[tuple[str, str]] = []
    Metrics(lambda cause, text: heard.append((cause, text))).alert("clock:shop", "x")
    Metrics().alert("clock:shop", "nobody listens")
    assert heard == [("clock:shop", "x")]


def test_every_call_has_one_of_few_names(clock: FakeClock) -> None:
    named = {"find by phone": "find", "find owner": "find", "read client": "read", "read what was find by phone": "read",
             "write create": "create", "write note 2/3": "note", "look for deal": "look", "anything else": "other"}  # fmt: skip
    assert {what: operation_of(Step(at=clock.now(), what=what)) for what in named} == named


def test_the_page_lists_exactly_what_there_is() -> None:
    listed = {}
    page = DOCS.read_text(encoding="utf-8")
    for name, kind, labels in re.findall(r"^\| `(chat2crm_\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE):
        listed[name] = (kind, tuple(re.findall(r"`(\w+)`", labels)))
    there = {}
    for collector in Metrics().registry._collector_to_names:
        name = collector._name + ("_total" if collector._type == "counter" else "")  # type: ignore[attr-defined]
        there[name] = (collector._type, tuple(collector._labelnames))  # type: ignore[attr-defined]
    assert listed == there


def test_a_customers_figures_are_those_of_their_connections_alone() -> None:
    metrics = Metrics()
    for source in ("bakery.shop", "florist.shop", "shop"):
        metrics.received(source, "accepted")
        metrics.skewed(source, 9.0)
        metrics.received(source, "not_authentic")
    theirs = metrics.of_site("bakery")
    text = theirs.rendered().decode()
    assert 'source="bakery.shop"' in text
    assert "florist" not in text
    assert 'source="shop"' not in text
    assert "chat2crm_alerts_open" not in text, "what is of the whole service is nobody's alone"
    assert (set(theirs.skews), set(theirs.unproved)) == ({"bakery.shop"}, {"bakery.shop"})
    assert b"florist" in metrics.rendered(), "the whole registry is as it was"


def test_several_requests_without_proof_and_none_with_it_are_told_of_until_one_has_it() -> None:
    heard, over = list[str](), list[str]()
    metrics = Metrics(lambda cause, _: heard.append(cause), over.append)
    for outcome in ("not_authentic", "not_authentic", "accepted", "not_authentic", "too_large", "not_authentic"):
        metrics.received("shop", outcome)
    assert (heard, metrics.unproved) == ([], {"shop": 2})
    metrics.received("shop", "not_authentic")
    assert heard == ["refused:shop"]
    over.clear()
    metrics.received("shop", "duplicate")
    assert (over, metrics.unproved) == (["refused:shop"], {})
