"""What becomes of a stored plan, whatever happens on the way, with a real store and a real CRM; the clock is the test's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import FakeClock
from way import Way, finished, mapping, on_the_way, to_the_end

from bridge.model import JobState, OperationState


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


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
