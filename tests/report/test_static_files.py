"""What stands beside the pages is what its list says, to the byte."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from desk import Desk

import bridge.report
from bridge.report.static_files import TYPES

STATIC = Path(bridge.report.__file__).parent / "static"
ROW = re.compile(r"^\| `([^`]+)` \| (\S+) \| (\S+) \| `[^`]+` \| \[[^]]+\]\(([^)]+)\) \| `([0-9a-f]{64})` \|$", re.MULTILINE)
VENDORED = {match[0]: match for match in ROW.findall((STATIC / "VENDORED.md").read_text(encoding="utf-8"))}
OURS = {"ops.css", "ops.js", "icon.svg", "chevron.svg"}


def test_every_file_of_others_is_the_one_that_the_list_names() -> None:
    assert VENDORED
    for name, _, _, licence, digest in VENDORED.values():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name
        assert (STATIC / licence).read_text(encoding="utf-8").strip(), licence


def test_every_file_is_ours_or_in_the_list() -> None:
    assert set(TYPES) == OURS | set(VENDORED)
    others = {path.name for path in STATIC.iterdir()} - set(TYPES)
    assert others == {"VENDORED.md", *(row[3] for row in VENDORED.values())}


@pytest.mark.parametrize("name", sorted(TYPES))
async def test_every_file_is_served_with_its_type_and_is_not_sent_twice(stranger: Desk, name: str) -> None:
    answer = await stranger.get(f"/static/{name}")
    assert answer.status == 200
    assert answer.content_type == TYPES[name]
    again = await stranger.get(f"/static/{name}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


async def test_nothing_else_of_the_folder_is_served(stranger: Desk) -> None:
    for name in ("VENDORED.md", "nothing.js", "..%2Fgate.py"):
        assert (await stranger.get(f"/static/{name}")).status == 404


def test_our_own_files_load_nothing_from_elsewhere() -> None:
    for name in ("ops.css", "ops.js"):
        assert not re.search(r"https?://|data:", (STATIC / name).read_text(encoding="utf-8")), name
