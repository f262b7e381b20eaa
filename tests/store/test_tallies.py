"""Lines of figures: every chat once, however often it is told; kept when it is gone; added up by days and months."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from fakes import BEGINNING, FakeClock
from hypothesis import given
from hypothesis import strategies as st
from store_materials import raw as straight
from tallied import DAY, Counted, counting, tally_of

from bridge.model import Chat, JobState, OperationKind
from bridge.store import Forgetting, Keep, Outcome
from bridge.store.sqlite.migrations import FIGURES
from bridge.store.statements import tallies as lines
from bridge.store.tallies import COUNTS, OUTCOMES, THE_REST, bucket, has, middle, month_of, periods, quantile, unpacked, with_more

CREATE, NOTE, DEAL = OperationKind.CREATE, OperationKind.NOTE, OperationKind.DEAL


@pytest.fixture
async def counted(store_url: str, clock: FakeClock) -> AsyncIterator[Counted]:
    async with counting(store_url, clock) as made:
        yield made


def raw(counted: Counted) -> list[tuple[object, ...]]:
    """Every line as it stands in the file."""
    columns = ", ".join(("dimension", "period", "source", "value", "open", *COUNTS, *OUTCOMES, "response", "ratings"))
    return rows(counted, f"SELECT {columns} FROM figures ORDER BY 1, 2, 3, 4, 5")


def rows(counted: Counted, *statements: str) -> list[tuple[object, ...]]:
    """What the last of them gives."""
    return straight(counted.url, *statements)


# -- once --------------------------------------------------------------------------------------------------------------


async def test_a_chat_counts_in_every_dimension(counted: Counted) -> None:
    await counted.add(operators=("Anna", "Boris"), missed=0, missed_n=1)
    assert await counted.total() == 1
    assert {one.key: one.counts["missed_n"] for one in await counted.sums("operator")} == {"Anna": 1, "Boris": 1}
    assert {line[:2] for line in raw(counted)} == {
        ("all", "2026-11-20"),
        *((name, period) for name in ("channel", "page", "operator", "utm") for period in ("2026-11-20", "m2026-11")),
    }


async def test_the_same_chat_told_again_changes_nothing(counted: Counted) -> None:
    await counted.add(response_s=20, rating="5", made=(CREATE, NOTE))
    before = raw(counted)
    await counted.add(response_s=20, rating="5")
    assert raw(counted) == before


async def test_a_chat_that_went_on_is_put_in_the_place_of_itself(counted: Counted) -> None:
    await counted.add("other", response_s=20, rating="5")
    alone = raw(counted)
    earlier = DAY - timedelta(days=40)
    await counted.add("c-1", missed=1, missed_n=1, page="shop.example/a", day=earlier, within=False, response_s=7)
    await counted.add("c-1", response_s=20, rating="5")
    assert await counted.total() == 2
    assert await counted.total("missed") == 0
    (one,) = await counted.sums()
    assert (one.counts["chats"], one.responses, one.ratings) == (2, {bucket(20): 2}, {"5": 2})
    await counted.add("c-1", void=True)
    assert raw(counted) == alone


async def test_two_targets_of_a_chat_make_one_chat(counted: Counted) -> None:
    await counted.add(target="sales", made=(CREATE, NOTE))
    await counted.add(target="archive", reason="told")
    assert (await counted.total(), await counted.total("new_clients")) == (1, 1)


async def test_a_replay_adds_nothing(counted: Counted) -> None:
    job_id = await counted.add(made=(CREATE, DEAL, NOTE))
    before = raw(counted)
    assert await counted.store.replay([job_id], again=True) == [job_id]
    (job,) = await counted.store.claim(owner="w", lease=60.0, room={"sales": 1})
    await counted.store.finish(job, Outcome(state=JobState.DONE, reason="found"), None, tally_of())
    assert raw(counted) == before


async def test_a_job_of_another_worker_counts_nothing(counted: Counted) -> None:
    job_id = await counted.add()
    await counted.store.replay([job_id])
    (job,) = await counted.store.claim(owner="w", lease=60.0, room={"sales": 1})
    before = raw(counted)
    await counted.store.finish(job, Outcome(state=JobState.DONE, reason="found"), None)
    with pytest.raises(Exception, match="Another worker"):
        await counted.store.finish(job, Outcome(state=JobState.DONE, reason="found"), None, tally_of(missed=1))
    assert raw(counted) == before


async def test_many_at_once_are_all_counted(counted: Counted) -> None:
    for number in range(30):
        await counted.add(f"c-{number}")
    jobs = [row["id"] for row in await counted.store.reading().jobs(limit=30)]
    await counted.store.replay(jobs)
    claimed = await counted.store.claim(owner="w", lease=60.0, room={"sales": 30})
    done, missed = Outcome(state=JobState.DONE, reason="found"), tally_of(missed=1, missed_n=1)
    await asyncio.gather(*(counted.store.finish(job, done, None, missed) for job in claimed))
    assert (await counted.total(), await counted.total("missed"), await counted.total("missed", "page")) == (30, 30, 30)


# -- what became of it -------------------------------------------------------------------------------------------------


async def test_a_new_client_stays_one_when_the_chat_goes_on_and_finds_it(counted: Counted) -> None:
    await counted.add(reason="new", made=(CREATE, DEAL, NOTE))
    await counted.add(missed=1)
    assert [await counted.total(name) for name in OUTCOMES] == [1, 0, 1, 1]


async def test_a_known_client_and_one_that_is_only_told_of(counted: Counted) -> None:
    await counted.add("known", reason="found")
    assert [await counted.total(name) for name in OUTCOMES] == [0, 1, 1, 0]
    await counted.add("told", reason="told")
    assert [await counted.total(name) for name in OUTCOMES] == [0, 1, 1, 0]


async def test_a_chat_whose_crm_is_down_counts_already_and_its_client_when_it_is_made(counted: Counted) -> None:
    job_id = await counted.add(state=JobState.RETRYING, reason="crm_no_answer")
    assert (await counted.total(), await counted.total("known_clients")) == (1, 0)
    await counted.clock.advance(61)
    (job,) = await counted.store.claim(owner="w", lease=60.0, room={"sales": 1})
    assert job.id == job_id
    await counted.store.finish(job, Outcome(state=JobState.DONE, reason="found"), None, tally_of())
    assert (await counted.total(), await counted.total("known_clients")) == (1, 1)


# -- kept --------------------------------------------------------------------------------------------------------------


async def test_what_was_counted_stays_when_the_chat_is_pruned_also_if_it_goes_on(counted: Counted) -> None:
    await counted.add(missed=1, missed_n=1)
    before = raw(counted)
    now = BEGINNING.timestamp()
    while await counted.store.prune(Keep(raw_since=now + 9, chats_since=now + 9, keys_since=0.0), 100):
        pass
    assert raw(counted) == before
    await counted.add(page="shop.example/other")
    assert raw(counted) == before
    while await counted.store.prune(Keep(raw_since=now + 9, chats_since=now + 9, keys_since=now + 9), 100):
        pass
    assert raw(counted) == before


async def test_what_was_counted_stays_when_the_person_is_erased_and_leads_nowhere(counted: Counted) -> None:
    job_id = await counted.add(missed=1, missed_n=1)
    before = raw(counted)
    erased = await counted.store.forget(Forgetting(chats={counted.rows["c-1"]: "gone"}))
    assert erased.busy == ()
    assert raw(counted) == before
    assert rows(counted, "SELECT added, lines FROM counted") == [("", None)]
    await counted.store.replay([job_id])
    (job,) = await counted.store.claim(owner="w", lease=60.0, room={"sales": 1})
    await counted.store.finish(job, Outcome(state=JobState.SKIPPED, reason="nothing_said"), None, tally_of())
    assert raw(counted) == before


async def test_a_chat_that_was_emptied_before_it_was_ever_counted_is_not_counted_empty(counted: Counted) -> None:
    chat = Chat(source="shop", chat_id="c-1")
    job_id = await counted.count(chat, tally_of(void=True))
    rows(counted, "DELETE FROM counted", "UPDATE chats SET visitor_name = ''")
    await counted.store.replay([job_id])
    (job,) = await counted.store.claim(owner="w", lease=60.0, room={"sales": 1})
    await counted.store.finish(job, Outcome(state=JobState.DONE, reason="found"), None, tally_of())
    assert raw(counted) == []


# -- bounded -----------------------------------------------------------------------------------------------------------


async def test_a_site_with_a_page_for_every_chat_fills_so_many_lines_and_no_more(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_LINES", 3)
    for number in range(6):
        await counted.add(f"c-{number}", page=f"shop.example/{number}")
    found = {one.key: one.counts["chats"] for one in await counted.sums("page", DAY, DAY)}
    assert found == {"shop.example/0": 1, "shop.example/1": 1, "shop.example/2": 1, THE_REST: 3}
    await counted.add("c-5", page="shop.example/0")
    found = {one.key: one.counts["chats"] for one in await counted.sums("page", DAY, DAY)}
    assert found == {"shop.example/0": 2, "shop.example/1": 1, "shop.example/2": 1, THE_REST: 2}
    assert await counted.total() == 6


async def test_ratings_of_no_scale_are_counted_together(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_RATINGS", 2)
    for number, rating in enumerate(("5", "very good", "x", "y", "5")):
        await counted.add(f"c-{number}", rating=rating)
    (one,) = await counted.sums()
    assert one.ratings == {"5": 2, "very good": 1, THE_REST: 2}
    await counted.add("c-2")
    (one,) = await counted.sums()
    assert one.ratings == {"5": 2, "very good": 1, THE_REST: 1}


# -- days and months ---------------------------------------------------------------------------------------------------


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(0, 900))
def test_days_and_months_together_are_every_day_once(since: date, span: int) -> None:
    until = since + timedelta(days=span)
    covered: list[date] = []
    for first, last in periods(since, until, months=True):
        if first.startswith("m"):
            day = date.fromisoformat(f"{first[1:]}-01")
            while month_of(day) <= last:
                covered.append(day)
                day += timedelta(days=1)
        else:
            day = date.fromisoformat(first)
            covered += [day + timedelta(days=number) for number in range((date.fromisoformat(last) - day).days + 1)]
    assert sorted(covered) == [since + timedelta(days=number) for number in range(span + 1)]


@pytest.mark.parametrize(("since", "until", "expected"), [
    (date(2026, 11, 2), date(2026, 11, 1), []),
    (date(2026, 1, 1), date(2026, 12, 31), [("m2026-01", "m2026-12")]),
    (date(2026, 1, 15), date(2026, 2, 10), [("2026-01-15", "2026-02-10")]),
    (date(9999, 12, 1), date(9999, 12, 31), [("9999-12-01", "9999-12-31")]),
])  # fmt: skip
def test_the_edges_of_months(since: date, until: date, expected: list[tuple[str, str]]) -> None:
    assert periods(since, until, months=True) == expected


async def test_a_report_over_months_counts_what_one_over_days_does(counted: Counted) -> None:
    for number in range(70):
        day = date(2026, 1, 20) + timedelta(days=number)
        await counted.add(f"c-{number}", day=day, page=f"shop.example/{number % 3}")
    spans = ((date(2026, 1, 1), date(2026, 4, 30)), (date(2026, 1, 25), date(2026, 3, 7)), (date(2026, 2, 1), date(2026, 2, 28)))
    for since, until in spans:
        daily = sum(one.counts["chats"] for one in await counted.sums("day", since, until))
        assert sum(one.counts["chats"] for one in await counted.sums("page", since, until)) == daily > 0


# -- first responses ---------------------------------------------------------------------------------------------------


def test_a_response_is_exact_up_to_eleven_seconds() -> None:
    assert [middle(bucket(seconds)) for seconds in range(12)] == list(range(12))


@given(st.integers(12, 10**7))
def test_a_response_is_off_by_six_percent_or_a_second_at_most(seconds: int) -> None:
    assert abs(middle(bucket(seconds)) - seconds) <= max(1, 0.06 * seconds)


@given(st.lists(st.integers(0, 10**5), min_size=1), st.sampled_from([0.5, 0.9]))
def test_a_quantile_is_the_nearest_rank_within_that_bound(seconds: list[int], share: float) -> None:
    counts: dict[int, int] = {}
    for one in seconds:
        counts[bucket(one)] = counts.get(bucket(one), 0) + 1
    exact = sorted(seconds)[max(0, -int(-share * len(seconds) // 1) - 1)]
    found = quantile(counts, share)
    assert found is not None
    assert abs(found - exact) <= max(1, 0.06 * exact)


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile({}, 0.5) is None


KEYS = st.text("ab:5…", min_size=1, max_size=3)


@given(st.lists(st.tuples(KEYS, st.integers(-3, 99))))
def test_what_a_line_counts_is_added_and_taken_away_key_by_key(changes: list[tuple[str, int]]) -> None:
    text, counts = "", Counter[str]()
    for key, times in changes:
        text = with_more(text, key, times)
        counts[key] = max(0, counts[key] + times)
    there = {key: number for key, number in counts.items() if number > 0}
    assert unpacked(text) == there
    assert unpacked(f"{text} {text}") == {key: 2 * number for key, number in there.items()}
    assert {key for key, _ in changes if has(text, key)} == there.keys()


def test_what_stays_of_a_line_is_left_as_it_is() -> None:
    text = with_more(with_more(with_more("", "3", 1), "17", 4), "31", 2)
    assert text == "3:1 17:4 31:2"
    assert with_more(text, "17", 1) == "3:1 17:5 31:2"
    assert with_more(text, "3", -1) == "17:4 31:2"
    assert with_more(text, "4", -1) == text


def test_the_table_has_a_column_for_everything_that_is_counted() -> None:
    assert (*COUNTS, *OUTCOMES) == FIGURES
