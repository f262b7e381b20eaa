"""Several jobs of one chat, sent round by people in whatever order, and what was given up half done: each line is told once."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.model import JobState
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


def refused(folder: Path) -> str:
    """A mapping whose notes the CRM refuses; gives its name."""
    place = folder / "mappings" / "crms"
    place.mkdir(parents=True)
    text = "mapping_language: 1\nextends: sandbox\nnote:\n  json:\n    format: no such format\n"
    (place / "refused.yaml").write_text(text, encoding="utf-8")
    return "refused"


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
        assert len(way.rows("deals")) == 1

        await over(way)

        assert {state for state, _ in await way.states()} == {JobState.DONE}
        assert len(way.rows("deals")) == len(way.rows("clients")) == 1
        assert len(way.rows("notes")) == 2


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
