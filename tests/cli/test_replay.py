from __future__ import annotations

from datetime import UTC, datetime

import pytest
from place import Place
from store_materials import claim, end, finish_chat, plan_of

from bridge.model import Delivery, JobState, OperationKind, OperationState
from bridge.store import Sorted, Store

NOW = datetime.now(UTC)


@pytest.fixture
def dead(place: Place) -> Place:
    """Jobs 1 and 2 are dead, job 3 was rehearsed."""

    async def make(store: Store) -> None:
        for number in range(1, 4):
            await finish_chat(store, NOW, str(number))
        one, two, three = sorted(await claim(store), key=lambda job: job.id)
        await end(store, one, JobState.DEAD, "crm_rejected")
        await end(store, two, JobState.DEAD, "crm_rejected")
        await end(store, three, JobState.SKIPPED, "rehearsed")

    place.on_store(make)
    return place


def states(place: Place) -> dict[int, str]:
    return {row["id"]: row["state"] for row in place.json("jobs", "--json")}


def test_a_named_job_is_sent_round_at_once(dead: Place) -> None:
    done = dead.run("replay", "1")
    assert done.exit_code == 0, done.output
    assert "1 job(s)" in done.stdout
    assert states(dead) == {1: "pending", 2: "dead", 3: "skipped"}


def test_a_group_is_counted_first_and_then_sent_round(dead: Place) -> None:
    done = dead.run("replay", "--state", "dead", "--yes")
    assert done.exit_code == 0, done.output
    assert "2  sales: dead, the CRM refuses what was written" in done.stdout
    assert states(dead) == {1: "pending", 2: "pending", 3: "skipped"}


def test_a_group_is_not_sent_round_where_nobody_can_be_asked(dead: Place) -> None:
    done = dead.run("replay", "--state", "dead")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert states(dead) == {1: "dead", 2: "dead", 3: "skipped"}


def test_what_a_rehearsal_left_is_a_group_of_its_own(dead: Place) -> None:
    assert dead.run("replay", "--state", "rehearsed", "--yes").exit_code == 0
    assert states(dead) == {1: "dead", 2: "dead", 3: "pending"}


def test_a_target_that_still_rehearses_is_pointed_out(dead: Place) -> None:
    dead.config["targets"]["sales"]["mode"] = "rehearse"
    dead.write()
    assert "mode: write" in dead.run("replay", "--state", "rehearsed", "--yes").stdout


def test_a_slip_in_the_name_of_a_target_is_no_success(dead: Place) -> None:
    done = dead.run("replay", "--state", "dead", "--target", "salse", "--yes")
    assert done.exit_code == 2
    assert "The configuration has no target 'salse' (did you mean sales?); it has: " in done.stderr


def test_jobs_and_a_group_at_once_are_refused(dead: Place) -> None:
    for arguments in (["1", "--state", "dead"], [], ["1", "--target", "sales"]):
        assert dead.run("replay", *arguments).exit_code == 2


def test_a_job_that_does_not_exist_stops_all_of_it(dead: Place) -> None:
    done = dead.run("replay", "1", "99")
    assert done.exit_code == 2
    assert "no job 99" in done.stderr
    assert states(dead)[1] == "dead"


def test_again_says_what_is_already_there_and_asks(place: Place) -> None:
    async def make(store: Store) -> None:
        await finish_chat(store, NOW, "1")
        [job] = await claim(store)
        [note] = await store.record_plan(job, plan_of(OperationKind.NOTE))
        sent = await store.record_sent(note, epoch=job.epoch)
        await store.settle(sent, OperationState.DONE, record_id="83", message_keys=("m1",))
        await end(store, job, JobState.DONE, "found")

    place.on_store(make)
    done = place.run("replay", "1", "--again")
    assert done.exit_code == 2
    assert "note 1 is in the CRM as 83 and would be there twice" in done.stdout
    assert place.run("replay", "1", "--again", "--yes").exit_code == 0
    assert place.json("show", "1", "--json")["generation"] == 1


def test_a_job_that_is_being_worked_on_is_left_and_the_exit_code_says_so(place: Place) -> None:
    async def make(store: Store) -> None:
        await finish_chat(store, NOW, "1")
        await claim(store)

    place.on_store(make)
    done = place.run("replay", "1")
    assert done.exit_code == 1
    assert "Try again in a minute" in done.stderr


def unread(place: Place, source: str = "shop") -> None:
    async def come(store: Store) -> None:
        delivery = Delivery(source=source, dedupe_key="k", received_at=datetime.now(UTC), body=b"{}")
        accepted = await store.accept(delivery)
        await store.record_sorted([Sorted(delivery=accepted.id, state="not_understood", reason="the event 'odd' is not in it")])

    place.on_store(come)


def test_what_could_not_be_read_is_told_and_read_again_when_a_person_says_so(place: Place) -> None:
    unread(place)
    told = place.run("jobs")
    assert "From shop, 1 could not be read, the latest: the event 'odd' is not in it" in told.stderr
    assert "chat2crm replay --unread shop" in told.stderr
    done = place.run("replay", "--unread", "shop")
    assert (done.exit_code, done.stdout.split(".")[0]) == (0, "1 of shop will be read again")
    assert place.on_store(lambda store: store.received(10))[0].source == "shop"
    assert "could not be read" not in place.run("jobs").stderr
    assert "Nothing of shop waits to be read again." in place.run("replay", "--unread", "shop").stdout
    assert "sorted_again" in place.run("audit", "--json").stdout


def test_a_source_that_is_not_there_is_named_with_those_that_are(place: Place) -> None:
    unread(place)
    done = place.run("replay", "--unread", "shpo")
    assert done.exit_code == 2
    assert "The configuration has no source 'shpo' (did you mean shop?); it has: " in done.stderr
