"""A mapping that has files copied: each is on the card once, whatever became of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeClock
from way import Way, on_the_way

from bridge.model import JobState

COPIES = """\
mapping_language: 1
extends: sandbox
file:
  post: '/clients/{client.id}/files'
  json:
    name: "{file.name || 'file'}"
    content: '{base64(file.url)}'
    marker: '{marker}'
  id: id
  marker:
    kind: field
    get: /files
    query:
      marker: '{marker}'
    records: items
    text: marker
    of: client_id
    id: id
"""
CHAT = {
    "type": "chat.finished",
    "data": {
        "id": "c1", "visitor": {"id": "v1", "phones": ["+79160000001"]},
        "messages": [
            {
                "from": "visitor", "text": "Вот как она выглядит", "at": "2026-11-21T08:00:00Z",
                "files": [{"url": "https://f.example/1", "name": "a.jpg"}, {"url": "https://f.example/2", "name": "b.jpg"}],
            },
        ],
    },
}  # fmt: skip


async def done(way: Way) -> None:
    for _ in range(40):
        await way.work()
        if all(state is JobState.DONE for state, _ in await way.states()):
            return
        await way.clock.advance(10)
    pytest.fail(f"not done: {await way.states()}")


@pytest.mark.parametrize("fault", [None, "drop_before_commit", "drop_after_commit"])
async def test_each_file_is_copied_once(tmp_path: Path, clock: FakeClock, fault: str | None) -> None:
    place = tmp_path / "mappings" / "crms"
    place.mkdir(parents=True)
    (place / "copies.yaml").write_text(COPIES, encoding="utf-8")
    async with on_the_way(tmp_path, clock, source={"provider": "generic"}, target={"crm": "copies"}) as way:
        if fault:
            way.faults(**{fault: {"times": 1, "operation": "file.create"}})

        await way.post(CHAT)
        await done(way)

        assert [file["name"] for file in way.rows("files")] == ["a.jpg", "b.jpg"]
        assert len(way.rows("notes")) == 1
        assert "https://f.example/1" in way.rows("notes")[0]["text"]
