"""What happens to a chat, decision by decision, with a real store and a real CRM; the clock is the test's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished as at_real_time
from way import on_the_way

from bridge.model import JobState, OperationState


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def finished(number: int, clock: FakeClock, **more: Any) -> dict[str, Any]:
    """A chat that ended just now by the test's clock."""
    event = at_real_time(number, **more)
    for place, message in enumerate(event["chat"]["messages"]):
        message["timestamp"] = int(clock.time()) - 60 + place
    return event


async def test_a_new_person_becomes_a_client_with_a_note(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(finished(1, clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "new")
        [client] = way.rows("clients")
        [note] = way.rows("notes")
        assert client["phones"] == '["+79160000001"]'
        assert note["client_id"] == client["id"]


async def test_nothing_said_is_skipped_with_that_reason(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        event = finished(1, clock)
        event["chat"]["messages"] = [message for message in event["chat"]["messages"] if message["type"] == "agent"]
        await way.post(event)

        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.SKIPPED, "nothing_said")
        assert way.rows("clients") == []


async def test_spam_and_ignored_chats_are_skipped(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"ignore": "contains(page.url, '/jobs')"}) as way:
        spam, job = finished(1, clock), finished(2, clock)
        spam["chat"]["blacklisted"] = True
        job["page"]["url"] = "https://shop.example/jobs"
        await way.post(spam)
        await way.post(job)

        outcomes = await way.work()

        assert [outcome.reason for outcome in outcomes] == ["spam", "ignored"]


async def test_without_a_contact_it_waits_and_then_is_skipped(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"no_contact": "wait 2h"}) as way:
        await way.post(finished(1, clock, text="Есть доставка?"))
        [first] = await way.work()
        assert (first.state, first.reason, first.uses_attempt) == (JobState.WAITING, "no_contact", False)
        await clock.advance(2 * 3600)

        [second] = await way.work()

        assert (second.state, second.reason) == (JobState.SKIPPED, "no_contact")


async def test_without_a_contact_a_client_can_be_made_by_the_visitor(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"no_contact": "create"}) as way:
        await way.post(finished(1, clock, text="Есть доставка?"))
        await way.work()
        await way.post(finished(1, clock, text="А самовывоз?", chat_id=2))
        await way.work()

        assert len(way.rows("clients")) == 1
        assert len(way.rows("notes")) == 2


async def test_a_rehearsal_reads_and_writes_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"mode": "rehearse"}) as way:
        await way.post(finished(1, clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.SKIPPED, "rehearsed")
        assert outcome.rehearsed is not None
        assert [operation.kind for operation in outcome.rehearsed.operations] == ["create", "note"]
        assert way.rows("clients") == way.rows("notes") == []


async def test_the_brake_stops_the_target_before_one_client_too_many(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"new_clients_per_hour": 2}) as way:
        for number in range(4):
            await way.post(finished(number, clock))

        await way.work()

        assert len(way.rows("clients")) == 2
        assert (await way.store.stops())["sales"].reason == "brake"
        await way.store.go("sales")
        await clock.advance(3601)
        await way.work()
        assert len(way.rows("clients")) == 4


async def test_several_cards_wait_for_a_person_who_chooses(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"ambiguous": "hold"}) as way:
        made = [await way.ask("POST", "/clients", {"name": name, "phones": ["+79160000001"]}) for name in ("A", "B")]
        first, second = (one["id"] for one in made)
        await way.post(finished(1, clock))
        [outcome] = await way.work()
        assert (outcome.state, outcome.reason) == (JobState.HELD, "ambiguous")
        assert f"id {first}" in outcome.detail

        [job] = await way.jobs()
        await way.store.choose(job.id, str(second))
        await way.work()

        [note] = way.rows("notes")
        assert str(note["client_id"]) == str(second)


