"""Files that were sent along in a chat: links in the note; with `files: copy` each on the card once, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from file_place import PAGE, PDF, PNG, file_place
from way import Way, on_the_way

from bridge.model import JobState

COPY = {"how": "copy", "private": "127.0.0.1/32"}


def chat(*urls: str, number: int = 1) -> dict[str, Any]:
    return {
        "type": "chat.finished",
        "data": {
            "id": f"c{number}", "visitor": {"id": "v1", "phones": ["+79160000001"]},
            "messages": [
                {"from": "visitor", "text": "Вот как она выглядит", "at": "2026-11-21T08:00:00Z",
                 "files": [{"url": url, "name": f"фото {place}.jpg"} for place, url in enumerate(urls, 1)]},
            ],
        },
    }  # fmt: skip


async def done(way: Way) -> None:
    for _ in range(60):
        await way.work()
        if all(state is JobState.DONE for state, _ in await way.states()):
            return
        await way.clock.advance(10)
    pytest.fail(f"not done: {await way.states()}")


#: a sandbox whose key may do everything but keep files
WITHOUT_RIGHT = """\
mapping_language: 1
extends: sandbox
errors:
  - status: [500, 502, 503]
    only: file
    then: access_refused
"""


def way_with(tmp_path: Path, clock: FakeClock, files: Mapping[str, Any] | str, crm: str = "sandbox") -> Any:
    return on_the_way(tmp_path, clock, source={"provider": "generic"}, target={"files": files, "crm": crm})


async def told(way: Way) -> str:
    [job] = await way.jobs()
    return job.detail


@pytest.mark.parametrize("fault", [None, "drop_before_commit", "drop_after_commit"])
async def test_each_file_is_copied_once(tmp_path: Path, clock: FakeClock, fault: str | None) -> None:
    async with file_place(one=PNG, two=PDF) as place, way_with(tmp_path, clock, COPY) as way:
        if fault:
            way.faults(**{fault: {"times": 1, "operation": "file.create"}})

        await way.post(chat(f"{place.url}/one", f"{place.url}/two"))
        await done(way)

        kept = [(file["name"], file["type"], bytes(file["content"])) for file in way.rows("files")]
        assert kept == [("фото 1.jpg.png", "image/png", PNG), ("фото 2.jpg.pdf", "application/pdf", PDF)]
        [note] = way.rows("notes")
        assert f"{place.url}/one" in note["text"]
        assert "Not copied" not in await told(way)


async def test_by_default_a_link_stands_in_the_note_and_nothing_is_fetched(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(one=PNG) as place, way_with(tmp_path, clock, "links") as way:
        await way.post(chat(f"{place.url}/one"))
        await done(way)

        assert (place.asked, way.rows("files")) == ([], [])
        assert f"{place.url}/one" in way.rows("notes")[0]["text"]


async def test_what_cannot_be_copied_leaves_its_link_and_a_word(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(one=PNG, two=PDF + b" " * 3000, three=PAGE) as place, way_with(
        tmp_path, clock, {**COPY, "max": "2KiB"}
    ) as way:
        urls = [f"{place.url}/{name}" for name in ("one", "two", "three", "four")]
        await way.post(chat(*urls, f"http://127.0.0.2:{place.port}/one"))
        await done(way)

        assert [bytes(file["content"]) for file in way.rows("files")] == [PNG]
        [note] = way.rows("notes")
        assert [url in note["text"] for url in urls] == [True] * 4
        detail = await told(way)
        assert "Not copied: file 2 of 5: It is larger than 0.00195 MiB. file 3 of 5: What it is cannot be told" in detail
        assert "file 4 of 5: Where it lies, 404 was answered" in detail
        assert "file 5 of 5: The file lies in a private network" in detail


async def test_a_crm_that_refuses_files_still_gets_the_notes_and_goes_on(tmp_path: Path, clock: FakeClock) -> None:
    """A right that is missing for files alone does not stop the target."""
    (tmp_path / "mappings" / "crms").mkdir(parents=True)
    (tmp_path / "mappings" / "crms" / "poor.yaml").write_text(WITHOUT_RIGHT, encoding="utf-8")
    async with file_place(one=PNG) as place, way_with(tmp_path, clock, COPY, "poor") as way:
        way.faults(broken={"times": 1, "operation": "file.create"})
        await way.post(chat(f"{place.url}/one"))
        await done(way)
        assert (len(way.rows("notes")), way.rows("files")) == (1, [])
        assert "file 1 of 1: The CRM did not take it" in await told(way)

        await way.post(chat(f"{place.url}/one", number=2))
        await done(way)
        assert len(way.rows("files")) == 1


async def test_a_replay_tries_what_was_left_once_more_and_doubles_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(one=PNG) as place, way_with(tmp_path, clock, COPY) as way:
        await way.post(chat(f"{place.url}/one", f"{place.url}/two"))
        await done(way)
        place.files["/two"] = PDF
        [job] = await way.jobs()
        await way.store.replay([job.id])
        await done(way)

        assert [bytes(file["content"]) for file in way.rows("files")] == [PNG, PDF]
        assert len(way.rows("notes")) == 1


async def test_a_file_that_no_answer_ever_comes_for_is_left_in_the_end(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(one=PNG) as place, way_with(tmp_path, clock, COPY) as way:
        way.faults(broken={"times": 99, "operation": "file.create"})
        await way.post(chat(f"{place.url}/one"))
        for _ in range(200):
            await way.work()
            if [state for state, _ in await way.states()] == [JobState.DONE]:
                break
            await way.clock.advance(60)

        assert "The CRM could not take it in 5 attempts" in await told(way)
        assert (len(way.rows("notes")), way.rows("files")) == (1, [])


async def test_a_flood_of_files_is_copied_in_part(tmp_path: Path, clock: FakeClock) -> None:
    async with file_place(one=PNG) as place, way_with(tmp_path, clock, COPY) as way:
        await way.post(chat(*[f"{place.url}/one"] * 30))
        await done(way)

        assert len(way.rows("files")) == 20
        assert way.rows("notes")[0]["text"].count(f"{place.url}/one") == 30
