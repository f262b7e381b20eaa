from __future__ import annotations

from datetime import UTC, datetime

import pytest
from place import Place
from store_materials import claim, end, finish_chat

from bridge.model import JobState
from bridge.store import Store


def job(place: Place, state: JobState) -> Place:
    """Job 1 has come to such an end."""

    async def make(store: Store) -> None:
        await finish_chat(store, datetime.now(UTC), "1")
        [claimed] = await claim(store)
        if state is not JobState.RUNNING:
            await end(store, claimed, state, "ambiguous")

    place.on_store(make)
    return place


def test_the_job_goes_on_with_the_client_that_was_chosen(place: Place) -> None:
    job(place, JobState.HELD)
    done = place.run("choose", "1", " 17 ")
    assert done.exit_code == 0, done.output
    assert "client 17" in done.output

    async def chosen(store: Store) -> str | None:
        row = await store.job(1)
        return row.chosen if row and row.state is JobState.PENDING else None

    assert place.on_store(chosen) == "17"
    assert "chose the client" in place.run("audit").output


@pytest.mark.parametrize("client", ["", " ", "a\nb"])
def test_what_is_no_id_is_refused(place: Place, client: str) -> None:
    done = job(place, JobState.HELD).run("choose", "1", client)
    assert done.exit_code == 2
    assert "address of the client's page" in done.stderr


def test_what_is_written_already_is_left_as_it_is(place: Place) -> None:
    done = job(place, JobState.DONE).run("choose", "1", "17")
    assert done.exit_code == 2
    assert "--again" in done.stderr


def test_a_job_that_is_not_there_is_named(place: Place) -> None:
    job(place, JobState.HELD)
    assert "no job 9" in place.run("choose", "9", "17").stderr
