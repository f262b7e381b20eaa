from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from place import Place
from store_materials import claim, end, finish_chat

from bridge.cli import choosing
from bridge.model import JobState
from bridge.store import Store

NOW = datetime.now(UTC)


@pytest.fixture
def four(place: Place) -> Place:
    """Jobs 1 to 4: dead, held, rehearsed, waiting to be taken up."""

    async def make(store: Store) -> None:
        for number in range(1, 4):
            await finish_chat(store, NOW, str(number))
        one, two, three = sorted(await claim(store), key=lambda job: job.id)
        await end(store, one, JobState.DEAD, "crm_rejected")
        await end(store, two, JobState.HELD, "ambiguous")
        await end(store, three, JobState.SKIPPED, "rehearsed")
        await finish_chat(store, NOW, "4")

    place.on_store(make)
    return place


def test_jobs_are_listed_newest_first_with_the_reason_in_words(four: Place) -> None:
    done = four.run("jobs")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["JOB", "4", "3", "2", "1"]
    assert "several clients fit" in lines[3]


def test_jobs_can_be_chosen_by_state_and_reason(four: Place) -> None:
    assert [row["id"] for row in four.json("jobs", "--state", "held", "--json")] == [2]
    assert [row["id"] for row in four.json("jobs", "--state", "rehearsed", "--json")] == [3]
    assert [row["id"] for row in four.json("jobs", "--reason", "crm_rejected", "--json")] == [1]


def test_jobs_come_in_pages(four: Place) -> None:
    done = four.run("jobs", "--limit", "2", "--json")
    assert [row["id"] for row in json.loads(done.stdout)] == [4, 3]
    assert [row["id"] for row in four.json("jobs", "--before", "3", "--json")] == [2, 1]
    assert "--before 3" in four.run("jobs", "--limit", "2").stderr


def test_a_state_that_does_not_exist_lists_those_that_do(four: Place) -> None:
    done = four.run("jobs", "--state", "lost")
    assert done.exit_code == 2
    assert "rehearsed" in done.stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_slip_in_a_name_is_told_from_nothing_there(four: Place, as_json: tuple[str, ...]) -> None:
    for option, name, said in (
        ("--source", "shpo", "The configuration has no source 'shpo' (did you mean shop?)"),
        ("--target", "sale", "The configuration has no target 'sale' (did you mean sales?)"),
    ):
        done = four.run("jobs", option, name, *as_json)
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr
    assert four.run("jobs", "--target", "sales", "--reason", "never", *as_json).exit_code == 0


def test_what_came_by_a_connection_that_is_gone_is_still_listed(four: Place) -> None:
    four.config["sources"]["other"] = four.config["sources"].pop("shop")
    four.write()
    assert [job["id"] for job in four.json("jobs", "--source", "shop", "--json")] == [4, 3, 2, 1]


def test_nothing_yet_says_what_to_do_first(place: Place) -> None:
    async def nothing(_store: Store) -> None: ...

    place.on_store(nothing)
    assert "chat2crm urls" in place.run("jobs").stdout
    assert place.run("jobs", "--state", "dead").stdout == "There is no such job.\n"


def test_without_a_store_the_remedy_is_named(place: Place) -> None:
    done = place.run("jobs")
    assert done.exit_code == 2
    assert "chat2crm serve" in done.stderr


def test_chats_of_one_customer_can_be_listed(place: Place) -> None:
    async def three(store: Store) -> None:
        for number, source in enumerate(("shop", "bakery.shop", "bakery2.shop")):
            await finish_chat(store, datetime.now(UTC), str(number), source=source)

    place.on_store(three)
    assert [row["source"] for row in place.json("jobs", "--site", "bakery", "--json")] == ["bakery.shop"]
    assert "There is no such job." in place.run("jobs", "--site", "bakery", "--state", "held").stdout
    for name in ("florist", "no such", "shop"):
        done = place.run("jobs", "--site", name)
        assert (done.exit_code, f"There is no customer {name!r}" in done.stderr) == (2, True)


def test_rehearsed_is_a_reason_and_takes_no_other() -> None:
    assert choosing.asked_for("rehearsed") == (("skipped",), "rehearsed")
    assert choosing.asked_for("held", "ambiguous") == (("held",), "ambiguous")
    with pytest.raises(Exception, match="leave --reason out"):
        choosing.asked_for("rehearsed", "spam")
