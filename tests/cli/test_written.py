from __future__ import annotations

from datetime import UTC, datetime

import pytest
from place import Place
from store_materials import claim, end, finish_chat, plan_of

from bridge.model import JobState, OperationKind
from bridge.store import Store


def held(place: Place, kind: OperationKind) -> Place:
    """Job 1, held: nobody knows whether the CRM carried this out."""

    async def make(store: Store) -> None:
        await finish_chat(store, datetime.now(UTC), "1")
        [job] = await claim(store)
        [row] = await store.record_plan(job, plan_of(kind))
        await store.record_sent(row, epoch=job.epoch)
        await end(store, job, JobState.HELD, "unknown_outcome")

    place.on_store(make)
    return place


def test_what_a_person_found_in_the_crm_is_taken_as_written(place: Place) -> None:
    held(place, OperationKind.NOTE)
    done = place.run("written", "1", "--id", "83")
    assert done.exit_code == 0, done.output
    shown = place.json("show", "1", "--json")
    assert (shown["state"], shown["operations"][0]["state"], shown["operations"][0]["record_id"]) == ("pending", "done", "83")


def test_a_new_client_needs_its_id(place: Place) -> None:
    held(place, OperationKind.CREATE)
    done = place.run("written", "1")
    assert done.exit_code == 2
    assert "--id" in done.stderr
    assert place.run("written", "1", "--id", "7").exit_code == 0


@pytest.mark.parametrize("job", ["1", "9"])
def test_a_job_without_such_an_operation_is_refused(place: Place, job: str) -> None:
    async def make(store: Store) -> None:
        await finish_chat(store, datetime.now(UTC), "1")

    place.on_store(make)
    assert place.run("written", job, "--id", "1").exit_code == 2
