"""What a report asks of the store."""

from __future__ import annotations

from datetime import date

from fakes import FakeClock
from tallied import DAY, counting

from bridge.store.reports import BY, OPEN


async def test_a_store_that_has_counted_nothing_says_so(store_url: str, clock: FakeClock) -> None:
    async with counting(store_url, clock) as counted:
        assert (await counted.reports.first_day(), await counted.reports.sources()) == (None, [])
        assert [await counted.sums(by) for by in BY] == [[]] * len(BY)


async def test_the_first_day_and_the_sources_are_those_of_what_was_counted(store_url: str, clock: FakeClock) -> None:
    async with counting(store_url, clock) as counted:
        await counted.add("a", source="shop")
        await counted.add("b", source="gone", day=date(2026, 11, 2))
        assert (await counted.reports.first_day(), await counted.reports.sources()) == ("2026-11-02", ["gone", "shop"])


async def test_chats_within_hours_outside_and_where_it_is_not_known_stand_apart(store_url: str, clock: FakeClock) -> None:
    async with counting(store_url, clock) as counted:
        for number, within in enumerate((True, True, False, None)):
            await counted.add(f"c-{number}", within=within)
        found = {one.hours: one.counts["chats"] for one in await counted.sums("day", DAY, DAY)}
        assert found == {"within": 2, "outside": 1, "unknown": 1}
        assert set(found) == set(OPEN.values())
