"""Every question that pages and commands ask is one that each engine understands, over a store in which something happened."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from fakes import FakeClock
from store_materials import claim, delivery, end, finish_chat, plan_of

from bridge.model import JobState, OperationKind, OperationState
from bridge.store import AuditEntry, Sorted, Store, open_store
from bridge.store.finding import Finding, Wanted
from bridge.store.overviews import Overviews
from bridge.store.personal import Personal
from bridge.store.reading import Reading
from bridge.store.records import ToFetch
from bridge.store.reports import Reports

DAY = date(2026, 11, 20)
Asks = Callable[[Any], Awaitable[Any]]


async def listed(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


#: by the class and the name of the question
QUESTIONS: dict[tuple[type, str], Asks] = {
    (Reading, "jobs"): lambda at: at.jobs(states=("done", "held"), source="a.shop", target="sales", reason="", before=99),
    (Reading, "there"): lambda at: at.there("jobs", [1, 2]),
    (Reading, "job"): lambda at: at.job(1),
    (Reading, "job_ids"): lambda at: at.job_ids(states=("held",), target="sales", reason="ambiguous", error_code=""),
    (Reading, "counts"): lambda at: at.counts(),
    (Reading, "deliveries"): lambda at: at.deliveries(state="sorted", source="a.shop", before=99),
    (Reading, "delivery"): lambda at: at.delivery(1),
    (Reading, "backlog"): lambda at: at.backlog(),
    (Reading, "open_jobs"): lambda at: at.open_jobs(),
    (Reading, "on_its_way"): lambda at: at.on_its_way(),
    (Reading, "held_or_dead"): lambda at: at.held_or_dead(),
    (Reading, "not_understood"): lambda at: at.not_understood(0.0),
    (Reading, "late"): lambda at: at.late(9e9),
    (Reading, "times_heard"): lambda at: at.times_heard("a.shop", after=0.0, until=9e9, apart=1.0, most=5),
    (Reading, "first_delivery"): lambda at: at.first_delivery("a.shop"),
    (Reading, "fetching"): lambda at: at.fetching(),
    (Reading, "held_deliveries"): lambda at: at.held_deliveries(),
    (Reading, "lately"): lambda at: at.lately(0.0),
    (Reading, "last_delivery"): lambda at: at.last_delivery("a.shop"),
    (Reading, "last_done"): lambda at: at.last_done("sales"),
    (Finding, "jobs"): lambda at: at.jobs(
        Wanted(states=("held",), source="a.shop", target="sales", reason="ambiguous", code="", channel="", since=0.0, until=9e9,
               text="one"), (99, 99),
    ),
    (Finding, "first_from"): lambda at: at.first_from(1.0),
    (Finding, "unsearched"): lambda at: at.unsearched(),
    (Overviews, "hourly_jobs"): lambda at: at.hourly_jobs(9e9, 24),
    (Overviews, "hourly_deliveries"): lambda at: at.hourly_deliveries("a.shop", 9e9, 24),
    (Overviews, "hourly_done"): lambda at: at.hourly_done("sales", 9e9, 24),
    (Overviews, "stuck"): lambda at: at.stuck(),
    (Overviews, "details"): lambda at: at.details(state="held", target="sales", reason="ambiguous", code=""),
    (Overviews, "recent_deliveries"): lambda at: at.recent_deliveries("a.shop", 5),
    (Overviews, "rehearsed_ids"): lambda at: at.rehearsed_ids("sales", 99),
    (Overviews, "rehearsed"): lambda at: at.rehearsed("sales", before=99),
    (Overviews, "rehearsal_counts"): lambda at: at.rehearsal_counts("sales", 99),
    (Overviews, "plans"): lambda at: at.plans([1, 2]),
    (Reports, "sums"): lambda at: at.sums("channel", date(2026, 1, 1), DAY, "a.shop"),
    (Reports, "first_day"): lambda at: at.first_day(),
    (Reports, "sources"): lambda at: at.sources(),
    (Personal, "counts"): lambda at: at.counts(),
    (Personal, "chats"): lambda at: listed(at.chats()),
    (Personal, "deliveries"): lambda at: listed(at.deliveries()),
    (Personal, "plans"): lambda at: listed(at.plans()),
    (Personal, "visitors"): lambda at: at.visitors(),
    (Personal, "deliveries_of"): lambda at: at.deliveries_of([1]),
    (Personal, "jobs_of"): lambda at: at.jobs_of([1]),
    (Personal, "operations_of"): lambda at: at.operations_of([1]),
    (Personal, "attempts_of"): lambda at: at.attempts_of([1]),
    (Personal, "identities_by"): lambda at: at.identities_by([("phone", "+7")]),
    (Personal, "identities_of"): lambda at: at.identities_of([("sales", "client", "c1")]),
    (Personal, "audit"): lambda at: at.audit(what="erased", before=99),
}  # fmt: skip


@pytest.fixture
async def store(store_url: str, clock: FakeClock) -> AsyncIterator[Store]:
    made = open_store(store_url, clock=clock)
    await made.open()
    for number, source in enumerate(("a.shop", "a.shop", "b.shop")):
        await finish_chat(made, clock.now(), str(number), "one", source=source)
    first, second, _ = await claim(made)
    [row] = await made.record_plan(first, plan_of(OperationKind.NOTE))
    row = await made.record_sent(row, epoch=first.epoch)
    await made.settle(row, OperationState.DONE, record_id="n1", message_keys=("m1",))
    await end(made, first, JobState.DONE)
    await end(made, second, JobState.HELD, "ambiguous")
    lacking = await made.accept(delivery("f", at=clock.now()))
    await made.record_sorted([Sorted(delivery=lacking.id, state="fetching", fetch=ToFetch(parts=(0,), at=clock.time()))])
    unread = await made.accept(delivery("u", at=clock.now()))
    await made.record_sorted([Sorted(delivery=unread.id, state="not_understood")])
    await made.record_audit(AuditEntry(at=clock.time(), who="cli:me", what="erased", about="person 1"))
    yield made
    await made.close()


def parts_of(reading: Reading, personal: Personal) -> dict[type, Any]:
    return {
        Reading: reading, Finding: reading.finding, Overviews: reading.overviews, Reports: reading.reports, Personal: personal,
    }  # fmt: skip


def test_every_question_is_asked_here() -> None:
    there = {(kind, name) for kind in (Reading, Finding, Overviews, Reports, Personal)
             for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}  # fmt: skip
    assert there == set(QUESTIONS)


async def test_each_engine_understands_every_question(store: Store) -> None:
    parts = parts_of(store.reading(), store.personal())
    for (kind, name), ask in QUESTIONS.items():
        try:
            await ask(parts[kind])
        except Exception as error:
            raise AssertionError(f"{kind.__name__}.{name}") from error


async def test_each_engine_understands_every_question_of_one_customer(store: Store) -> None:
    parts = parts_of(store.reading("a"), store.personal())
    for (kind, name), ask in QUESTIONS.items():
        if kind is not Personal:
            try:
                await ask(parts[kind])
            except Exception as error:
                raise AssertionError(f"{kind.__name__}.{name}") from error
    assert [row["source"] for row in await store.reading("a").jobs()] == ["a.shop", "a.shop"]
    assert [row["source"] for row in await store.reading("b").jobs()] == ["b.shop"]


async def test_the_answers_of_both_are_alike(store: Store, clock: FakeClock) -> None:
    """Numbers come as numbers, groups in order, nothing rounded the wrong way."""
    reading = store.reading()
    assert await reading.not_understood(0.0) == [{"source": "shop", "n": 1, "since": clock.time()}]
    assert [(row["n"], row["failing"]) for row in await reading.fetching()] == [(1, 0)]
    at = clock.time() + 1.9 * 3600
    assert [(row["hour"], row["n"]) for row in await reading.overviews.hourly_jobs(at, 24)] == [(1, 3)]
    assert (await reading.job(1))["operations"][0]["state"] == "done"  # type: ignore[index]
    assert await reading.times_heard("a.shop", after=0.0, until=9e9, apart=1.0, most=5) == 1
