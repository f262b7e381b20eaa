from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest
from desk import Desk
from fakes import FakeClock
from store_materials import delivery

from bridge.report import Alerts
from bridge.report.troubles import sentence, troubles
from bridge.report.troubles.silence import WEEK, silent_since
from bridge.store import Sorted

HOUR, DAY = 3600.0, 86400.0
TIMES = 6


async def heard(desk: Desk, times: Iterable[float]) -> None:
    """Deliveries that came in so many seconds before now."""
    now = desk.clock.now()
    await asyncio.gather(*(
        desk.store.accept(delivery(str(before), at=now - timedelta(seconds=before))) for before in sorted(times, reverse=True)
    ))  # fmt: skip


async def silent(desk: Desk) -> float | None:
    """How many hours it has been silent for, if that is unusual."""
    since = await silent_since(desk.store.reading(), "shop", desk.clock.time(), TIMES)
    return None if since is None else (desk.clock.time() - since) / HOUR


def hourly(weeks: int, until: float) -> list[float]:
    """Once an hour, day and night, but not in the last so many seconds."""
    return [until + HOUR * number for number in range(int(weeks * WEEK / HOUR))]


@pytest.mark.parametrize(("hours", "unusual"), [(1, None), (5.9, None), (6, 6), (40, 40), (300, 300)])
async def test_six_times_the_usual_gap_is_unusual(desk: Desk, hours: float, unusual: float | None) -> None:
    await heard(desk, hourly(5, hours * HOUR))

    assert await silent(desk) == (None if unusual is None else pytest.approx(unusual))


async def test_a_night_and_a_weekend_are_not_where_they_are_usual(desk: Desk) -> None:
    """Chats every half hour from ten to six on working days; now it is Monday, early."""
    await desk.clock.advance(1.75 * DAY)  # Monday, 03:00 UTC
    working = [
        moment for moment in (HOUR / 2 * number for number in range(int(5 * WEEK / HOUR * 2)))
        if 10 <= ((3 * HOUR - moment) / HOUR) % 24 < 18 and (-(moment - 3 * HOUR) // DAY) % 7 < 5
    ]  # fmt: skip
    await heard(desk, working)
    assert await silent(desk) is None

    await desk.clock.advance(9 * HOUR)
    assert await silent(desk) is None

    await desk.clock.advance(2 * HOUR)
    assert await silent(desk) is not None


async def test_one_week_that_was_an_exception_does_not_count(desk: Desk) -> None:
    """A week ago there was an outage of two days."""
    await heard(desk, [one for one in hourly(5, 10 * HOUR) if not WEEK - DAY < one < WEEK + DAY])

    assert await silent(desk) == pytest.approx(10)


async def test_two_such_weeks_do(desk: Desk) -> None:
    await heard(desk, [one for one in hourly(5, 10 * HOUR) if min(abs(one - WEEK), abs(one - 2 * WEEK)) > DAY])

    assert await silent(desk) is None


async def test_a_burst_of_messages_counts_as_once(desk: Desk) -> None:
    """One chat a day, of a hundred messages."""
    await heard(desk, [DAY * day + 5 * number + HOUR for day in range(30) for number in range(100) if number or day])
    assert await silent(desk) is None

    await desk.clock.advance(7 * DAY)
    assert await silent(desk) is not None


async def test_a_source_that_is_new_has_no_usual_gap_yet(desk: Desk) -> None:
    await heard(desk, hourly(1, 20 * HOUR))

    assert await silent(desk) is None


async def test_a_source_that_was_never_heard_of_is_not_silent(desk: Desk) -> None:
    assert await silent(desk) is None


async def test_it_is_told_in_both_languages_until_the_source_is_heard_of_again(desk: Desk, clock: FakeClock) -> None:
    await heard(desk, hourly(3, 8 * HOUR))
    for unread in await desk.store.received(10_000):  # read as well: that they lie unread is another trouble
        await desk.store.record_sorted([Sorted(delivery=unread.id, state="skipped")])
    alerts = Alerts(desk.store, None, clock, "ru", None, sources=lambda: ["shop"], silence=TIMES)
    await alerts.look()

    assert await desk.store.open_alerts() == {
        "silent:shop": "Подключение чата shop: необычно долго ничего не присылает. Указан ли ещё в сервисе чата наш адрес "
        "(см. `chat2crm urls`)? Если никто не писал, всё в порядке.",
    }
    [trouble] = await troubles(desk.store, clock.time(), sources=["shop"], silence=TIMES)
    assert (trouble.path, trouble.since) == ("/deliveries?source=shop", clock.time() - 8 * HOUR)
    assert sentence(trouble, "en").startswith("Chat connection shop: has sent nothing for unusually long.")
    assert "unusually long" in await desk.page("/?lang=en")

    await desk.receive(key="again")
    await alerts.look()
    assert await desk.store.open_alerts() == {}


async def test_it_can_be_switched_off(desk: Desk) -> None:
    await heard(desk, hourly(3, 8 * HOUR))

    assert await troubles(desk.store, desk.clock.time(), sources=["shop"], silence=0) == []
