"""What happens to a chat, decision by decision, with a real store and a real CRM; the clock is the test's."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from way import Way, finished, mapping, on_the_way

from bridge.extract import point_typed
from bridge.model import Correction, JobState, OperationState
from bridge.pipeline import case as case_module
from bridge.pipeline.case import Case
from bridge.pipeline.recognise import Recogniser
from bridge.sandbox.refusals import Missing


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_a_new_person_becomes_a_client_with_a_note(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(finished(1, clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "new")
        [client] = way.rows("clients")
        [note] = way.rows("notes")
        assert client["phones"] == '["+79160000001"]'
        assert note["client_id"] == client["id"]


async def test_attempts_that_are_begun_together_take_each_step_together(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def told(of: Any, name: str) -> None:
        does = getattr(of, name)

        def tell(*args: Any, **more: Any) -> Any:
            steps.append(name)
            return does(*args, **more)

        monkeypatch.setattr(of, name, tell)

    for of, name in ((case_module, "contact_points"), (Case, "tally"), (Recogniser, "recognise")):
        told(of, name)
    async with on_the_way(tmp_path, clock) as way:
        for number in (1, 2, 3):
            await way.post(finished(number, clock))

        assert {outcome.state for outcome in await way.work()} == {JobState.DONE}

    assert steps == ["contact_points"] * 3 + ["tally"] * 3 + ["recognise"] * 3


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
