"""Several jobs of one chat, sent round by people in whatever order, and what was given up half done: each line is told once."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.model import JobState, OperationKind
from bridge.store import Keep

DAY = 86_400.0


async def over(way: Way) -> None:
    """Work and let time pass until nothing is on its way."""
    for _ in range(60):
        await way.work()
        if not any(state in {JobState.PENDING, JobState.RETRYING, JobState.WAITING} for state, _ in await way.states()):
            return
        await way.clock.advance(20)
    pytest.fail(f"not over: {await way.states()}")


def first_and_more() -> tuple[dict[str, Any], dict[str, Any]]:
    """A chat as it ended, and as it ended again."""
    first = finished(1, text="Мой номер +79160000001")
    more = deepcopy(first)
    messages = more["chat"]["messages"]
    messages.append({**messages[0], "message": "А гарантия?", "timestamp": messages[-1]["timestamp"] + 60})
    return first, more


#: no marker, and nothing to ask by
BLIND_DEALS = """\
  marker:
    kind: none
    get: ~
    query: ~
    records: ~
    text: ~
    of: ~
    id: ~
"""


def mapping(folder: Path, name: str, changes: str) -> str:
    """The sandbox's mapping with changes; gives its name."""
    place = folder / "mappings" / "crms"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.yaml").write_text(f"mapping_language: 1\nextends: sandbox\n{changes}", encoding="utf-8")
    return name


def refused(folder: Path) -> str:
    """A mapping whose notes the CRM refuses; gives its name."""
    return mapping(folder, "refused", "note:\n  json:\n    format: no such format\n")


def told(way: Way) -> str:
    return "\n".join(note["text"] for note in way.rows("notes"))


async def one_that_was_superseded_by_one_whose_note_may_be_there(way: Way) -> None:
    """Job 1 has written nothing; job 2 has sent the note of both, and the answer was lost."""
    for event in first_and_more():
        await way.post(event)
    way.faults(drop_after_commit={"times": 1, "operation": "note.create"}, index_lag=3600)
    await way.work(1)
    assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.RETRYING]
    assert len(way.rows("notes")) == 1


async def test_an_older_job_is_not_sent_round_while_a_later_one_writes_the_chat(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await one_that_was_superseded_by_one_whose_note_may_be_there(way)

        assert await way.store.replay([1]) == []
        assert await way.store.replay([1], again=True) == []

        way.faults()
        await over(way)
        assert await way.store.replay([1]) == [1]
        await over(way)
        assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.DONE]
        assert len(way.rows("notes")) == 1


