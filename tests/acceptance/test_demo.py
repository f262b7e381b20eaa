"""What a newcomer runs first."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from bridge import demo
from bridge.demo import play
from bridge.demo.words import WORDS

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 100.0


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """The command in an empty folder, with that folder for temporary files, so that what it leaves behind is seen."""
    environ = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "demo", *arguments, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_the_demo_goes_through_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = await start(tmp_path, "--once", "--lang", "ru")
    said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    text = said.decode()
    assert process.returncode == 0, text
    assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert "✗" not in text
    assert "Карточек: 6, записей: 5" in text
    assert left_in(tmp_path) == []


async def test_without_once_it_stays_up_with_its_pages_until_it_is_told_to_stop(tmp_path: Path) -> None:
    process = await start(tmp_path, "--lang", "en")
    assert process.stdout is not None
    said = ""
    while "until Ctrl-C" not in said:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert line, said
        said += line.decode()
    cards = re.search(r"Client cards +(\S+)", said)
    ops = re.search(r"Ops page +(\S+) +\(password: \S+\)", said)
    assert cards is not None
    assert ops is not None
    assert "Daniel Reed" in await asyncio.to_thread(page, cards[1])
    assert await asyncio.to_thread(page, ops[1])
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.wait(), PATIENCE)
    assert process.returncode == 0
    assert left_in(tmp_path) == []


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


async def test_what_is_not_as_it_must_be_is_named_and_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The known client's card does not have her number: the demo must notice by itself."""
    real = demo.sow

    def sow(records: object, cards: list[dict[str, object]]) -> object:
        wrong = [{**card, "phones": ["+7 916 000-00-77"]} if card["name"] == "Мария Соколова" else card for card in cards]
        return real(records, wrong)

    monkeypatch.setattr(demo, "sow", sow)
    monkeypatch.setattr(play, "AWAY", 1.0)
    monkeypatch.setattr(play, "KILLED_AFTER", 0.2)
    assert await demo.run("en", once=True) == 1
    told = capsys.readouterr()
    assert "Not as it must be" in told.err
    assert "no second card" in told.err


def test_both_languages_say_the_same() -> None:
    russian, english = WORDS["ru"], WORDS["en"]
    assert russian.keys() == english.keys()
    for key in russian:
        assert set(re.findall(r"{(\w+)", russian[key])) == set(re.findall(r"{(\w+)", english[key])), key


def test_the_chats_are_those_of_both_languages() -> None:
    chats = json.loads((ROOT / "bridge" / "demo" / "chats.json").read_text(encoding="utf-8"))["chats"]
    assert {chat["source"] for chat in chats.values()} == {"magazin", "shop"}
