"""What happens to a chat, decision by decision, with a real store and a real CRM; the clock is the test's."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished as at_real_time
from way import Way, on_the_way

from bridge.extract import point_typed
from bridge.model import ALIVE, Correction, JobState, OperationState
from bridge.sandbox.refusals import Missing


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


@pytest.mark.parametrize(("note", "seen"), [({}, False), ({"mask_cards": True}, False), ({"mask_cards": False}, True)])
async def test_a_card_number_is_dots_in_the_note_unless_the_target_says_otherwise(
    tmp_path: Path, clock: FakeClock, note: dict[str, Any], seen: bool
) -> None:
    async with on_the_way(tmp_path, clock, target={"note": note}) as way:
        await way.post(finished(1, clock, text="телефон +7 916 000-00-01, карта 4276 3800 1234 5679"))
        await way.work()

        [written] = way.rows("notes")
        assert ("4276 3800 1234 5679" in written["text"]) is seen
        assert ("•••• •••• •••• ••••" in written["text"]) is not seen


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


async def test_what_was_rehearsed_is_written_when_a_person_says_so_and_nothing_else(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"mode": "rehearse"}) as way:
        await way.post(finished(1, clock))
        await way.work()
        [job] = await way.jobs()
        await way.store.replay([job.id], for_real=True)
        await way.post(finished(2, clock))

        outcomes = await way.work()

        assert sorted((outcome.state, outcome.reason) for outcome in outcomes) == [
            (JobState.DONE, "new"), (JobState.SKIPPED, "rehearsed"),
        ]  # fmt: skip
        assert len(way.rows("clients")) == len(way.rows("notes")) == 1


async def test_what_is_half_written_when_the_target_is_set_to_rehearse_stops_there_until_a_person_says_go(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with on_the_way(tmp_path, clock) as way:
        way.faults(broken={"operation": "note.create", "status": 503, "times": 1})
        await way.post(finished(1, clock))
        await way.work()
        assert (len(way.rows("clients")), way.rows("notes")) == (1, [])
        await way.change_target(mode="rehearse")
        await clock.advance(3600)

        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.HELD, "half_written")
        assert way.rows("notes") == []
        [job] = await way.jobs()
        await way.store.replay([job.id])
        await way.work()
        assert way.rows("notes") == [], "sent round again it is still a rehearsal"
        await way.store.replay([job.id], for_real=True)
        await way.work()
        assert (len(way.rows("clients")), len(way.rows("notes"))) == (1, 1)


async def test_contacts_that_a_person_put_right_lead_to_the_client(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"no_contact": "wait 2h"}) as way:
        await way.post(finished(1, clock, text="Есть доставка?"))
        await way.work()
        [job] = await way.jobs()
        point = point_typed("8 916 765-43-21", "RU")
        assert point is not None
        await way.store.correct(job.id, Correction(added=(point,)))

        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "new")
        [client] = way.rows("clients")
        assert "+79167654321" in str(await way.ask("GET", f"/clients/{client['id']}"))


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


async def test_a_card_that_goes_while_the_chat_is_written_is_searched_anew(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        seeded = await way.ask("POST", "/clients", {"name": "Anna", "phones": ["+79160000001"]})
        other = await way.ask("POST", "/clients", {"name": "Anna", "emails": ["anna@mail.ru"]})
        records, create = way.crm.parts.records, way.crm.parts.records.create

        def merged_first(*given: Any, **more: Any) -> Any:
            records.create = create  # type: ignore[method-assign]
            records.merge(int(seeded["id"]), int(other["id"]))
            return create(*given, **more)

        records.create = merged_first  # type: ignore[method-assign]
        await way.post(finished(1, clock))

        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "found")
        [note] = way.rows("notes")
        assert str(note["client_id"]) == other["id"]


async def test_what_is_still_not_there_after_a_second_search_is_no_moved_card(tmp_path: Path, clock: FakeClock) -> None:
    """A wrong address in a mapping must not be asked for ever."""
    async with on_the_way(tmp_path, clock) as way:
        await way.ask("POST", "/clients", {"name": "Anna", "phones": ["+79160000001"]})
        records, asked = way.crm.parts.records, []

        def never(*given: Any, **more: Any) -> Any:
            asked.append(1)
            raise Missing("client", 1)

        records.create = never  # type: ignore[method-assign]
        await way.post(finished(1, clock))

        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DEAD, "crm_not_found")
        assert len(asked) == 2


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


def mapping(folder: Path, name: str, text: str) -> str:
    """A mapping of the user's own beside the config; gives its name."""
    place = folder / "mappings" / "crms"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.yaml").write_text(f"mapping_language: 1\nextends: sandbox\n{text}", encoding="utf-8")
    return name


