"""How a file's copy ends: on the card, or left with a word; what is the whole target's trouble still stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from file_place import PNG, Place, file_place
from way import Way, on_the_way

from bridge.model import JobState

PRIVATE = "127.0.0.1/32"
#: 503 of the sandbox, told as what the tests are about
REFUSALS = """\
mapping_language: 1
extends: sandbox
errors:
  - status: [500, 502, 503]
    only: file
    then: {then}
"""


def chat(place: Place, number: int = 1) -> dict[str, Any]:
    messages = [{"from": "visitor", "text": "Фото", "at": "2026-11-21T08:00:00Z", "files": [{"url": f"{place.url}/a.png"}]}]
    return {"type": "chat.finished", "data": {
        "id": f"c{number}", "visitor": {"id": "v1", "phones": ["+79160000001"]}, "messages": messages,
    }}  # fmt: skip


def way_to(folder: Path, clock: FakeClock, crm: str = "sandbox", **files: Any) -> Any:
    given = {"how": "copy", "private": PRIVATE, **files}
    return on_the_way(folder, clock, source={"provider": "generic"}, target={"crm": crm, "files": given})


def told_as(folder: Path, then: str) -> str:
    place = folder / "mappings" / "crms"
    place.mkdir(parents=True)
    (place / "told.yaml").write_text(REFUSALS.format(then=then), encoding="utf-8")
    return "told"


async def over(way: Way) -> JobState:
    for _ in range(30):
        await way.work()
        [(state, _)] = await way.states()
        if state in (JobState.DONE, JobState.HELD, JobState.DEAD):
            return state
        await way.clock.advance(10)
    pytest.fail(f"not over: {await way.states()}")


@pytest.mark.parametrize("then", ["permanent", "access_refused", "not_found"])
async def test_what_the_crm_refuses_of_a_file_alone_is_left(tmp_path: Path, clock: FakeClock, then: str) -> None:
    async with file_place(a_png=PNG) as place, way_to(tmp_path, clock, told_as(tmp_path, then)) as way:
        way.faults(broken={"operation": "file.create"})
        await way.post(chat(place))

        assert await over(way) is JobState.DONE
        [job] = await way.jobs()
        assert "Not copied: file 1 of 1: The CRM did not take it" in job.detail
        assert way.outcomes[-1].reason == "new"


async def test_a_ban_stops_the_target_also_when_it_meets_a_file(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(a_png=PNG) as place, way_to(tmp_path, clock, told_as(tmp_path, "blocked")) as way:
        way.faults(broken={"operation": "file.create"})
        await way.post(chat(place))
        await way.work()

        [(state, reason)] = await way.states()
        assert (state, reason) == (JobState.WAITING, "target_stopped")
        assert len(way.rows("notes")) == 1


async def test_the_mapping_s_own_limit_holds_besides_the_configured_one(tmp_path: Path, clock: FakeClock) -> None:
    place_of = tmp_path / "mappings" / "crms"
    place_of.mkdir(parents=True)
    (place_of / "small.yaml").write_text(
        "mapping_language: 1\nextends: sandbox\nfile:\n  most: 50\n", encoding="utf-8"
    )
    async with file_place(a_png=PNG) as place, way_to(tmp_path, clock, "small") as way:
        await way.post(chat(place))

        assert await over(way) is JobState.DONE
        assert "It is larger than" in (await way.jobs())[0].detail
        assert way.rows("files") == []


async def test_what_was_left_stands_in_the_trace_without_anybody_s_name(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place() as place, way_to(tmp_path, clock) as way:
        await way.post(chat(place))
        await over(way)
        [job] = await way.jobs()
        page = await way.store.reading().job(job.id)

        assert page is not None
        assert "file 1 of 1: file_unreachable: Where it lies, 404 was answered" in str(page["tried"])
        assert place.url not in str(page["tried"])


async def test_copying_that_was_turned_off_meanwhile_leaves_what_was_planned(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(a_png=PNG) as place, way_to(tmp_path, clock) as way:
        way.faults(broken={"times": 1, "operation": "file.create"})
        await way.post(chat(place))
        await way.work()
        await way.change_target(files="links")

        assert await over(way) is JobState.DONE
        assert "turned off" in (await way.jobs())[0].detail
        assert way.rows("files") == []


async def test_a_rehearsal_fetches_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(a_png=PNG) as place, on_the_way(
        tmp_path, clock, source={"provider": "generic"},
        target={"mode": "rehearse", "files": {"how": "copy", "private": PRIVATE}},
    ) as way:
        await way.post(chat(place))
        await way.work()

        assert await way.states() == [(JobState.SKIPPED, "rehearsed")]
        assert place.asked == []
