from __future__ import annotations

import json
from typing import Any

import pytest
from desk import PHONE, Desk, Switches, Webhook, dialogue
from fakes import FakeClock

from bridge.model import JobState
from bridge.pacing.breaker import FAILURES, LONGEST_REST, Breakers
from bridge.report import Alerts
from bridge.report.troubles.resting import Resting

LONG = 600.0
ROUND = 30.0


class Watch:
    """Alerts as one process has them, over a desk's store and its breakers."""

    def __init__(self, desk: Desk, *, longest: float = LONG, breakers: Any = None, targets: tuple[str, ...] = ("sales",)) -> None:
        self.desk = desk
        self.webhook = Webhook()
        states = breakers or desk.breakers
        self.alerts = Alerts(
            desk.store, "https://alerts.example", desk.clock, "en", self.webhook, page="https://ops.example",
            resting=Resting(states.state, lambda: targets, desk.clock, longest),
        )  # fmt: skip

    async def goes_on(self, seconds: float) -> list[tuple[str, str]]:
        """What is told meanwhile: (cause, state)."""
        for _ in range(int(seconds / ROUND)):
            await self.desk.clock.advance(ROUND)
            await self.alerts.look()
        said = [json.loads(request.body or b"") for request in self.webhook.posted]
        self.webhook.posted.clear()
        return [(message["cause"], message["state"]) for message in said]


@pytest.fixture
def watch(desk: Desk) -> Watch:
    return Watch(desk)


async def test_a_crm_that_gives_no_answer_for_long_is_told_of_once(desk: Desk, watch: Watch) -> None:
    desk.breakers.states["sales"] = "open"
    assert await watch.goes_on(LONG) == []
    assert await watch.goes_on(2 * LONG) == [("breaker:sales", "open")]
    desk.breakers.states["sales"] = "half_open"
    assert await watch.goes_on(10 * LONG) == []


async def test_a_breaker_that_closes_in_time_is_nobodys_matter(desk: Desk, watch: Watch) -> None:
    for _ in range(3):
        desk.breakers.states["sales"] = "open"
        assert await watch.goes_on(LONG - ROUND) == []
        desk.breakers.states.clear()
        assert await watch.goes_on(ROUND) == []


async def test_it_is_over_as_soon_as_a_chat_was_written(desk: Desk, watch: Watch) -> None:
    desk.breakers.states["sales"] = "open"
    assert await watch.goes_on(LONG + ROUND) == [("breaker:sales", "open")]
    desk.breakers.states.clear()
    await desk.ended(JobState.DONE, "found", chat=dialogue(chat_id="written"))
    assert await watch.goes_on(ROUND) == [("breaker:sales", "resolved")]


async def test_it_is_over_when_it_has_answered_for_long_though_no_chat_came(desk: Desk, watch: Watch) -> None:
    desk.breakers.states["sales"] = "open"
    await watch.goes_on(LONG + ROUND)
    desk.breakers.states.clear()
    assert await watch.goes_on(LONG) == []
    assert await watch.goes_on(ROUND) == [("breaker:sales", "resolved")]


async def test_a_restart_neither_tells_it_twice_nor_takes_it_for_over(desk: Desk, watch: Watch) -> None:
    await desk.ended(JobState.DONE, "found", chat=dialogue(chat_id="before it broke"))
    desk.breakers.states["sales"] = "open"
    assert await watch.goes_on(LONG + ROUND) == [("breaker:sales", "open")]
    anew = Watch(desk, breakers=Switches())  # what opened was forgotten; the CRM is still down
    assert await anew.goes_on(LONG / 2) == []
    anew = Watch(desk)
    assert await anew.goes_on(20 * LONG) == []
    desk.breakers.states.clear()
    await desk.ended(JobState.DONE, "found", chat=dialogue(chat_id="after"))
    assert await anew.goes_on(ROUND) == [("breaker:sales", "resolved")]


