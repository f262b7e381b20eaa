"""The documents, held to the code: what they name is there, and what is there is named."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from fakes import FakeClock
from generated import PARTS, made_anew, parts_of
from packaging.requirements import Requirement
from running import finished
from sqlite_utils import Database
from way import ENVIRON, on_the_way

import bridge
from bridge.demo.words import WORDS as DEMO_WORDS
from bridge.model import JobState, OperationState
from bridge.report.words import explanations
from bridge.store import open_store
from bridge.store.postgres.migrations import ONLY_HERE
from bridge.store.sqlite.migrations import bring_up_to_date

ROOT = Path(__file__).resolve().parent.parent
BRIDGE = ROOT / "bridge"
README, README_RU = ROOT / "README.md", ROOT / "README.ru.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "mappings").rglob("*.md")])
LARGEST_PICTURE = 300_000


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- the map -----------------------------------------------------------------------------------------------------------


def test_the_map_names_every_module_and_package_of_the_bridge_and_no_other() -> None:
    mapped = re.findall(r"^    ([a-z_]+) +\S", bridge.__doc__ or "", re.MULTILINE)
    there = {path.stem for path in BRIDGE.glob("*.py")} | {path.parent.name for path in BRIDGE.glob("*/__init__.py")}
    there -= {"__init__", "shipped"}
    assert sorted(set(mapped)) == sorted(there)
    assert len(mapped) == len(set(mapped))


# -- what is made from the code ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if parts_of(path.read_text(encoding="utf-8"))], ids=relative)
def test_what_is_made_from_the_code_is_as_the_code_is_now(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    now = made_anew(text)
    if os.environ.get("CHAT2CRM_ACCEPT") and now != text:
        document.write_text(now, encoding="utf-8")
        text = now
    assert text == now, "CHAT2CRM_ACCEPT=1 writes it anew"


def test_every_part_that_is_made_stands_in_a_document() -> None:
    placed = [name for path in DOCUMENTS for name in parts_of(path.read_text(encoding="utf-8"))]
    assert sorted(placed) == sorted(PARTS)


# -- README and its Russian twin ---------------------------------------------------------------------------------------


def commands(text: str) -> list[str]:
    """What is typed, out of the blocks of a terminal."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line.partition(" #")[0].rstrip() for line in lines if line.startswith("$ ")]


def test_both_readmes_have_the_same_commands_in_the_same_order() -> None:
    assert commands(read("README.md")) == commands(read("README.ru.md"))


def test_both_readmes_have_the_same_chapters_pictures_and_configuration() -> None:
    def shape(text: str) -> tuple[list[int], list[str], list[str]]:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        chapters = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
        pictures = [name.replace(".ru.", ".") for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)]
        return chapters, pictures, re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)

    assert shape(read("README.md")) == shape(read("README.ru.md"))


def test_the_readme_begins_with_the_demonstration_the_tests_and_the_set_up() -> None:
    assert commands(read("README.md"))[:3] == ["$ make demo", "$ make test", "$ .venv/bin/chat2crm init"]


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.ru.md", "ru")])
def test_what_the_demonstration_prints_in_the_readme_is_what_it_says(name: str, language: Literal["en", "ru"]) -> None:
    block = re.search(r"```console\n\$ make demo\n(.*?)```", read(name), re.DOTALL)
    assert block is not None
    said = [re.sub(r"\\{\w+[^}]*\\}", ".+", re.escape(words)) for words in DEMO_WORDS[language].values()]
    lines = [re.sub(r"^\d\. |^   ✓ ", "", line) for line in block[1].splitlines() if not re.match(r" *([…●○→]|$)", line)]
    assert len(lines) > 10
    assert [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in said)] == []
    spoken = [text for chat in json.loads((BRIDGE / "demo" / "chats.json").read_text(encoding="utf-8"))["chats"].values()
              for _, _, text in chat["messages"]]  # fmt: skip
    assert set(re.findall(r"^     [●○] (.+)$", block[1], re.MULTILINE)) <= set(spoken)


def test_every_stage_that_the_readme_names_links_its_module() -> None:
    for text in (read("README.md"), read("README.ru.md")):
        named = re.findall(r"\[([a-z]+)\]\(bridge/([\w/]+)\.py\)", text)
        linked = {stage for stage, module in named if module.removesuffix("/__init__").endswith(stage)}
        assert {"receive", "store", "sort", "extract", "recognise", "match", "write", "journal", "crm", "report"} <= linked


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "pictures").glob("*")), ids=lambda path: path.name)
def test_a_picture_is_small_and_shown_somewhere(picture: Path) -> None:
    assert picture.stat().st_size <= LARGEST_PICTURE
    assert any(picture.name in path.read_text(encoding="utf-8") for path in DOCUMENTS)


# -- commands that documents name --------------------------------------------------------------------------------------


NAME_COMMANDS = ("README.md", "README.ru.md", "CHANGELOG.md", "docs/operations.md", "docs/promises.md", "docs/why.md")


def test_every_command_that_these_documents_name_exists() -> None:
    from bridge.cli import COMMANDS

    named = {(name, word) for name in NAME_COMMANDS
             for word in re.findall(r"chat2crm ([a-z]+)", "\n".join(_said_in_code(read(name))))}  # fmt: skip
    unknown = sorted((name, word) for name, word in named if word not in COMMANDS)
    assert unknown == []


def _said_in_code(text: str) -> Iterator[str]:
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    yield from re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)


