from __future__ import annotations

import pytest
from desk import Desk

from bridge.report.troubles import NOTICED, describe, sentence, troubles
from bridge.store import Sorted
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


@pytest.mark.parametrize("kind", NOTICED)
async def test_what_was_noticed_in_passing_is_listed_while_it_is_open(desk: Desk, kind: str) -> None:
    desk.deps.alerts.notice(f"{kind}:shop", "in English")
    await desk.deps.alerts.look()

    [trouble] = await troubles(desk.store, desk.clock.time())
    assert (trouble.kind, trouble.name) == (kind, "shop")
    assert sentence(trouble, "ru") != sentence(trouble, "en")
    assert (await desk.store.open_alerts()).keys() == {f"{kind}:shop"}