async def test_whoever_comes_first_what_another_job_has_sent_is_settled_and_not_sent_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Even if both got into the lane: one marker is sent by one of them."""
    async with on_the_way(tmp_path, clock) as way:
        await one_that_was_superseded_by_one_whose_note_may_be_there(way)
        way.store._writer._connection.execute(  # type: ignore[attr-defined]
            "UPDATE jobs SET state = 'pending', reason = '' WHERE id = 1")  # fmt: skip

        await way.work(1)
        assert [(one.state, one.reason) for one in way.outcomes[-1:]] == [(JobState.WAITING, "settling")]

        way.faults()
        await over(way)
        assert len(way.rows("notes")) == len(way.rows("clients")) == 1
        assert {state for state, _ in await way.states()} <= {JobState.DONE, JobState.SKIPPED}


async def test_what_a_later_job_has_told_is_not_told_again_by_one_that_was_given_up(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"crm": refused(tmp_path)}) as way:
        first, more = first_and_more()
        await way.post(first)
        await over(way)
        assert [state for state, _ in await way.states()] == [JobState.DEAD]
        await way.change_target(crm="sandbox")
        await way.post(more)
        await over(way)
        assert len(way.rows("notes")) == 1

        await way.store.replay([1])
        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.DONE, JobState.DONE]
        assert (told(way).count("Мой номер"), told(way).count("А гарантия?")) == (1, 1)


async def test_a_job_that_was_given_up_and_told_by_nobody_is_told_when_it_is_sent_round(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"crm": refused(tmp_path), "note_on": "both", "deal": "always"}) as way:
        await way.post(finished(1, text="Мой номер +79160000001"))
        await over(way)
        assert [state for state, _ in await way.states()] == [JobState.DEAD]
        await way.change_target(crm="sandbox")

        await way.store.replay([1])
        await over(way)

        # on the client and on the deal
        assert len(way.rows("notes")) == 2
        assert len(way.rows("deals")) == 1


async def test_a_deal_that_was_never_made_is_not_made_beside_one_that_was_opened_meanwhile(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with on_the_way(tmp_path, clock, target={"deal": "if_none_open"}) as way:
        way.faults(drop_before_commit={"times": 1, "operation": "deal.create"})
        await way.post(finished(1, phone="+79160000001"))
        await way.work(1)
        assert way.rows("deals") == []
        await way.post(finished(2, phone="+79160000001"))
        await way.work(1)
        assert (way.outcomes[-1].state, way.outcomes[-1].reason) == (JobState.WAITING, "settling")
        assert way.rows("deals") == []

        await over(way)

        assert {state for state, _ in await way.states()} == {JobState.DONE}
        assert len(way.rows("deals")) == len(way.rows("clients")) == 1
        assert len(way.rows("notes")) == 2


async def lands_late(way: Way) -> None:
    """The deal of job 1, whose request got no answer, as the CRM carries it out in the end."""
    job, [client] = await way.store.job(1), way.rows("clients")
    assert job is not None
    assert job.plan is not None
    [deal] = [one for one in job.plan.operations if one.kind is OperationKind.DEAL]
    await way.ask("POST", f"/clients/{client['id']}/deals", {"title": "late", "marker": deal.marker})


@pytest.mark.parametrize("marker", ["", BLIND_DEALS], ids=["a CRM that can be asked", "one that offers no way to look"])
async def test_a_deal_that_lands_late_is_the_only_one_although_another_chat_of_the_client_came_before_it(
    tmp_path: Path, clock: FakeClock, marker: str
) -> None:
    crm = mapping(tmp_path, "deals", f"deal:\n{marker}") if marker else "sandbox"
    async with on_the_way(tmp_path, clock, target={"deal": "if_none_open", "crm": crm}) as way:
        way.faults(drop_before_commit={"times": 1, "operation": "deal.create"})
        await way.post(finished(1, phone="+79160000001"))
        await way.work(1)
        await way.post(finished(2, phone="+79160000001"))
        await way.work(1)
        await clock.advance(30)
        await lands_late(way)

        await over(way)

        # what became of its own request is a person's to say; the other chat needs no more than the CRM's list
        assert [state for state, _ in await way.states()] == [JobState.HELD if marker else JobState.DONE, JobState.DONE]
        assert [deal["title"] for deal in way.rows("deals")] == ["late"]
        assert len(way.rows("notes")) == 2


async def test_where_nobody_can_look_the_next_chat_opens_the_deal_that_never_came(tmp_path: Path, clock: FakeClock) -> None:
    crm = mapping(tmp_path, "deals", f"deal:\n{BLIND_DEALS}")
    async with on_the_way(tmp_path, clock, target={"deal": "if_none_open", "crm": crm}) as way:
        way.faults(drop_before_commit={"times": 1, "operation": "deal.create"})
        for number in (1, 2):
            await way.post(finished(number, phone="+79160000001"))
            await way.work(1)
        await over(way)
        assert [state for state, _ in await way.states()] == [JobState.HELD, JobState.DONE]
        assert len(way.rows("deals")) == 1

        await way.store.replay([1], again=True)
        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.DONE, JobState.DONE]
        assert len(way.rows("deals")) == 1


async def test_a_deal_that_no_list_shows_yet_is_open_all_the_same(tmp_path: Path, clock: FakeClock) -> None:
    listed = "open_deals:\n  get: /deals\n  query:\n    client_id: '{client.id}'\n    open: 'true'\n"
    crm = mapping(tmp_path, "lagging", listed)
    async with on_the_way(tmp_path, clock, target={"deal": "if_none_open", "crm": crm, "note_on": "both"}) as way:
        way.faults(index_lag=3600)
        for number in (1, 2):
            await way.post(finished(number, phone="+79160000001"))
            await way.work(1)

        assert {state for state, _ in await way.states()} == {JobState.DONE}
        [deal] = way.rows("deals")
        assert [note["deal_id"] for note in way.rows("notes")].count(deal["id"]) == 2


@pytest.mark.parametrize("fault", ["drop_after_commit", "drop_before_commit"])
async def test_what_a_job_that_was_left_out_has_perhaps_told_is_found_out_before_the_chat_is_told_on(
    tmp_path: Path, clock: FakeClock, fault: str
) -> None:
    async with on_the_way(tmp_path, clock) as way:
        first, more = first_and_more()
        way.faults(**{fault: {"times": 1, "operation": "note.create"}}, index_lag=3600)
        await way.post(first)
        await way.work(1)
        assert await way.store.skip([1], "by hand") == [1]
        await way.post(more)
        await way.work(1)
        assert (way.outcomes[-1].state, way.outcomes[-1].reason) == (JobState.WAITING, "settling")
        way.faults()

        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.DONE]
        assert (told(way).count("Мой номер"), told(way).count("А гарантия?")) == (1, 1)


BLIND_NOTES = f"note:\n{BLIND_DEALS}"


@pytest.mark.parametrize("there", [True, False], ids=["it is there", "it is not"])
async def test_where_nobody_can_look_a_person_says_what_the_job_that_was_left_out_has_told(
    tmp_path: Path, clock: FakeClock, there: bool
) -> None:
    async with on_the_way(tmp_path, clock, target={"crm": mapping(tmp_path, "blind", BLIND_NOTES)}) as way:
        first, more = first_and_more()
        way.faults(**{f"drop_{'after' if there else 'before'}_commit": {"times": 1, "operation": "note.create"}})
        await way.post(first)
        await over(way)
        await way.store.skip([1], "by hand")
        await way.post(more)
        await over(way)
        assert await way.states() == [(JobState.SKIPPED, "by hand"), (JobState.HELD, "left_open")]
        detail = (await way.jobs())[1].detail
        assert "say `written` of job 1; if not, replay job 1 with --again" in detail

        if there:
            assert await way.store.written(1, "7")
        else:
            assert await way.store.replay([1], again=True) == [1]
        await over(way)
        await way.store.replay([2])
        await over(way)

        assert {state for state, _ in await way.states()} <= {JobState.DONE, JobState.SKIPPED}
        assert (told(way).count("Мой номер"), told(way).count("А гарантия?")) == (1, 1)


async def test_who_wants_all_of_it_written_again_is_not_asked_once_more(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, target={"crm": mapping(tmp_path, "blind", BLIND_NOTES)}) as way:
        first, more = first_and_more()
        way.faults(drop_before_commit={"times": 1, "operation": "note.create"})
        await way.post(first)
        await over(way)
        await way.store.skip([1], "by hand")
        await way.post(more)
        await over(way)
        await way.store.replay([2], again=True)
        await over(way)
        assert (told(way).count("Мой номер"), told(way).count("А гарантия?")) == (1, 1)

        last = deepcopy(more)
        messages = last["chat"]["messages"]
        messages.append({**messages[-1], "message": "Спасибо", "timestamp": messages[-1]["timestamp"] + 60})
        await way.post(last)
        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.DONE, JobState.DONE]
        assert (told(way).count("Мой номер"), told(way).count("Спасибо")) == (1, 1)


async def test_whoever_chose_that_it_is_repeated_waits_for_no_person(tmp_path: Path, clock: FakeClock) -> None:
    target = {"crm": mapping(tmp_path, "blind", BLIND_NOTES), "unknown_outcome": "repeat"}
    async with on_the_way(tmp_path, clock, target=target) as way:
        first, more = first_and_more()
        way.faults(drop_before_commit={"times": 1, "operation": "note.create"})
        await way.post(first)
        await way.work(1)
        await way.store.skip([1], "by hand")
        await way.post(more)

        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.DONE]
        assert (told(way).count("Мой номер"), told(way).count("А гарантия?")) == (1, 1)


async def test_a_client_that_was_perhaps_made_long_ago_holds_nobody_up_for_ever(tmp_path: Path, clock: FakeClock) -> None:
    """A person left the chat out, retention emptied it: nobody can look for that client any more, and the search shows it."""
    async with on_the_way(tmp_path, clock) as way:
        way.faults(drop_after_commit={"times": 1, "operation": "client.create"}, index_lag=3600)
        await way.post(finished(1, phone="+79160000001"))
        await way.work(1)
        await way.store.skip([1], "by hand")
        await clock.advance(2 * DAY)
        since = clock.time() - DAY
        while await way.store.prune(Keep(raw_since=since, chats_since=since, keys_since=0.0), 100):
            pass
        way.faults()

        await way.post(finished(2, phone="+79160000001"))
        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.DONE]
        assert len(way.rows("clients")) == len(way.rows("notes")) == 1


async def test_nor_does_a_note_of_a_chat_that_was_emptied_since(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        first, more = first_and_more()
        way.faults(drop_before_commit={"times": 1, "operation": "note.create"})
        await way.post(first)
        await way.work(1)
        await way.store.skip([1], "by hand")
        await clock.advance(2 * DAY)
        since = clock.time() - DAY
        while await way.store.prune(Keep(raw_since=since, chats_since=since, keys_since=0.0), 100):
            pass

        await way.post(more)
        await over(way)

        assert [state for state, _ in await way.states()] == [JobState.SKIPPED, JobState.DONE]
        assert (told(way).count("Мой номер"), told(way).count("А гарантия?")) == (1, 1)


@pytest.mark.parametrize("at", [None, "2026-11-21T08:00:00Z"], ids=["without a time", "with one"])
async def test_a_lost_store_tells_nothing_again_whether_a_chat_says_when_it_was_or_not(
    tmp_path: Path, clock: FakeClock, at: str | None
) -> None:
    said = {"from": "visitor", "text": "Мой номер +79160000001"} | ({"at": at} if at else {})
    event = {"type": "chat.finished", "data": {"id": "c1", "visitor": {"id": "v1"}, "messages": [said]}}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    async with on_the_way(tmp_path / "first", clock, source={"provider": "generic"}) as way:
        await way.post(event)
        await over(way)
        target = {"url": way.crm.url}
        async with on_the_way(tmp_path / "second", clock, source={"provider": "generic"}, target=target) as young:
            young.store.born_at = clock.time()
            await young.post(event)
            await over(young)

        assert len(way.rows("clients")) == len(way.rows("notes")) == 1
