from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from way import ENVIRON

from bridge import sort as sort_module
from bridge.config import load
from bridge.connections.sources import load_sources
from bridge.errors import NoRoom
from bridge.model import Delivery, JobState, Message, Role
from bridge.parse import Limits
from bridge.sort import BATCH, WRITTEN, Sorter
from bridge.store import Job, Outcome, Sorted, Store, StoredChat, open_store

MANY = """
mapping_language: 1
title: Many
docs: none
body: json
verify:
  scheme: none
at: type
split: events
events:
  message:
    as: message
  end:
    as: chat_finished
  card:
    as: contact_given
  other:
    skip: of no use
fields:
  chat_id: chat
  visitor.id: visitor
  visitor.phone: phone
  visitor.name: name
  page.url: url
  ended_at: ended_at
messages:
  each: said
  role: who
  roles:
    v: visitor
  text: text
idle: 20m
grace: 10s
"""
PHONE = "+79160000001"


@dataclass
class Desk:
    """The sorter over a real store, with the clock of the test."""

    sorter: Sorter
    store: Store
    clock: FakeClock
    posted: int = 0

    async def post(self, *events: dict[str, Any], source: str = "many", body: bytes | None = None) -> int:
        self.posted += 1
        accepted = await self.store.accept(Delivery(
            source=source, dedupe_key=str(self.posted), received_at=self.clock.now(),
            body=body if body is not None else json.dumps({"events": events}).encode(),
        ))  # fmt: skip
        return accepted.id

    async def sort(self, *events: dict[str, Any]) -> None:
        await self.post(*events)
        await self.all()

    async def all(self) -> None:
        for _ in range(20):
            if not await self.sorter.sort():
                return
        raise AssertionError("there is no end to it")

    async def chat(self, chat_id: str = "1") -> StoredChat:
        found = await self.store.chat_of("many", chat_id)
        assert found is not None
        return found

    async def deliveries(self) -> list[tuple[str, str]]:
        return [(row["state"], row["reason"]) for row in reversed(await self.store.reading().deliveries())]

    async def jobs(self) -> list[Job]:
        found = [await self.store.job(row["id"]) for row in reversed(await self.store.reading().jobs())]
        return [job for job in found if job is not None]

    async def claim(self) -> list[Job]:
        return await self.store.claim(owner="w", lease=60.0, room={"sales": 9, "archive": 9})


