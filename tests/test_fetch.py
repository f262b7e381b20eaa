"""What a provider keeps behind its own API is fetched: in the background, within its limits, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from chat_service import MAPPING, TOKEN, Desk, at_desk
from replicas import Database

from bridge.errors import (
    AccessRefused,
    Blocked,
    Busy,
    CrmBroken,
    EmptyExpression,
    MappingError,
    NoAnswer,
    NotFound,
    NotSent,
    Rejected,
)
from bridge.fetch import Pull, Reconciler, Remedy, Window, sort_out
from bridge.fetch.failures import NotReady
from bridge.fetch.pull import Pulled
from bridge.sort import Sorter
from bridge.store import Sorted


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_desk(tmp_path) as made:
        yield made


async def _is(desk: Desk, chat: str, texts: list[str]) -> bool:
    return await desk.texts(chat) == texts


def ended(chat: str, **more: Any) -> dict[str, Any]:
    return {"event": "ended", "id": f"e{chat}", "chat": chat, **more}


class TestFetching:
    async def test_what_the_delivery_lacks_is_fetched_in_order_and_page_by_page(self, desk: Desk) -> None:
        desk.service.chats["7"] = ["a", "b", "c", "d", "e"]
        number = await desk.post(ended("7"))

        await desk.round()

        assert await desk.texts("7") == ["a", "b", "c", "d", "e"]
        stored = await desk.store.chat_of("shop", "7")
        assert stored is not None
        assert stored.chat.visitor.phones == ("+79160000007",)
        assert desk.service.asked == [
            "/chats/7/messages", "/chats/7/messages?cursor=2", "/chats/7/messages?cursor=4", "/people/p7",
        ]  # fmt: skip
        row = await desk.row(number)
        assert (row["state"], row["event"], row["reason"], row["fetch_at"]) == ("sorted", "chat_finished", "", None)
        assert len(await desk.store.reading().jobs()) == desk.woken == 1

    async def test_while_one_waits_for_its_answer_those_behind_it_go_on(self, desk: Desk) -> None:
        gate = desk.service.gates["/chats/1/messages"] = asyncio.Event()
        desk.service.chats |= {"1": ["slow"], "2": ["fast"]}
        for event in (ended("1"), {"event": "left", "chat": "form", "text": "Перезвоните"}, ended("2")):
            await desk.post(event)

        await desk.sorter.sort()
        await desk.fetcher.start_due()
        await desk.until(lambda: desk.service.seen["/people/p2"] == 1)
        await desk.until(lambda: _is(desk, "2", ["fast"]))

        assert await desk.states() == ["fetching", "sorted", "sorted"]
        gate.set()
        await desk.fetcher.finished()
        assert await desk.texts("1") == ["slow"]

    async def test_one_chats_deliveries_are_fetched_one_after_another(self, desk: Desk) -> None:
        desk.service.chats["7"] = ["a"]
        desk.service.faults["/chats/7/messages"] = [500, 500, 500]
        first, second = await desk.post(ended("7", try_="1")), await desk.post(ended("7", try_="2"))
        other = await desk.post(ended("8"))
        desk.service.chats["8"] = ["b"]

        await desk.round()
        assert await desk.states() == ["fetching", "fetching", "sorted"]
        await desk.wait(10)

        assert await desk.states() == ["sorted"] * 3
        stored = await desk.store.chat_of("shop", "7")
        assert stored is not None
        assert stored.revision == 2
        assert first < second < other

    async def test_at_most_four_of_a_source_are_under_way(self, desk: Desk) -> None:
        desk.service.chats = {str(number): ["x"] for number in range(12)}
        for number in range(12):
            await desk.post(ended(str(number)))

        await desk.round()

        assert await desk.states() == ["sorted"] * 12
        assert desk.service.most_under_way <= 4

    async def test_of_a_delivery_with_several_chats_each_goes_by_itself(self, desk: Desk) -> None:
        desk.service.chats["1"] = ["one"]
        number = await desk.post(ended("1"), {"event": "left", "chat": "form", "text": "Hi"}, ended("2"))

        await desk.round()
        assert (await desk.texts("1"), await desk.texts("form"), await desk.texts("2")) == (["one"], ["Hi"], None)
        row = await desk.row(number)
        assert (row["state"], row["event"]) == ("fetching", "offline_message, chat_finished")
        desk.service.chats["2"] = ["two"]
        before = desk.service.seen["/chats/1/messages"]
        await desk.wait(10)

        assert (await desk.row(number))["state"] == "sorted"
        assert await desk.texts("2") == ["two"]
        assert desk.service.seen["/chats/1/messages"] == before

    async def test_a_list_that_goes_on_beyond_the_last_page_is_said_to(self, tmp_path: Path) -> None:
        messages = {**MAPPING["fetch"]["messages"], "pages": {"next": "next", "into": "query.cursor", "most": "2"}}
        async with at_desk(tmp_path, {**MAPPING, "fetch": {**MAPPING["fetch"], "messages": messages}}) as desk:
            desk.service.chats["7"] = ["a", "b", "c", "d", "e"]
            number = await desk.post(ended("7"))
            await desk.round()

            assert await desk.texts("7") == ["a", "b", "c", "d"]
            assert "goes on after 2 pages" in (await desk.row(number))["findings"]


class TestTrouble:
    @pytest.mark.parametrize("fault", [500, 503, "reset", 408])
    async def test_a_provider_that_stumbles_is_asked_again(self, desk: Desk, fault: int | str) -> None:
        desk.service.chats["7"] = ["a", "b", "c"]
        desk.service.faults["/chats/7/messages"] = [fault] * 4
        number = await desk.post(ended("7"))

        await desk.round()
        row = await desk.row(number)
        assert (row["state"], row["fetch_attempts"]) == ("fetching", 1)
        assert row["reason"].startswith("The chat service")
        assert desk.clock.time() < row["fetch_at"] <= desk.clock.time() + 5
        await desk.wait(5)

        assert (await desk.row(number))["state"] == "sorted"
        assert await desk.texts("7") == ["a", "b", "c"]

    async def test_a_wait_that_the_provider_asks_for_uses_up_no_try(self, desk: Desk) -> None:
        desk.service.chats["7"] = ["a"]
        desk.service.faults["/chats/7/messages"] = [429]
        number = await desk.post(ended("7"))

        await desk.round()
        row = await desk.row(number)
        assert (row["state"], row["fetch_attempts"]) == ("fetching", 0)
        assert row["fetch_at"] == pytest.approx(desk.clock.time() + 30, abs=2)
        await desk.wait(31)

        assert (await desk.row(number))["state"] == "sorted"

    async def test_what_is_not_ready_yet_is_waited_for_longer_and_longer(self, desk: Desk) -> None:
        desk.service.chats["7"] = ["a"]
        desk.service.not_ready.add("7")
        number = await desk.post(ended("7"))
        waits = []
        await desk.round()
        for _ in range(9):
            row = await desk.row(number)
            waits.append(round(row["fetch_at"] - desk.clock.time()))
            await desk.wait(waits[-1] + 1)

        assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
        desk.service.not_ready.clear()
        await desk.wait(601)
        assert await desk.texts("7") == ["a"]

    async def test_what_never_comes_is_held_with_the_reason_and_can_be_sent_round_again(self, tmp_path: Path) -> None:
        async with at_desk(tmp_path, retry={"attempts": "3"}) as desk:
            number = await desk.post(ended("gone"))
            await desk.round()
            for _ in range(3):
                await desk.wait(700)

            row = await desk.row(number)
            assert row["state"] == "held"
            assert row["reason"].startswith("Tried 3 times. The chat service has no such record (yet) (HTTP 404)")
            assert await desk.store.reading().held_deliveries() == [{"source": "shop", "n": 1, "since": row["received_at"]}]
            desk.service.chats["gone"] = ["there after all"]
            assert await desk.store.sort_again(source="shop") == 1
            await desk.round()

            assert (await desk.row(number))["state"] == "sorted"
            assert await desk.texts("gone") == ["there after all"]

    async def test_a_mapping_that_asks_with_nothing_is_for_a_person_at_once(self, desk: Desk) -> None:
        number = await desk.post({"event": "ended", "id": "x"})

        await desk.round()

        row = await desk.row(number)
        assert row["state"] == "held"
        assert "{chat}" in row["reason"]
        assert desk.service.asked == []

    async def test_a_refused_key_stops_the_sources_fetching_and_tells_somebody(self, desk: Desk) -> None:
        desk.service.refuses = 401
        desk.service.chats = {str(number): ["x"] for number in range(9)}
        for number in range(9):
            await desk.post(ended(str(number)))
        await desk.round()

        asked = len(desk.service.asked)
        assert asked == 4, "those that were under way together, and no more"
        assert "fetching:shop Nothing is fetched for shop for now." in desk.alerts[0]
        await desk.wait(299)
        assert len(desk.service.asked) == asked
        await desk.wait(2)
        assert len(desk.service.asked) == asked + 1, "one tries whether the key is right by now"
        desk.service.refuses = None
        for _ in range(3):
            await desk.wait(301)

        assert await desk.states() == ["sorted"] * 9

    async def test_one_refusal_alone_is_that_chats_own(self, desk: Desk) -> None:
        desk.service.chats = {str(number): ["x"] for number in range(3)}
        desk.service.faults["/chats/0/messages"] = [403]
        await desk.post(ended("0"))
        await desk.round()
        for number in (1, 2):
            await desk.post(ended(str(number)))
        await desk.round()

        assert await desk.states() == ["fetching", "sorted", "sorted"]
        assert desk.alerts == []

    async def test_one_sources_trouble_is_its_own(self, desk: Desk) -> None:
        desk.service.refuses = 401
        for number in range(5):
            await desk.post(ended(str(number)))
        await desk.round()
        desk.service.refuses = None
        desk.service.chats["9"] = ["x"]

        await desk.post(ended("9"), source="blog")
        await desk.round()

        assert await desk.texts("9", "blog") == ["x"]

    async def test_a_provider_that_is_down_rests_and_is_probed_by_one(self, desk: Desk) -> None:
        desk.service.chats = {str(number): ["x"] for number in range(20)}
        desk.service.faults = {f"/chats/{number}/messages": ["reset"] * 3 for number in range(20)}
        for number in range(20):
            await desk.post(ended(str(number)))

        while await desk.sorter.sort():
            pass
        for _ in range(2):
            await desk.fetcher.start_due()
            await desk.fetcher.finished()

        assert desk.fetcher.breakers.state("shop") == "open"
        assert len(set(desk.service.seen)) == 8
        for _ in range(30):
            await desk.wait(60)
        assert await desk.states() == ["sorted"] * 20

    async def test_a_source_without_its_token_says_so(self, tmp_path: Path) -> None:
        async with at_desk(tmp_path) as desk:
            source = desk.connections["shop"].source
            bare = source.settings.model_copy(update={"token": None})
            desk.connections["shop"].__init__(  # type: ignore[misc]
                type(source)(settings=bare, mapping=source.mapping, view=source.view, keys=source.keys, own=source.own),
                desk.clock, desk.connections["shop"]._transport,
            )  # fmt: skip
            number = await desk.post(ended("7"))
            await desk.round()

            assert desk.connections["shop"].lacks()
            assert "missing in the config" in (await desk.row(number))["reason"]
            assert desk.service.asked == []

    async def test_rules_that_want_something_else_each_time_end(self, tmp_path: Path) -> None:
        steps = {f"s{number}": {"get": "/people/p1"} for number in range(6)}
        rules = [{"when": f"fetched.s{number} && !(fetched.s{number + 1})", "as": "chat_finished", "fetch": f"s{number + 1}"}
                 for number in range(5)]  # fmt: skip
        first = {"as": "chat_finished", "fetch": "s0"}
        async with at_desk(tmp_path, {**MAPPING, "fetch": steps, "events": {"ended": [*rules, first], "listed": first}}) as desk:
            number = await desk.post(ended("7"))
            await desk.round()

            row = await desk.row(number)
            assert row["state"] == "held"
            assert "want something else" in row["reason"]


    @pytest.mark.parametrize("broken", ["meaning", "understand"])
    async def test_a_fault_of_ours_stays_with_its_delivery(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
    ) -> None:
        async with at_desk(tmp_path, retry={"attempts": "1"}) as desk:
            desk.service.chats |= {"1": ["x"], "2": ["y"]}
            number = await desk.post(ended("1"))
            await desk.sorter.sort()

            def fault(*_: Any, **__: Any) -> Any:
                raise ZeroDivisionError

            monkeypatch.setattr(Sorter, broken, fault)
            await desk.fetcher.start_due()
            await desk.fetcher.finished()
            monkeypatch.undo()
            await desk.post(ended("2"))
            await desk.round()

            row = await desk.row(number)
            assert row["state"] == "held"
            assert "A fault in chat2crm (ZeroDivisionError)" in row["reason"]
            assert await desk.texts("2") == ["y"]


class TestCrash:
    async def test_what_was_being_fetched_is_fetched_after_a_restart(self, desk: Desk) -> None:
        desk.service.gates["/chats/7/messages"] = asyncio.Event()
        desk.service.chats["7"] = ["a"]
        number = await desk.post(ended("7"))
        await desk.sorter.sort()
        await desk.fetcher.start_due()
        await desk.until(lambda: bool(desk.service.asked))

        await desk.crash()
        assert (await desk.row(number))["state"] == "fetching"
        desk.service.gates["/chats/7/messages"].set()
        await desk.round()

        assert await desk.texts("7") == ["a"]
        assert len(await desk.store.reading().jobs()) == 1

    async def test_what_waits_for_a_later_time_still_does_after_a_restart(self, desk: Desk) -> None:
        desk.service.not_ready.add("7")
        desk.service.chats["7"] = ["a"]
        number = await desk.post(ended("7"))
        await desk.round()
        before = await desk.row(number)

        await desk.crash()
        await desk.round()

        after = await desk.row(number)
        assert (after["fetch_at"], after["fetch_attempts"]) == (before["fetch_at"], before["fetch_attempts"])

    async def test_a_chat_that_goes_on_meanwhile_loses_nothing(self, desk: Desk) -> None:
        gate = desk.service.gates["/people/p7"] = asyncio.Event()
        desk.service.chats["7"] = ["a"]
        await desk.post(ended("7"))
        await desk.sorter.sort()
        await desk.fetcher.start_due()
        await desk.until(lambda: desk.service.seen["/people/p7"] == 1)
        await desk.post({"event": "left", "chat": "7", "text": "And one more thing"})
        await desk.sorter.sort()

        gate.set()
        await desk.fetcher.finished()

        assert sorted(await desk.texts("7") or ()) == ["And one more thing", "a"]


    async def test_a_chat_that_changes_while_it_is_recorded_is_recorded_anew(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.service.chats["7"] = ["a"]
        number = await desk.post(ended("7"))
        await desk.sorter.sort()
        record = desk.store.record_sorted

        async def overtaken(results: Sequence[Sorted]) -> list[int]:
            monkeypatch.undo()
            await desk.post({"event": "left", "chat": "7", "text": "Overtaken"})
            await desk.sorter.sort()
            return await record(results)

        monkeypatch.setattr(desk.store, "record_sorted", overtaken)
        await desk.fetcher.start_due()
        await desk.fetcher.finished()

        assert (await desk.row(number))["state"] == "sorted"
        assert sorted(await desk.texts("7") or ()) == ["Overtaken", "a"]


class TestWhereTo:
    async def test_the_host_is_said_by_the_config_alone(self, tmp_path: Path) -> None:
        changed = {**MAPPING, "api": {**MAPPING["api"], "base_url": "{source.url}{chat}"}}
        async with at_desk(tmp_path, changed) as desk:
            number = await desk.post(ended("@evil.example"))
            await desk.round()

            assert (await desk.row(number))["state"] == "fetching"
            assert "missing in the config" in (await desk.row(number))["reason"]
            assert desk.service.asked == []

    async def test_a_path_cannot_change_the_host(self, tmp_path: Path) -> None:
        changed = {**MAPPING, "fetch": {**MAPPING["fetch"], "messages": {**MAPPING["fetch"]["messages"], "get": "{chat}"}}}
        with pytest.raises(MappingError, match="a path begins with /"):
            async with at_desk(tmp_path, changed):
                pass

    async def test_a_next_link_to_another_host_is_not_followed(self, desk: Desk, no_way_out: list[str]) -> None:
        desk.service.next_at = "http://evil.example"
        desk.service.closed = [{"chat": str(n), "closed_at": "2026-11-21T08:00:00Z"} for n in range(5)]
        desk.reconciler.start_due()
        await desk.reconciler.finished()

        assert no_way_out == []
        assert "reconcile:shop" in desk.alerts[0]

    async def test_the_key_is_in_no_scope_that_a_deliverys_expressions_see(self, desk: Desk) -> None:
        desk.service.chats["7"] = ["a"]
        await desk.post(ended("7"))
        await desk.round()

        assert "token" not in str(desk.sorter.sources["shop"].view)


class TestReconcile:
    def closed(self, desk: Desk, *chats: str, ago: float = 3600.0) -> None:
        at = (desk.clock.now() - timedelta(seconds=ago)).isoformat().replace("+00:00", "Z")
        for chat in chats:
            desk.service.chats.setdefault(chat, [f"text of {chat}"])
            desk.service.closed.append({"chat": chat, "closed_at": at})

    async def pull(self, desk: Desk) -> None:
        assert desk.reconciler.start_due() == 2
        await desk.reconciler.finished()
        await desk.round()

    async def test_chats_that_never_arrived_are_found(self, desk: Desk) -> None:
        self.closed(desk, "1", "2", "3", "4", "5")
        await self.pull(desk)

        assert [await desk.texts(chat) for chat in "12345"] == [[f"text of {chat}"] for chat in "12345"]
        assert len(await desk.store.reading().jobs(source="shop")) == 5

    async def test_of_several_replicas_one_asks_and_another_when_that_one_is_gone(self, desk: Desk) -> None:
        database = Database(desk.clock, longest=0.0)
        one, other = (
            Reconciler(
                desk.store, desk.clock, desk.sorter, desk.settings.retry, desk.connections, desk,
                board=database.replica(number)[0],
            )
            for number in (1, 2)
        )

        async def rounds(*replicas: Reconciler) -> int:
            before = len(desk.service.asked)
            for replica in replicas:
                replica.start_due()
                while replica._running:
                    await desk.clock.advance(0)
                    await asyncio.sleep(0.001)
            return len(desk.service.asked) - before

        assert await rounds(one) == 2, "each connection's list"
        assert await rounds(other) == 0
        await desk.wait(890)
        assert await rounds(other, other) == 0
        await desk.wait(20)
        assert await rounds(other) == 2
        assert await rounds(one) == 0

    async def test_what_came_by_webhook_is_not_doubled(self, desk: Desk) -> None:
        self.closed(desk, "1")
        await desk.post({**ended("1"), **desk.service.closed[0]})
        await desk.round()
        await self.pull(desk)

        assert len(await desk.store.reading().jobs(source="shop")) == 1
        assert await desk.store.reading().deliveries(source="shop", state="fetching") == []
        assert len(await desk.store.reading().deliveries(source="shop")) == 1

    async def test_the_next_call_begins_where_the_last_one_ended(self, desk: Desk) -> None:
        await self.pull(desk)
        first = desk.clock.now()
        assert desk.reconciler.start_due() == 0
        await desk.wait(900)
        await self.pull(desk)

        windows = [path for path in desk.service.asked if path.startswith("/chats?")]
        assert len(windows) == 4
        begin = (first - timedelta(seconds=900)).isoformat()[:19]
        assert f"from={begin}Z" in windows[2].replace("%3A", ":")

    async def test_after_days_without_us_nothing_is_left_out(self, desk: Desk) -> None:
        await self.pull(desk)
        desk.clock._pass(5 * 86400.0)
        self.closed(desk, "early", ago=4 * 86400.0)
        await desk.crash()
        await self.pull(desk)

        assert await desk.texts("early") == ["text of early"]

    async def test_a_list_that_breaks_off_is_gone_on_with_from_its_page(self, desk: Desk) -> None:
        self.closed(desk, *(f"c{number}" for number in range(8)))
        window = Window(desk.clock.now() - timedelta(days=1), desk.clock.now())
        pull = Pull(store=desk.store, clock=desk.clock, sorter=desk.sorter, connection=desk.connections["shop"])
        pages = aiter(pull.pages("x", window))
        assert await anext(pages) == Pulled(listed=2, new=2, done=False)
        desk.service.faults["/chats"] = [500, 500, 500]
        with pytest.raises(CrmBroken):
            await anext(pages)
        known = await desk.store.position("x")
        assert known is not None
        left = Window.of(known.value)
        assert left.next.endswith("skip=2")
        desk.service.asked.clear()
        rest = [page async for page in pull.pages("x", left)]

        assert [(page.new, page.done) for page in rest] == [(2, False), (2, False), (2, True)]
        assert desk.service.asked[0].endswith("skip=2")

    async def test_a_place_in_the_list_that_has_run_out_is_begun_anew(self, desk: Desk) -> None:
        self.closed(desk, "1")
        window = Window(desk.clock.now() - timedelta(days=1), desk.clock.now(), next=f"{desk.service.url}/chats?gone=1")
        pull = Pull(store=desk.store, clock=desk.clock, sorter=desk.sorter, connection=desk.connections["shop"])
        desk.service.faults["/chats"] = [400]
        with pytest.raises(Rejected):
            _ = [page async for page in pull.pages("x", window)]

        known = await desk.store.position("x")
        assert known is not None
        assert Window.of(known.value) == Window(window.since, window.until)

    async def test_history_is_written_quietly(self, desk: Desk) -> None:
        self.closed(desk, "1")
        pull = Pull(store=desk.store, clock=desk.clock, sorter=desk.sorter, connection=desk.connections["shop"], quiet=True)
        _ = [page async for page in pull.pages("x", Window(desk.clock.now() - timedelta(days=1), desk.clock.now()))]
        await desk.round()

        [row] = await desk.store.reading().jobs()
        job = await desk.store.job(row["id"])
        assert job is not None
        assert job.quiet

    async def test_a_provider_that_refuses_is_asked_later_and_somebody_is_told(self, desk: Desk) -> None:
        desk.service.refuses = 403
        self.closed(desk, "1")
        desk.reconciler.start_due()
        await desk.reconciler.finished()
        assert any(text.startswith("reconcile:shop ") for text in desk.alerts)
        desk.service.refuses = None
        await desk.wait(60)
        desk.reconciler.start_due()
        await desk.reconciler.finished()
        await desk.round()

        assert await desk.texts("1") == ["text of 1"]

    async def test_a_window_is_the_same_after_it_was_written_down(self) -> None:
        window = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 21, 9, 0, 0, 5, tzinfo=UTC), {"a": 1}, done=True)
        assert Window.of(window.text()) == window
        assert json.loads(window.text())["done"] is True


@pytest.mark.parametrize(
    ("error", "remedy", "outage"),
    [
        (NotReady(), Remedy.NOT_YET, False),
        (NotFound(status=404), Remedy.NOT_YET, False),
        (AccessRefused(status=404), Remedy.NOT_YET, False),
        (AccessRefused(status=401), Remedy.REST, False),
        (AccessRefused(), Remedy.REST, False),
        (Blocked(status=403), Remedy.REST, False),
        (Busy(retry_after=3.0, status=429), Remedy.LATER, False),
        (NoAnswer(), Remedy.LATER, True),
        (NotSent(), Remedy.LATER, True),
        (CrmBroken(status=500), Remedy.LATER, True),
        (TimeoutError(), Remedy.LATER, True),
        (Rejected(status=400), Remedy.PERSON, False),
        (EmptyExpression("x"), Remedy.PERSON, False),
    ],
)
def test_failures_are_sorted_by_what_helps(error: Any, remedy: Remedy, outage: bool) -> None:
    failure = sort_out(error)

    assert (failure.remedy, failure.outage) == (remedy, outage)
    assert "CRM" not in failure.why


NUMBERED = {"by": "2", "size": "2"}


class TestNumberedPages:
    """Lists whose answers do not say where the next page begins."""

    @pytest.mark.parametrize(("texts", "asked"), [(["a"], 1), (["a", "b"], 2), (["a", "b", "c"], 2), (["a", "b", "c", "d"], 3)])
    async def test_pages_go_on_by_their_number_until_one_is_not_full(self, tmp_path: Path, texts: list[str], asked: int) -> None:
        fetch = {**MAPPING["fetch"], "messages": {**MAPPING["fetch"]["messages"], "pages": {**NUMBERED, "into": "query.cursor"}}}
        async with at_desk(tmp_path, {**MAPPING, "fetch": fetch}) as desk:
            desk.service.chats["7"] = texts
            await desk.post(ended("7"))
            await desk.round()

            assert await desk.texts("7") == texts
            urls = ["/chats/7/messages", *(f"/chats/7/messages?cursor={2 * page}" for page in range(1, asked))]
            assert [url for url in desk.service.asked if "messages" in url] == urls

    async def test_a_list_of_finished_chats_that_broke_off_is_gone_on_with_at_its_number(self, tmp_path: Path) -> None:
        pages = {**NUMBERED, "into": "query.skip", "most": "1"}
        async with at_desk(tmp_path, {**MAPPING, "reconcile": {**MAPPING["reconcile"], "pages": pages}}) as desk:
            at = (desk.clock.now() - timedelta(minutes=5)).isoformat(timespec="seconds").replace("+00:00", "Z")
            desk.service.closed = [{"chat": str(number), "closed_at": at} for number in range(3)]
            desk.service.chats = {str(number): [f"text {number}"] for number in range(3)}
            for _ in range(2):
                desk.reconciler.start_due()
                await desk.reconciler.finished()
            await desk.round()

            assert [await desk.texts(str(number)) for number in range(3)] == [["text 0"], ["text 1"], ["text 2"]]
            lists = [url.rpartition("skip=")[2] for url in desk.service.asked if url.startswith("/chats?")]
            # of each of the two sources
            assert sorted(one if one.isdigit() else "begin" for one in lists) == ["2", "2", "begin", "begin"]

    @pytest.mark.parametrize("pages", [{"into": "query.page"}, {"next": "next", "by": "1", "into": "query.page"}])
    async def test_one_way_to_the_next_page_has_to_be_named(self, tmp_path: Path, pages: dict[str, str]) -> None:
        with pytest.raises(MappingError, match=r"`next:`.*or `by:`"):
            async with at_desk(tmp_path, {**MAPPING, "reconcile": {**MAPPING["reconcile"], "pages": pages}}):
                pass


class TestOptional:
    """What is good to have, and nothing to wait for."""

    @pytest.fixture
    async def desk(self, tmp_path: Path) -> AsyncIterator[Desk]:
        fetch = {**MAPPING["fetch"], "person": {**MAPPING["fetch"]["person"], "optional": "true"}}
        async with at_desk(tmp_path, {**MAPPING, "fetch": fetch}) as made:
            made.service.chats["7"] = ["Мой номер +7 916 000-00-07"]
            yield made

    @pytest.mark.parametrize("fault", [404, 403, 500, "reset"])
    async def test_a_chat_is_read_without_what_cannot_be_had_and_says_so(self, desk: Desk, fault: int | str) -> None:
        desk.service.faults["/people/p7"] = [fault] * 10
        number = await desk.post(ended("7"))
        await desk.round()

        row = await desk.row(number)
        assert row["state"] == "sorted"
        assert "fetch.person: it could not be had, and the chat was read without it" in str(row["findings"])
        assert await desk.texts("7") == ["Мой номер +7 916 000-00-07"]
        assert desk.alerts == []

    async def test_what_is_not_optional_is_still_waited_for(self, desk: Desk) -> None:
        desk.service.not_ready.add("7")
        await desk.post(ended("7"))
        await desk.round()
        assert await desk.states() == ["fetching"]

    async def test_nothing_is_said_of_what_was_had(self, desk: Desk) -> None:
        number = await desk.post(ended("7"))
        await desk.round()
        assert not json.loads((await desk.row(number))["findings"] or "[]")


class TestALogin:
    """A list whose token is given for a login: asked for before the list, each time."""

    LOGIN: ClassVar[dict[str, Any]] = {
        **MAPPING,
        "api": {"auth": {"kind": "none"}, "headers": {"Authorization": "Bearer {fetched.login.phone || source.token}"}},
        "fetch": {**MAPPING["fetch"], "login": {"get": "/people/1", "query": {"user": "{source.fields.login}"}}},
        "reconcile": {**MAPPING["reconcile"], "fetch": "login"},
    }

    async def test_without_the_login_in_the_config_nobody_is_asked(self, tmp_path: Path) -> None:
        async with at_desk(tmp_path, self.LOGIN) as desk:
            assert desk.reconciler.start_due() == 0
            assert (desk.service.asked, desk.alerts) == ([], [])

    async def test_what_the_login_gave_stands_in_the_requests_of_the_list(self, tmp_path: Path) -> None:
        async with at_desk(tmp_path, self.LOGIN) as desk:
            (connection, *_) = desk.connections.values()
            connection._seen["fields"] = {"login": "me"}
            assert not connection.lacks()
            sent: list[str] = []
            send = connection._transport.send

            async def seen(request: Any) -> Any:
                sent.append(f"{request.url.removeprefix(desk.service.url).partition('?')[0]} {request.headers['Authorization']}")
                return await send(request)

            connection._transport.send = seen  # type: ignore[method-assign]
            with pytest.raises(AccessRefused):  # the token that this service gives opens nothing
                async for _ in connection.listing(desk.clock.now() - timedelta(hours=1), desk.clock.now()):
                    pass
            assert sent == [f"/people/1 Bearer {TOKEN}", "/chats Bearer +79160000001"]