async def to_the_end(way: Way, hours: float = 2.0) -> None:
    """Work and let time pass until every job is over or waits for a person."""
    until = way.clock.time() + hours * 3600
    while True:
        await way.work()
        alive = [job.next_at for job in await way.jobs() if job.state in ALIVE]
        if not alive or min(alive) > until:
            return
        await way.clock.advance(max(1.0, min(alive) - way.clock.time()))


class TestNobodyToAttachItTo:
    async def test_a_missed_chat_without_a_contact_is_a_task_for_who_is_on_duty_and_no_client(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        async with on_the_way(tmp_path, clock, target={"no_contact": "skip"}) as way:
            owner = await way.ask("POST", "/owners", {"name": "Duty"})
            await way.change_target(duty=str(owner["id"]))
            event = finished(1, clock, text="Есть кто живой?")
            event["chat"]["messages"] = [message for message in event["chat"]["messages"] if message["type"] == "visitor"]
            await way.post(event)

            [outcome] = await way.work()

            assert outcome.state is JobState.DONE
            assert way.rows("clients") == way.rows("notes") == []
            assert [str(task["owner_id"]) for task in way.rows("tasks")] == [str(owner["id"])]

    async def test_a_visitor_whose_card_was_deleted_is_nobody_again(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock, target={"no_contact": "wait 2h"}) as way:
            await way.post(finished(1, clock, chat_id=1))
            await way.work()
            [client] = way.rows("clients")
            await way.ask("DELETE", f"/clients/{client['id']}")
            await clock.advance(3600)
            await way.post(finished(1, clock, chat_id=2, text="А когда доставка?"))

            [outcome] = await way.work()

            assert (outcome.state, outcome.reason) == (JobState.WAITING, "no_contact")
            assert len(way.rows("clients")) == 1


class TestYoungStore:
    async def test_a_note_far_back_in_the_list_is_found_before_it_is_written_again(self, tmp_path: Path) -> None:
        clock = FakeClock(datetime.now(UTC) + timedelta(days=3))  # the CRM's own times are the machine's
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            mapping(tmp_path / name, "scanned", SCAN)
        event = finished(1, clock)
        said_at = int(clock.time()) - 3 * 86400 - 600
        event["chat"]["messages"] = [{**one, "timestamp": said_at} for one in event["chat"]["messages"]]
        async with on_the_way(tmp_path / "first", clock, target={"crm": "scanned"}) as way:
            await way.post(event)
            await way.work()
            [client] = way.rows("clients")
            for number in range(4):
                await way.ask("POST", f"/clients/{client['id']}/notes", {"text": f"By hand {number}"})
            async with on_the_way(tmp_path / "second", clock, target={"url": way.crm.url, "crm": "scanned"}) as young:
                young.store.born_at = clock.time()
                await young.post(event)
                await to_the_end(young)

            assert len(way.rows("notes")) == 5

    async def test_a_list_that_was_not_seen_far_enough_leaves_it_to_a_person(self, tmp_path: Path) -> None:
        clock = FakeClock(datetime.now(UTC) + timedelta(days=3))  # the CRM's own times are the machine's
        mapping(tmp_path, "scanned", SCAN.replace("most: '9'", "most: '1'"))
        event = finished(1, clock)
        said_at = int(clock.time()) - 3 * 86400 - 600
        event["chat"]["messages"] = [{**one, "timestamp": said_at} for one in event["chat"]["messages"]]
        async with on_the_way(tmp_path, clock, target={"crm": "scanned"}) as way:
            client = await way.ask("POST", "/clients", {"name": "A", "phones": ["+79160000001"]})
            for number in range(4):
                await way.ask("POST", f"/clients/{client['id']}/notes", {"text": f"By hand {number}"})
            way.store.born_at = clock.time()
            await way.post(event)
            await to_the_end(way)
            assert await way.states() == [(JobState.HELD, "unknown_outcome")]
            assert len(way.rows("notes")) == 4

            await way.store.replay([1], again=True)
            await to_the_end(way)

            assert await way.states() == [(JobState.DONE, "found")]
            assert len(way.rows("notes")) == 5

    async def test_what_can_only_be_sent_again_to_be_seen_is_journalled_like_any_other(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        mapping(tmp_path, "keyed", CREATE_KEYED)
        async with on_the_way(tmp_path, clock, target={"crm": "keyed"}) as way:
            way.store.born_at = clock.time() + 1
            way.faults(drop_after_commit={"operation": "client.create", "times": 1}, index_lag=3000)
            await way.post(finished(1, clock))
            await way.work()
            [job] = await way.jobs()

            assert (await way.store.operations(job.id))[0].state is OperationState.SENT


SCAN = """
note:
  marker:
    kind: scan
    get: '/clients/{client.id}/notes'
    query:
      limit: '2'
      marker: ~
    pages:
      next: next_after
      into: query.after
      most: '9'
    text: text
    at: created_at
"""
CREATE_KEYED = """
create:
  json:
    external_id: ~
  marker:
    kind: header
    name: Idempotency-Key
    valid_for: 1h
    get: ~
    text: ~
    id: ~
"""


class TestPromisedWords:
    async def test_a_client_the_crm_named_was_not_chosen_by_a_person(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            made = await way.ask("POST", "/clients", {"name": "A", "phones": ["+7 (916) 000-00-01"]})
            way.faults(refuse_duplicates=True, index_lag=3000)
            await way.post(finished(1, clock))
            [outcome] = await way.work()

            [note] = way.rows("notes")
            assert str(note["client_id"]) == str(made["id"])
            assert "person chose" not in outcome.detail

    async def test_an_address_that_did_not_go_on_the_card_leads_nobody_there(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            await way.ask("POST", "/clients", {"phones": ["+79160000001"]})
            await way.post(finished(1, clock, text="мой номер +7 916 000-00-01, почта other@mail.ru", name="Злодей"))
            await way.work()
            await way.post(finished(2, clock, text="пишите на other@mail.ru", name="Злодей"))
            await way.work()

            assert len({note["client_id"] for note in way.rows("notes")}) == 2


NONE = "    get: ~\n    query: ~\n    records: ~\n    text: ~\n    of: ~\n    id: ~\n"
#: the ways in which a CRM lets a result be found again: for notes …
NOTES: dict[str, str] = {
    "external_id": """
note:
  json:
    external_id: '{marker}'
  marker:
    kind: external_id
    get: '/notes/external/{marker}'
    query: ~
    records: ~
    text: external_id
""",
    "conflict": f"""
errors:
  - status: 409
    then: conflict
note:
  json:
    code: '{{marker}}'
  marker:
    kind: conflict
    match: 'Existing ID: (?P<id>\\d+)'
{NONE}""",
    "field": "",
    "text": """
note:
  marker:
    kind: text
    query:
      q: '{marker}'
      marker: ~
    text: text
""",
    "scan": SCAN,
    "header": f"note:\n  marker:\n    kind: header\n    name: Idempotency-Key\n    valid_for: 1h\n{NONE}",
}
#: … and for clients
CLIENTS: dict[str, str] = {
    "external_id": "",
    "conflict": """
errors:
  - status: 409
    then: conflict
create:
  json:
    external_id: ~
    code: '{marker}'
  marker:
    kind: conflict
    match: 'Existing ID: (?P<id>\\d+)'
    get: ~
    text: ~
    id: ~
""",
    "field": """
create:
  json:
    external_id: ~
    marker: '{marker}'
  marker:
    kind: field
    get: /clients
    query:
      marker: '{marker}'
    records: items
    text: marker
    id: id
""",
    "text": """
create:
  json:
    external_id: ~
    description: '{marker}'
  marker:
    kind: text
    get: /clients
    query:
      q: '{marker}'
    records: items
    text: description
    id: id
""",
    "header": CREATE_KEYED,
}
LOST = ("drop_after_commit", "drop_before_commit", "broken_after_commit", "cut_answer")


class TestEveryMarker:
    @pytest.mark.parametrize("fault", LOST)
    @pytest.mark.parametrize("kind", NOTES)
    async def test_a_note_whose_answer_was_lost_is_written_once(
        self, tmp_path: Path, clock: FakeClock, kind: str, fault: str
    ) -> None:
        mapping(tmp_path, "marked", NOTES[kind])
        async with on_the_way(tmp_path, clock, target={"crm": "marked"}) as way:
            way.faults(**{fault: {"operation": "note.create", "times": 2}})
            await way.post(finished(1, clock))

            await to_the_end(way)

            assert await way.states() == [(JobState.DONE, "new")]
            assert len(way.rows("clients")) == len(way.rows("notes")) == 1

    @pytest.mark.parametrize("fault", LOST)
    @pytest.mark.parametrize("kind", CLIENTS)
    async def test_a_client_whose_answer_was_lost_is_made_once(
        self, tmp_path: Path, clock: FakeClock, kind: str, fault: str
    ) -> None:
        mapping(tmp_path, "marked", CLIENTS[kind])
        async with on_the_way(tmp_path, clock, target={"crm": "marked"}) as way:
            way.faults(**{fault: {"operation": "client.create", "times": 2}})
            for chat in (1, 2):
                await way.post(finished(1, clock, chat_id=chat))

            await to_the_end(way)

            assert {state for state, _ in await way.states()} == {JobState.DONE}
            assert len(way.rows("clients")) == 1
            assert len({note["client_id"] for note in way.rows("notes")}) == 1
            assert len(way.rows("notes")) == 2

    async def test_a_key_the_crm_may_have_forgotten_leaves_it_to_a_person(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "marked", NOTES["header"])
        async with on_the_way(tmp_path, clock, target={"crm": "marked"}) as way:
            way.faults(drop_after_commit={"operation": "note.create", "times": 1})
            await way.post(finished(1, clock))
            await way.work()
            await clock.advance(3600)

            await way.work()

            assert await way.states() == [(JobState.HELD, "unknown_outcome")]
            assert len(way.rows("notes")) == 1

    async def test_a_look_that_sends_and_is_refused_was_not_carried_out(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "marked", CREATE_KEYED)
        async with on_the_way(tmp_path, clock, target={"crm": "marked"}) as way:
            way.faults(drop_before_commit={"operation": "client.create", "times": 1})
            await way.post(finished(1, clock))
            await way.work()
            made = await way.ask("POST", "/clients", {"phones": ["+7 916 000-00-01"]})
            way.faults(refuse_duplicates=True)

            await to_the_end(way)

            assert await way.states() == [(JobState.DONE, "found")]
            assert [str(note["client_id"]) for note in way.rows("notes")] == [str(made["id"])]


class TestUnknownOutcome:
    """A CRM that offers no way to look."""

    BLIND = f"note:\n  marker:\n    kind: none\n{NONE}"

    async def blind(self, way: Way, clock: FakeClock, fault: str) -> None:
        way.faults(**{fault: {"operation": "note.create", "times": 1}})
        await way.post(finished(1, clock))
        await to_the_end(way)

    async def test_it_is_held_and_nothing_is_sent_again(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "blind", self.BLIND)
        async with on_the_way(tmp_path, clock, target={"crm": "blind"}) as way:
            await self.blind(way, clock, "drop_before_commit")

            assert await way.states() == [(JobState.HELD, "unknown_outcome")]
            assert way.rows("notes") == []

    async def test_a_person_says_that_it_was_written(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "blind", self.BLIND)
        async with on_the_way(tmp_path, clock, target={"crm": "blind"}) as way:
            await self.blind(way, clock, "drop_after_commit")
            [job] = await way.jobs()
            [note] = way.rows("notes")

            assert await way.store.written(job.id, str(note["id"]))
            await way.work()

            assert await way.states() == [(JobState.DONE, "new")]
            assert len(way.rows("notes")) == 1

    async def test_a_person_has_it_written_again(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "blind", self.BLIND)
        async with on_the_way(tmp_path, clock, target={"crm": "blind"}) as way:
            await self.blind(way, clock, "drop_before_commit")
            [job] = await way.jobs()

            await way.store.replay([job.id], again=True)
            await way.work()

            assert (await way.states())[0][0] is JobState.DONE
            assert len(way.rows("clients")) == len(way.rows("notes")) == 1

    async def test_where_the_integrator_chose_repeat_it_is_sent_again(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "blind", self.BLIND)
        async with on_the_way(tmp_path, clock, target={"crm": "blind", "unknown_outcome": "repeat"}) as way:
            await self.blind(way, clock, "drop_after_commit")

            assert await way.states() == [(JobState.DONE, "new")]
            assert len(way.rows("notes")) == 2

    async def test_the_next_chat_of_the_person_waits_for_the_one_that_a_person_has_to_settle(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        mapping(tmp_path, "blind", "create:\n  marker:\n    kind: none\n    get: ~\n    text: ~\n    id: ~\n")
        async with on_the_way(tmp_path, clock, target={"crm": "blind"}) as way:
            way.faults(drop_after_commit={"operation": "client.create", "times": 1}, index_lag=3000)
            for chat in (1, 2):
                await way.post(finished(1, clock, chat_id=chat))
            for _ in range(9):
                await way.work()
                await clock.advance(61)
            (first, reason), (second, _) = await way.states()
            assert (first, reason, second) == (JobState.HELD, "unknown_outcome", JobState.WAITING)

            [client] = way.rows("clients")
            assert await way.store.written((await way.jobs())[0].id, str(client["id"]))
            await to_the_end(way)

            assert {state for state, _ in await way.states()} == {JobState.DONE}
            assert len(way.rows("clients")) == 1
            assert len(way.rows("notes")) == 2


    async def test_a_chat_of_a_person_whom_a_skipped_job_has_perhaps_made_is_held_with_the_way_out(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        mapping(tmp_path, "blind", "create:\n  marker:\n    kind: none\n    get: ~\n    text: ~\n    id: ~\n")
        async with on_the_way(tmp_path, clock, target={"crm": "blind"}) as way:
            way.faults(drop_after_commit={"operation": "client.create", "times": 1}, index_lag=3000)
            await way.post(finished(1, clock, chat_id=1))
            await to_the_end(way)
            [first] = await way.jobs()
            await way.store.skip([first.id], "not needed")
            await way.post(finished(1, clock, chat_id=2))
            await to_the_end(way)
            second = (await way.jobs())[1]
            assert (second.state, second.reason) == (JobState.HELD, "left_open")
            assert f"replay job {first.id} with --again" in second.detail

            [client] = way.rows("clients")
            await way.store.choose(second.id, str(client["id"]))
            await to_the_end(way)

            assert (await way.states())[1][0] is JobState.DONE
            assert len(way.rows("clients")) == len(way.rows("notes")) == 1


class TestDealsAndTasks:
    @pytest.mark.parametrize(("deal", "deals"), [("none", 0), ("if_none_open", 1), ("new_client", 1), ("always", 2)])
    async def test_two_chats_of_a_new_person(self, tmp_path: Path, clock: FakeClock, deal: str, deals: int) -> None:
        async with on_the_way(tmp_path, clock, target={"deal": deal, "pipeline": "Site", "stage": "New"}) as way:
            for chat in (1, 2):
                await way.post(finished(1, clock, chat_id=chat))
                await way.work()

            assert len(way.rows("deals")) == deals
            assert {(one["pipeline"], one["stage"]) for one in way.rows("deals")} <= {("Site", "New")}

    async def test_a_deal_whose_answer_was_lost_is_made_once(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock, target={"deal": "always"}) as way:
            way.faults(drop_after_commit={"operation": "deal.create", "times": 1})
            await way.post(finished(1, clock))

            await to_the_end(way)

            assert (await way.states()) == [(JobState.DONE, "new")]
            assert len(way.rows("deals")) == 1

    async def test_a_deal_that_the_next_chat_has_opened_meanwhile_is_enough(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock, target={"deal": "if_none_open"}) as way:
            way.faults(drop_after_commit={"operation": "client.create", "times": 1})
            await way.post(finished(1, clock, chat_id=1))
            await way.work()
            await way.post(finished(1, clock, chat_id=2))
            await way.work()

            await to_the_end(way)

            assert {state for state, _ in await way.states()} == {JobState.DONE}
            assert len(way.rows("deals")) == len(way.rows("clients")) == 1

    async def test_a_note_can_hang_on_the_deal_that_the_same_chat_opens(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock, target={"deal": "if_none_open", "note_on": "open_deal"}) as way:
            await way.post(finished(1, clock))
            await way.work()

            assert [note["deal_id"] for note in way.rows("notes")] == [deal["id"] for deal in way.rows("deals")]

    @pytest.mark.parametrize(("missed", "tasks"), [("task", 1), ("none", 0)])
    async def test_a_chat_that_nobody_answered(self, tmp_path: Path, clock: FakeClock, missed: str, tasks: int) -> None:
        async with on_the_way(tmp_path, clock, target={"missed": missed}) as way:
            event = finished(1, clock)
            event["chat"]["messages"] = [one for one in event["chat"]["messages"] if one["type"] == "visitor"]
            await way.post(event)
            await way.work()

            assert len(way.rows("tasks")) == tasks
            assert len(way.rows("notes")) == 1

    async def test_a_new_client_belongs_to_the_operator_and_a_known_one_to_whom_it_did(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        async with on_the_way(tmp_path, clock) as way:
            operator = await way.ask("POST", "/owners", {"name": "Op", "email": "Agent@shop.example"})
            other = await way.ask("POST", "/owners", {"name": "Other", "email": "other@shop.example"})
            await way.ask("POST", "/clients", {"phones": ["+79160000002"], "owner_id": other["id"]})
            await way.post(finished(1, clock))
            await way.post(finished(2, clock))
            await way.work()

            owners = {client["phones"]: str(client["owner_id"]) for client in way.rows("clients")}
            assert owners == {'["+79160000001"]': str(operator["id"]), '["+79160000002"]': str(other["id"])}


class TestWhoseChatItIs:
    async def test_a_client_that_the_crm_takes_for_the_same_wrongly_is_not_touched(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        mapping(tmp_path, "hidden", "client:\n  phones: ~\n")  # its own fields do not show what the CRM compared
        async with on_the_way(tmp_path, clock, target={"crm": "hidden"}) as way:
            await way.ask("POST", "/clients", {"name": "Namesake", "phones": ["+79160000001"]})
            way.faults(refuse_duplicates=True)
            await way.post(finished(1, clock))
            await way.work()

            namesake, made = way.rows("clients")
            assert [note["client_id"] for note in way.rows("notes")] == [made["id"]]
            assert namesake["name"] == "Namesake"

    @pytest.mark.parametrize(("conflict", "taken"), [("phone", 0), ("email", 1), ("hold", None)])
    async def test_phone_and_address_of_two_clients(
        self, tmp_path: Path, clock: FakeClock, conflict: str, taken: int | None
    ) -> None:
        async with on_the_way(tmp_path, clock, target={"conflict": conflict}) as way:
            cards = [
                await way.ask("POST", "/clients", {"name": "A", "phones": ["+79160000001"]}),
                await way.ask("POST", "/clients", {"name": "B", "emails": ["anna@mail.ru"]}),
            ]
            await way.post(finished(1, clock, text="мой номер +7 916 000-00-01, почта anna@mail.ru"))
            [outcome] = await way.work()

            if taken is None:
                assert (outcome.state, outcome.reason) == (JobState.HELD, "ambiguous")
                assert way.rows("notes") == []
            else:
                assert [str(note["client_id"]) for note in way.rows("notes")] == [str(cards[taken]["id"])]
            assert [len(client["emails"]) + len(client["phones"]) for client in way.rows("clients")] == [18, 18]

    async def test_a_person_goes_before_the_company_with_the_same_phone(self, tmp_path: Path, clock: FakeClock) -> None:
        company = """
client:
  entity: "choose(company, 'company', 'client')"
entities:
  company: {}
"""
        mapping(tmp_path, "firms", company)
        async with on_the_way(tmp_path, clock, target={"crm": "firms"}) as way:
            person = await way.ask("POST", "/clients", {"name": "Anna", "phones": ["+79160000001"]})
            await way.ask("POST", "/clients", {"name": "Firm", "company": "Firm", "phones": ["+79160000001"]})
            await way.post(finished(1, clock))
            await way.work()

            assert [str(note["client_id"]) for note in way.rows("notes")] == [str(person["id"])]


SHORT = "note:\n  max:\n    characters: 600\n"
LONG = tuple(f"Вопрос {number}: {'подробности ' * 15}" for number in range(8))


class TestParts:
    async def test_a_fault_between_parts_leaves_each_part_once_and_in_order(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "short", SHORT)
        async with on_the_way(tmp_path, clock, target={"crm": "short"}) as way:
            way.faults(broken_after_commit={"operation": "note.create", "probability": 0.5}, seed=3)
            await way.post(finished(1, clock, extra=LONG))
            await way.work()
            assert (await way.states())[0][0] is not JobState.DONE
            way.faults()

            await to_the_end(way)

            texts = [note["text"] for note in way.rows("notes")]
            assert await way.states() == [(JobState.DONE, "new")]
            assert len(texts) > 3
            told = [text.partition(":")[0] for text in "\n".join(texts).split("Вопрос ")[1:]]
            assert sorted(set(told), key=int) == told

    async def test_what_is_said_while_the_parts_are_written_comes_after_them_and_once(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        mapping(tmp_path, "short", SHORT)
        async with on_the_way(tmp_path, clock, target={"crm": "short"}) as way:
            way.faults(drop_after_commit={"operation": "note.create", "times": 1})
            first = finished(1, clock, extra=LONG)
            await way.post(first)
            await way.work()
            again = json.loads(json.dumps(first))
            again["chat"]["messages"].append({**first["chat"]["messages"][-1], "message": "И ещё одно"})
            await way.post(again)

            await to_the_end(way)

            assert await way.states() == [(JobState.DONE, "new"), (JobState.DONE, "found")]
            texts = [note["text"] for note in way.rows("notes")]
            assert sum("И ещё одно" in text for text in texts) == 1
            assert "И ещё одно" in texts[-1]
            assert sum("Вопрос 0:" in text for text in texts) == 1


class TestReplay:
    async def test_a_replay_doubles_nothing_that_is_done(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock, target={"deal": "always"}) as way:
            await way.post(finished(1, clock))
            await way.work()
            [job] = await way.jobs()

            await way.store.replay([job.id])
            await way.work()

            assert (await way.states())[0][0] is JobState.DONE
            assert [len(way.rows(table)) for table in ("clients", "notes", "deals")] == [1, 1, 1]

    async def test_again_writes_a_second_note_on_the_same_client(self, tmp_path: Path, clock: FakeClock) -> None:
        async with on_the_way(tmp_path, clock) as way:
            await way.post(finished(1, clock))
            await way.work()
            [job] = await way.jobs()

            await way.store.replay([job.id], again=True)
            await way.work()

            assert len(way.rows("clients")) == 1
            first, second = way.rows("notes")
            assert first["marker"] != second["marker"]
            assert first["client_id"] == second["client_id"]

    async def test_a_refused_note_is_written_once_the_reason_is_gone(self, tmp_path: Path, clock: FakeClock) -> None:
        mapping(tmp_path, "wrong", "note:\n  json:\n    no_such_field: x\n")
        async with on_the_way(tmp_path, clock, target={"crm": "wrong"}) as way:
            await way.post(finished(1, clock))
            [outcome] = await way.work()
            assert (outcome.state, outcome.reason) == (JobState.DEAD, "crm_rejected")
            mapping(tmp_path, "wrong", "")
            await way.change_target(crm="wrong")
            [job] = await way.jobs()

            await way.store.replay([job.id])
            await way.work()

            assert len(way.rows("clients")) == len(way.rows("notes")) == 1


# -- the figures -------------------------------------------------------------------------------------------------------


async def counted(way: Way, name: str = "chats") -> int:
    sums = await way.store.reading().reports.sums("day", date(2000, 1, 1), date(2099, 1, 1))
    return sum(one.counts[name] for one in sums)


async def test_a_chat_counts_once_when_it_is_written_told_and_sent_round_again(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(finished(1, clock))
        assert await counted(way) == 0
        await way.work()
        assert [await counted(way, name) for name in ("chats", "new_clients", "contact")] == [1, 1, 1]
        await way.post(finished(1, clock))
        await way.work()
        [job, *_] = await way.jobs()
        await way.store.replay([job.id], again=True)
        await way.work()
        assert [await counted(way, name) for name in ("chats", "new_clients", "known_clients", "contact")] == [1, 1, 0, 1]


async def test_a_chat_counts_while_its_crm_is_in_trouble_and_not_again_afterwards(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        way.faults(broken={"operation": "note.create", "times": 1, "status": 500})
        await way.post(finished(1, clock))
        await way.work()
        assert [state for state, _ in await way.states()] != [JobState.DONE]
        assert [await counted(way, name) for name in ("chats", "new_clients")] == [1, 1]
        await clock.advance(10)
        await way.work()
        assert await way.states() == [(JobState.DONE, "new")]
        assert [await counted(way, name) for name in ("chats", "new_clients")] == [1, 1]


async def test_a_chat_that_a_route_ignores_does_not_count(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"ignore": "channel == 'site'"}) as way:
        await way.post(finished(1, clock))
        await way.work()
        assert ([reason for _, reason in await way.states()], await counted(way)) == (["ignored"], 0)