# -- reasons -----------------------------------------------------------------------------------------------------------


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """The cells of the tables under a heading, up to the next heading of its rank."""
    level = heading.partition(" ")[0]
    chapter = re.search(rf"^{re.escape(heading)}.*?(?=^{level} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert chapter is not None, heading
    for line in chapter[0].splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def reasons_in_code() -> set[str]:
    """Every reason that a job can get: what `skipped`, `held`, `waiting` are called with, and `reason=` of an outcome."""
    found = set()
    for path in BRIDGE.rglob("*.py"):
        if "sandbox" in path.parts or "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in {"skipped", "held", "waiting"} and node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
            if name in {"Outcome", "TargetStop"}:
                found |= {word.value.value for word in node.keywords
                          if word.arg == "reason" and isinstance(word.value, ast.Constant)}  # fmt: skip
    return found


def test_every_reason_in_the_code_is_explained_to_the_operator() -> None:
    page = read("docs/operations.md")
    explained = {cells[1].strip("`") for cells in rows(page, "## What became of a chat") if len(cells) > 2}
    explained |= {cells[0].strip("`") for cells in rows(page, "## Stopped targets")}
    assert {"no_contact", "unknown_outcome", "rehearsed", "brake"} <= reasons_in_code()
    assert reasons_in_code() - explained == set()


def test_the_pages_and_the_operators_document_know_the_same_reasons() -> None:
    page = read("docs/operations.md")
    in_document = {(state, reason.strip("`")) for state, reason, *more in rows(page, "## What became of a chat")
                   if more and state in set(JobState) and reason.startswith("`")}  # fmt: skip
    unknown = [pair for pair in sorted(in_document) if not explanations.is_explained(*pair)]
    assert unknown == []
    on_pages = {(state, reason) for state, known in explanations._BY_STATE.items() if state != "stopped" for reason in known}
    # a plan is never made for several clients at once, so no chat is written with this verdict
    assert on_pages - in_document == {("done", "ambiguous")}


def test_every_state_is_explained_to_the_operator() -> None:
    page = read("docs/operations.md")
    assert [state for state in JobState if f"`{state}`" not in page] == []


# -- architecture ------------------------------------------------------------------------------------------------------


def test_the_tables_of_the_store_are_those_that_are_described() -> None:
    with Database(memory=True) as store:
        bring_up_to_date(store)
        there = {name for name in store.table_names() if not name.startswith("_")}
    described = {cells[0].strip("`") for cells in rows(read("docs/architecture.md"), "## The store") if cells[0].startswith("`")}
    assert described == there | ONLY_HERE


def test_the_states_of_jobs_and_operations_are_drawn() -> None:
    page = read("docs/architecture.md")
    assert [state for state in (*JobState, *OperationState) if state not in page] == []


# -- why ---------------------------------------------------------------------------------------------------------------


def test_every_dependency_has_its_reason_and_no_other_has() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    extras = [text for needs in project["project"]["optional-dependencies"].values() for text in needs]
    needed = {Requirement(text).name for text in (*project["project"]["dependencies"], *extras)}
    explained = {cells[0].strip("`") for cells in rows(read("docs/why.md"), "## Each dependency and its reason")} - {"package"}
    assert explained == needed


# -- promises ----------------------------------------------------------------------------------------------------------


def test_every_test_that_a_promise_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)+)`", read("docs/promises.md"))
    missing = [path + names for path, names in named if not _is_there(ROOT / path, names.removeprefix("::").split("::"))]
    assert len(named) > 30
    assert missing == []


def _is_there(path: Path, names: list[str]) -> bool:
    if not path.exists():
        return False
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for name in names:
        found = next((node for node in body if getattr(node, "name", None) == name), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


def test_every_promise_says_what_shows_it_and_what_is_not_promised() -> None:
    chapters = re.split(r"^## (?=\d)", read("docs/promises.md"), flags=re.MULTILINE)[1:]
    assert [chapter[0] for chapter in chapters] == list("12345678")
    bare = [chapter.partition("\n")[0] for chapter in chapters
            if "| shown by |" not in chapter or "**Not promised.**" not in chapter]  # fmt: skip
    assert bare == []


# -- the drill of a backup ---------------------------------------------------------------------------------------------


async def test_a_backup_that_is_put_back_as_described_writes_nothing_twice(tmp_path: Path) -> None:
    """The commands of docs/operations.md, run as they stand there but for the folder."""
    chapter = read("docs/operations.md").partition("## Backups")[2].partition("\n## ")[0]
    backup, restore = (command.removeprefix("$ chat2crm ") for command in commands(chapter))
    # a little behind the machine's, by which the restored store counts as young
    clock = FakeClock(datetime.now(UTC) - timedelta(minutes=1))

    async def run(command: str) -> None:
        words = command.replace("/backups/", f"{tmp_path}/").split()
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "bridge", "-c", str(tmp_path / "config.yaml"), *words],
            check=True, timeout=60, cwd=ROOT, env={**os.environ, **ENVIRON},
        )  # fmt: skip

    def chat(number: int) -> dict[str, Any]:
        event = finished(number)
        for place, message in enumerate(event["chat"]["messages"]):
            message["timestamp"] = int(clock.time()) - 60 + place
        return event

    async with on_the_way(tmp_path, clock) as way:
        await way.post(chat(1))
        await way.work()
        await run(backup)
        await way.post(lost := chat(2))
        await way.work()
        assert len(way.rows("notes")) == 2

        await way.store.close()
        await run(restore)
        way.store = way.sorter.store = open_store(way.settings.store, clock=clock)
        await way.store.open()
        await way.restart()
        assert await way.states() == [(JobState.DONE, "new")]
        await way.post(lost)
        await way.work()

        assert [state for state, _ in await way.states()] == [JobState.DONE, JobState.DONE]
        assert len(way.rows("clients")) == len(way.rows("notes")) == 2