def event(type_: str = "end", chat: str = "1", **more: Any) -> dict[str, Any]:
    said = [{"who": "v", "text": more.pop("text", "Есть доставка?")}] if type_ in {"end", "message"} else []
    return {"type": type_, "chat": chat, "visitor": "v1", "said": said, **more}


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    folder = tmp_path / "mappings" / "providers"
    folder.mkdir(parents=True)
    (folder / "many.yaml").write_text(MANY, encoding="utf-8")
    target = {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}"}
    config = {
        "store": f"sqlite:///{tmp_path}/chat2crm.db", "key": "${C2C_KEY}",
        "sources": {"many": {"provider": "many", "target": "sales"}},
        "targets": {"sales": target, "archive": target},
        "routes": [
            {"source": "many", "when": "contains(page.url, '/nobody')", "target": "archive"},
            {"source": "many", "when": "contains(page.url, '/both')", "target": "archive", "also": "true"},
        ],
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    settings = load(tmp_path / "config.yaml", ENVIRON)
    store = open_store(settings.store, clock=clock)
    await store.open()
    yield Desk(Sorter(store, clock, settings, load_sources(settings)), store, clock)
    await store.close()


class TestJobs:
    async def test_the_end_of_a_chat_is_a_job_after_the_grace(self, desk: Desk) -> None:
        await desk.sort(event())

        [job] = await desk.jobs()
        assert (job.target, job.chat_id, job.revision, job.next_at) == ("sales", "1", 1, desk.clock.time() + 10)

    async def test_a_chat_told_message_by_message_is_one_job_once_it_is_silent(self, desk: Desk) -> None:
        for text in ("Есть", "доставка?"):
            await desk.sort(event("message", text=text))
            await desk.clock.advance(60)

        first, second = await desk.jobs()
        assert (first.state, first.reason) == (JobState.SKIPPED, "superseded")
        assert second.next_at == desk.clock.time() - 60 + 1200
        assert [message.text for message in (await desk.chat()).chat.messages] == ["Есть", "доставка?"]

    async def test_routes_say_where_it_goes(self, desk: Desk) -> None:
        await desk.sort(event(chat="1", url="https://shop.example/both"))
        await desk.sort(event(chat="2", url="https://shop.example/nobody"))

        assert [(job.chat_id, job.target) for job in await desk.jobs()] == [("1", "archive"), ("1", "sales"), ("2", "archive")]

    @pytest.mark.parametrize(("days", "quiet"), [(0, False), (2, True)])
    async def test_an_old_chat_is_written_quietly(self, desk: Desk, days: int, quiet: bool) -> None:
        ended = desk.clock.time() - days * 86400
        await desk.sort(event(ended_at=ended))

        assert [job.quiet for job in await desk.jobs()] == [quiet]

    async def test_a_later_end_of_the_chat_has_all_that_was_said(self, desk: Desk) -> None:
        await desk.sort(event(text="one"))
        await desk.sort(event(text="two"))

        known = await desk.chat()
        assert known.revision == 2
        assert [message.text for message in known.chat.messages] == ["one", "two"]


class TestContacts:
    async def test_what_a_visitor_gave_before_is_in_their_next_chat(self, desk: Desk) -> None:
        await desk.sort(event("card", chat="", phone=PHONE, name="Анна"))
        await desk.sort(event())

        assert (await desk.chat()).chat.visitor.phones == (PHONE,)

    async def test_what_comes_while_the_chat_waits_for_it_wakes_it(self, desk: Desk) -> None:
        await desk.sort(event())
        await desk.clock.advance(10)
        [job] = await desk.claim()
        await desk.store.finish(job, waits(desk), None)

        await desk.sort(event("card", chat="", phone=PHONE))

        assert [job.id for job in await desk.claim()] == [job.id]
        assert (await desk.chat()).chat.visitor.phones == (PHONE,)

    async def test_what_comes_before_the_job_has_begun_is_in_the_chat(self, desk: Desk) -> None:
        """The CRM may have been down for hours."""
        await desk.sort(event())

        await desk.sort(event("card", chat="", phone=PHONE))

        assert (await desk.chat()).chat.visitor.phones == (PHONE,)

    async def test_what_comes_while_the_job_runs_is_not_waited_for_in_vain(self, desk: Desk) -> None:
        await desk.sort(event())
        await desk.clock.advance(10)
        [job] = await desk.claim()
        await desk.clock.advance(1)

        await desk.sort(event("card", chat="", phone=PHONE))
        await desk.store.finish(job, waits(desk), None)

        assert [job.id for job in await desk.claim()] == [job.id]
        assert (await desk.chat()).chat.visitor.phones == (PHONE,)

    async def test_without_news_it_waits_as_long_as_it_was_told(self, desk: Desk) -> None:
        await desk.sort(event())
        await desk.clock.advance(10)
        [job] = await desk.claim()
        await desk.store.finish(job, waits(desk), None)
        await desk.clock.advance(86399)
        assert await desk.claim() == []

        await desk.clock.advance(1)

        assert len(await desk.claim()) == 1

    async def test_a_later_end_that_comes_while_the_job_runs_is_not_held_up_by_its_waiting(self, desk: Desk) -> None:
        await desk.sort(event())
        await desk.clock.advance(10)
        [job] = await desk.claim()
        await desk.sort(event(text=f"Мой номер {PHONE}"))
        await desk.store.finish(job, waits(desk), None)
        await desk.clock.advance(10)

        [newer] = await desk.claim()

        assert newer.revision == 2
        assert [one.reason for one in await desk.jobs()] == ["superseded", ""]

    async def test_another_visitors_contact_goes_to_nobody_else(self, desk: Desk) -> None:
        await desk.sort(event())
        await desk.sort(event("card", chat="", phone=PHONE, visitor="v2"))

        assert (await desk.chat()).chat.visitor.phones == ()


def waits(desk: Desk) -> Outcome:
    return Outcome(state=JobState.WAITING, reason="no_contact", next_at=desk.clock.time() + 86400, uses_attempt=False)


class TestOneDeliveryWithSeveralEvents:
    async def test_two_messages_of_one_chat(self, desk: Desk) -> None:
        await desk.sort(event("message", text="one"), event("message", text="two"))

        assert [message.text for message in (await desk.chat()).chat.messages] == ["one", "two"]
        assert len(await desk.jobs()) == 1
        assert await desk.deliveries() == [("sorted", "")]

    async def test_chats_of_several_visitors(self, desk: Desk) -> None:
        await desk.sort(event(chat="1"), event(chat="2", visitor="v2"))

        assert [job.chat_id for job in await desk.jobs()] == ["1", "2"]

    @pytest.mark.parametrize("backwards", [False, True])
    async def test_a_chat_and_the_contact_that_belongs_to_it(self, desk: Desk, backwards: bool) -> None:
        events = [event(), event("card", chat="", phone=PHONE)]

        await desk.sort(*(reversed(events) if backwards else events))

        assert (await desk.chat()).chat.visitor.phones == (PHONE,)
        assert len(await desk.jobs()) == 1

    async def test_the_next_end_of_a_chat_that_waits_and_its_contact(self, desk: Desk) -> None:
        await desk.sort(event(text="one"))
        await desk.clock.advance(10)
        [job] = await desk.claim()
        await desk.store.finish(job, waits(desk), None)

        await desk.sort(event(text="two"), event("card", chat="", phone=PHONE))

        known = await desk.chat()
        assert (known.revision, known.chat.visitor.phones) == (2, (PHONE,))
        assert await desk.deliveries() == [("sorted", "")] * 2


class TestOrder:
    async def test_deliveries_of_one_chat_are_taken_one_after_the_other(self, desk: Desk) -> None:
        for text in ("one", "two", "three"):
            await desk.post(event(text=text))

        assert [await desk.sorter.sort() for _ in range(4)] == [1, 1, 1, 0]

        assert [message.text for message in (await desk.chat()).chat.messages] == ["one", "two", "three"]

    async def test_those_of_others_go_past_what_has_to_wait_for_the_one_before_it(self, desk: Desk) -> None:
        for chat, text in (("1", "one"), ("1", "two"), ("2", "other"), ("1", "three")):
            await desk.post(event(chat=chat, visitor=f"v{chat}", text=text))

        assert [await desk.sorter.sort() for _ in range(4)] == [2, 1, 1, 0]

        assert [message.text for message in (await desk.chat("1")).chat.messages] == ["one", "two", "three"]
        assert [message.text for message in (await desk.chat("2")).chat.messages] == ["other"]

    async def test_nothing_goes_past_one_that_waits_itself(self, desk: Desk) -> None:
        await desk.post(event(chat="1", text="one"))
        await desk.post(event("message", chat="1", text="two"), event("message", chat="2", visitor="v2", text="first"))
        await desk.post(event(chat="2", visitor="v2", text="second"))

        assert [await desk.sorter.sort() for _ in range(4)] == [1, 1, 1, 0]

        assert [message.text for message in (await desk.chat("2")).chat.messages] == ["first", "second"]

    async def test_where_many_build_on_one_another_few_are_read_at_a_time(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, read = desk.store.received, list[int]()

        async def counted(limit: int) -> list[Delivery]:
            found = await real(limit)
            read.append(len(found))
            return found

        monkeypatch.setattr(desk.store, "received", counted)
        for number in range(15):
            await desk.post(event(text=str(number)))
        await desk.all()
        assert sum(read) <= 15 + 2 * 15
        read.clear()

        for number in range(BATCH):
            await desk.post(event(chat=str(number), visitor=f"v{number}"))
        await desk.all()

        assert len(read) < 8, "and many again where they do not"

    async def test_others_are_taken_together(self, desk: Desk) -> None:
        for number in range(BATCH + 5):
            await desk.post(event(chat=str(number), visitor=f"v{number}"))

        assert [await desk.sorter.sort() for _ in range(3)] == [BATCH, 5, 0]

    async def test_who_waits_for_an_answer_goes_before_each_of_them(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[int] = []
        real = desk.store.record_sorted

        async def others() -> None:
            done.append(0)

        async def writes(results: Sequence[Sorted]) -> list[int]:
            done.append(len(results))
            return await real(results)

        monkeypatch.setattr(desk.sorter, "after_you", others)
        monkeypatch.setattr(desk.store, "record_sorted", writes)
        for number in range(WRITTEN + 2):
            await desk.post(event(chat=str(number), visitor=f"v{number}"))

        await desk.sorter.sort()

        assert done == [*([0] * (WRITTEN + 2)), WRITTEN, 0, 2]


class TestTrouble:
    """One bad delivery stops nobody behind it."""

    @pytest.mark.parametrize(
        ("body", "reason"),
        [(b"{", "not JSON"), (b'{"events": [{"type": "what"}]}', "what")],
        ids=["no JSON", "an event nobody knows"],
    )
    async def test_what_is_not_understood_is_kept_and_shown(self, desk: Desk, body: bytes, reason: str) -> None:
        await desk.post(body=body)
        await desk.post(event())

        await desk.all()

        (state, why), (behind, _) = await desk.deliveries()
        assert (state, behind) == ("not_understood", "sorted")
        assert reason in why

    async def test_what_is_of_no_use_is_skipped_with_the_mappings_words(self, desk: Desk) -> None:
        await desk.sort(event("other"))

        assert await desk.deliveries() == [("skipped", "of no use")]

    async def test_a_source_that_left_the_config(self, desk: Desk) -> None:
        await desk.post(event(), source="gone")
        await desk.all()

        [(state, reason)] = await desk.deliveries()
        assert state == "not_understood"
        assert "'gone' is not in the config" in reason

    @pytest.mark.parametrize("where", ["understand", "merged"])
    async def test_a_fault_of_ours_in_one(self, desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
        await desk.sort(event(chat="bad"))
        real = getattr(sort_module, where)

        def breaks(*given: Any, **more: Any) -> Any:
            if b"bad" in getattr(given[0], "body", b"") or getattr(given[0], "chat_id", "") == "bad":
                raise ZeroDivisionError
            return real(*given, **more)

        monkeypatch.setattr(sort_module, where, breaks)
        await desk.post(event(chat="bad", text="again"))
        await desk.post(event(chat="good", visitor="v2"))

        await desk.all()

        first, broken, good = await desk.deliveries()
        assert (first[0], broken[0], good[0]) == ("sorted", "not_understood", "sorted")
        assert "ZeroDivisionError" in broken[1]

    async def test_one_that_cannot_be_written(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        real = desk.store.record_sorted

        async def breaks(results: Sequence[Sorted]) -> None:
            if any(change.chat.chat_id == "bad" for result in results for change in result.changes):
                raise ValueError("cannot be stored")
            await real(results)

        monkeypatch.setattr(desk.store, "record_sorted", breaks)
        for chat in ("1", "bad", "2"):
            await desk.post(event(chat=chat, visitor=f"v{chat}"))

        await desk.all()

        assert [state for state, _ in await desk.deliveries()] == ["sorted", "not_understood", "sorted"]

    async def test_a_store_without_room_loses_nothing(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        async def full(_: Sequence[Sorted]) -> None:
            raise NoRoom

        await desk.post(event())
        with monkeypatch.context() as trial:
            trial.setattr(desk.store, "record_sorted", full)
            with pytest.raises(NoRoom):
                await desk.sorter.sort()
        assert len(await desk.store.received(9)) == 1

        await desk.all()

        assert await desk.deliveries() == [("sorted", "")]

    async def test_signs_that_no_store_can_keep_do_no_harm(self, desk: Desk) -> None:
        odd = event(chat="1\x00", visitor="\ud800", text="\udfff\x00 x")
        await desk.post(body=json.dumps({"events": [odd]}).encode())
        await desk.all()

        assert [state for state, _ in await desk.deliveries()] == ["sorted"]
        [job] = await desk.jobs()
        [message] = (await desk.store.chat(job.chat_row)).chat.messages
        assert message == Message(role=Role.VISITOR, text="\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} x")


class TestTooLong:
    """Messages beyond `receive.max_messages`: each more would have the whole chat read again."""

    @pytest.fixture
    async def short(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
        source = desk.sorter.sources["many"]
        desk.sorter.sources = {"many": replace(source, view=replace(source.view, limits=Limits(messages=3)))}
        return desk

    async def test_a_chat_that_has_grown_too_long_is_shown_and_what_was_known_of_it_stays(self, short: Desk) -> None:
        for number in range(5):
            await short.sort(event("message", text=f"{number}"))

        assert [text.text for text in (await short.chat()).chat.messages] == ["0", "1", "2"]
        states = await short.deliveries()
        assert [state for state, _ in states] == ["sorted"] * 3 + ["not_understood"] * 2
        assert "chat '1': there are 4 messages in the chat by now; more than 3 are not read" in states[-1][1]
        assert "`receive.max_messages`" in states[-1][1]

    async def test_other_chats_of_the_same_delivery_go_on(self, short: Desk) -> None:
        for number in range(3):
            await short.sort(event("message", text=f"{number}"))

        await short.sort(event("message", text="3"), event("message", chat="2", text="Есть кто?"))

        assert [text.text for text in (await short.chat("2")).chat.messages] == ["Есть кто?"]
        assert (await short.deliveries())[-1][0] == "not_understood"

    async def test_a_large_delivery_is_read_beside_the_event_loop(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        threads: list[bool] = []
        understand = sort_module.understand

        def watched(*args: Any, **more: Any) -> Any:
            threads.append(threading.current_thread() is threading.main_thread())
            return understand(*args, **more)

        monkeypatch.setattr(sort_module, "understand", watched)
        await desk.sort(event(text="мой номер +79160000001"))
        await desk.sort(event(chat="2", text="x" * sort_module.LARGE))

        assert threads == [True, False]
        assert len(await desk.jobs()) == 2
