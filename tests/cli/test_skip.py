from __future__ import annotations

from datetime import UTC, datetime

from place import Place
from store_materials import claim, end, finish_chat

from bridge.model import JobState
from bridge.report.words.explanations import is_explained
from bridge.store import Store


def test_a_skipped_job_is_over_and_says_that_a_person_did_it(place: Place) -> None:
    async def make(store: Store) -> None:
        await finish_chat(store, datetime.now(UTC), "1")
        await finish_chat(store, datetime.now(UTC), "2")
        jobs = await claim(store)
        for job in jobs:
            await end(store, job, JobState.HELD if job.id == 1 else JobState.DONE, "ambiguous" if job.id == 1 else "found")

    place.on_store(make)
    done = place.run("skip", "1", "2")
    assert done.exit_code == 1  # the second was done already
    assert "Job 1 is skipped." in done.stdout
    assert "Job 2 is done" in done.stderr
    [row] = place.json("jobs", "--state", "skipped", "--json")
    assert (row["id"], is_explained("skipped", row["reason"])) == (1, True)
    assert place.run("skip", "1").exit_code == 1
    assert place.run("skip", "7").exit_code == 2