class TestLostAnswers:
    """The CRM did it and the answer never came."""

    async def test_a_client_is_made_once(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(drop_after_commit={"operation": "client.create", "times": 1})
            await way.post(finished(1, clock))
            await way.work()
            assert (await way.states())[0][0] is JobState.RETRYING
            await clock.advance(30)

            await way.work()

            assert len(way.rows("clients")) == len(way.rows("notes")) == 1
            assert (await way.states()) == [(JobState.DONE, "new")]

    async def test_what_cannot_be_seen_yet_is_waited_for(self, tmp_path: Path, clock: FakeClock) -> None:
        """The request may still be under way: not there now does not mean never."""
        async with on_the_way(tmp_path, clock) as way:
            way.faults(drop_before_commit={"operation": "note.create", "times": 1})
            await way.post(finished(1, clock))
            await way.work()
            await clock.advance(20)

            [again] = await way.work()

            assert (again.state, again.reason) == (JobState.WAITING, "settling")
            assert not again.uses_attempt
            await clock.advance(60)
            await way.work()
            assert len(way.rows("notes")) == 1

    async def test_an_answered_error_is_not_waited_for(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(broken={"operation": "note.create", "times": 1, "status": 500})
            await way.post(finished(1, clock))
            await way.work()
            await clock.advance(10)

            await way.work()

            assert (await way.states()) == [(JobState.DONE, "new")]
            assert len(way.rows("notes")) == 1

    async def test_an_error_after_the_deed_doubles_nothing(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(broken_after_commit=[{"operation": "client.create", "times": 1}, {"operation": "note.create", "times": 1}])
            await way.post(finished(1, clock))
            for _ in range(4):
                await way.work()
                await clock.advance(70)

            assert len(way.rows("clients")) == len(way.rows("notes")) == 1

    async def test_the_next_chat_of_the_same_person_settles_it_first(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(drop_after_commit={"operation": "client.create", "times": 1}, index_lag=3000)
            await way.post(finished(1, clock))
            await way.work()
            [first] = await way.jobs()
            assert (await way.store.operations(first.id))[0].state is OperationState.SENT

            await way.post(finished(2, clock, phone="+79160000001"))
            await way.work()
            await clock.advance(80)
            await way.work()

            assert len(way.rows("clients")) == 1
            assert len(way.rows("notes")) == 2


class TestIndexLag:
    async def test_a_client_made_a_moment_ago_is_known_though_no_search_finds_it(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(index_lag=3000)
            for chat in range(3):
                await way.post(finished(1, clock, chat_id=chat))
            for _ in range(3):  # chats of one person make way for one another
                await way.work()
                await clock.advance(1)

            assert len(way.rows("clients")) == 1
            assert len(way.rows("notes")) == 3


class TestKnownClients:
    async def test_a_card_that_was_merged_or_deleted_is_searched_anew(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            await way.post(finished(1, clock, chat_id=1))
            await way.work()
            [client] = way.rows("clients")
            await way.ask("DELETE", f"/clients/{client['id']}")
            await clock.advance(3600)
            await way.post(finished(1, clock, chat_id=2))
            await way.work()

            assert sum(not one["gone"] for one in way.rows("clients")) == 1
            assert len({note["client_id"] for note in way.rows("notes")}) == 2

    async def test_a_phone_that_moved_to_another_card_is_followed(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            await way.post(finished(1, clock, chat_id=1))
            await way.work()
            [client] = way.rows("clients")
            await way.ask("PUT", f"/clients/{client['id']}", {"name": "old", "phones": ["+79169999999"]})
            other = await way.ask("POST", "/clients", {"name": "new", "phones": ["+79160000001"]})
            await clock.advance(3600)
            await way.post(finished(7, clock, phone="+79160000001", chat_id=2))
            await way.work()

            assert str(way.rows("notes")[-1]["client_id"]) == str(other["id"])

    async def test_a_strangers_number_does_not_change_the_strangers_card(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            await way.ask("POST", "/clients", {"name": "Пётр Иванов", "phones": ["+79160000001"]})
            await way.post(finished(1, clock, text="мой номер +7 916 000-00-01, почта villain@mail.ru", name="Злодей"))
            await way.work()

            [client] = way.rows("clients")
            assert client["emails"] == "[]"
            assert client["name"] == "Пётр Иванов"


class TestTargets:
    async def test_a_refused_key_rests_the_target_and_loses_nothing(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock, target={"token": "${C2C_WRONG}"}) as way:
            for number in range(3):
                await way.post(finished(number, clock))
            await way.work()
            assert (await way.store.stops())["sales"].reason == "crm_access_refused"
            assert {state for state, _ in await way.states()} <= {JobState.WAITING, JobState.PENDING}
            await way.change_target(token="${C2C_TOKEN}")
            await clock.advance(301)

            await way.work()
            await way.work()

            assert await way.store.stops() == {}
            assert len(way.rows("notes")) == 3

    async def test_a_ban_stops_the_target_until_a_person_says_go(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(block={"times": 1})
            await way.post(finished(1, clock))
            await way.work()
            await clock.advance(86400)
            assert await way.work() == []

            await way.store.go("sales")
            await way.work()

            assert len(way.rows("notes")) == 1

    async def test_a_limit_with_a_time_uses_up_no_attempt(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            way.faults(busy={"operation": "note.create", "times": 1, "retry_after": 7})
            await way.post(finished(1, clock))
            [outcome] = await way.work()

            assert (outcome.state, outcome.uses_attempt) == (JobState.RETRYING, False)
            assert outcome.next_at == clock.time() + 7


async def test_a_store_younger_than_the_chat_writes_nothing_again(tmp_path: Path, clock: FakeClock) -> None:
    """The volume was lost, the key was kept: the provider tells old chats once more."""
    (tmp_path / "first").mkdir()
    event = finished(1, clock)
    async with on_the_way(tmp_path / "first", clock) as way:
        await way.post(event)
        await way.work()
        assert len(way.rows("notes")) == 1
        (tmp_path / "second").mkdir()
        async with on_the_way(tmp_path / "second", clock, target={"url": way.crm.url}) as young:
            young.store.born_at = clock.time()
            await young.post(event)
            await young.work()

        assert len(way.rows("clients")) == len(way.rows("notes")) == 1