async def test_of_two_replicas_one_tells_and_none_takes_it_back(desk: Desk) -> None:
    one, other = Watch(desk), Watch(desk)
    desk.breakers.states["sales"] = "open"
    told = [*await one.goes_on(LONG + ROUND), *await other.goes_on(LONG + ROUND), *await one.goes_on(ROUND)]
    assert told == [("breaker:sales", "open")]
    desk.breakers.states.clear()
    await desk.ended(JobState.DONE, "found", chat=dialogue(chat_id="written"))
    assert await one.goes_on(ROUND) == [("breaker:sales", "resolved")]
    # to the other the news has not come yet that it answers
    desk.breakers.states["sales"] = "half_open"
    assert await other.goes_on(ROUND) == []


async def test_the_breaker_of_a_crm_that_is_down_is_told_of_and_closed_by_one_answer(desk: Desk, clock: FakeClock) -> None:
    breakers = Breakers(clock)
    watch = Watch(desk, breakers=breakers)
    for _ in range(FAILURES):
        breakers.failed("sales")
    told = []
    for _ in range(12):
        told += await watch.goes_on(LONGEST_REST)
        breakers.failed("sales")  # the one job that may try
    assert told == [("breaker:sales", "open")]
    breakers.answered("sales")
    await desk.ended(JobState.DONE, "found", chat=dialogue(chat_id="written"))
    assert await watch.goes_on(ROUND) == [("breaker:sales", "resolved")]


async def test_nobody_is_told_where_the_configuration_says_never(desk: Desk) -> None:
    watch = Watch(desk, longest=0.0)
    desk.breakers.states["sales"] = "open"
    assert await watch.goes_on(20 * LONG) == []
    await desk.store.raise_alert("breaker:sales", "told by an earlier configuration")
    assert await watch.goes_on(ROUND) == [("breaker:sales", "resolved")]


async def test_a_connection_that_is_gone_is_not_told_of_any_more(desk: Desk) -> None:
    watch = Watch(desk)
    desk.breakers.states["sales"] = "open"
    await watch.goes_on(LONG + ROUND)
    without = Watch(desk, targets=())
    assert await without.goes_on(ROUND) == [("breaker:sales", "resolved")]


async def test_that_its_chats_are_late_is_not_told_as_well(desk: Desk, watch: Watch) -> None:
    await desk.ended(JobState.RETRYING, "crm_no_answer", PHONE, code="crm_no_answer", next_in=60.0)
    desk.breakers.states["sales"] = "open"
    assert await watch.goes_on(10 * LONG) == [("breaker:sales", "open")]
    await desk.sign_in()
    page = await desk.page("/")
    assert "Has given no answer for a while" in page
    assert "more than half an hour" not in page


async def test_what_was_told_as_late_already_stays_so(desk: Desk) -> None:
    watch = Watch(desk, longest=3 * LONG)
    await desk.ended(JobState.RETRYING, "crm_no_answer", code="crm_no_answer", next_in=60.0)
    assert await watch.goes_on(5 * LONG) == [("late:sales", "open")]
    desk.breakers.states["sales"] = "open"
    assert await watch.goes_on(5 * LONG) == [("breaker:sales", "open")]


@pytest.mark.parametrize(("name", "url"), [
    ("sales", "https://ops.example/jobs?target=sales"),
    ("bakery.sales", "https://ops.example/jobs?target=bakery.sales&site=bakery"),
])
async def test_the_link_leads_to_the_customers_own_view(desk: Desk, name: str, url: str) -> None:
    watch = Watch(desk, targets=(name,))
    desk.breakers.states[name] = "open"
    for _ in range(22):
        await desk.clock.advance(ROUND)
        await watch.alerts.look()
    (message,) = [json.loads(request.body or b"") for request in watch.webhook.posted]
    assert message["url"] == url
    assert message["text"].startswith(f"CRM connection {name}: has given no answer for a while. Is the CRM up")


async def test_the_end_of_a_customers_trouble_leads_to_that_customer_too(desk: Desk, watch: Watch) -> None:
    await desk.store.raise_alert("jobs:dead:bakery.sales:crm_rejected:crm_rejected", "x")
    await watch.alerts.look()
    (message,) = [json.loads(request.body or b"") for request in watch.webhook.posted]
    assert (message["state"], message["url"]) == ("resolved", "https://ops.example/?site=bakery")
