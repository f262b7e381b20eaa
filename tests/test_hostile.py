"""What strangers write is shown, never run or interpreted: by us, by the ops page, by the mapping engine, or by the CRM."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from desk import desk_of, dialogue, settings
from fakes import FakeClock
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from running import finished
from way import on_the_way

from bridge.config.routes import RouteOptions
from bridge.extract import contact_points
from bridge.mapping.load import load_crm, load_provider
from bridge.mapping.schema import CrmMapping
from bridge.model import Chat, Delivery, Match, OperationKind, Verdict
from bridge.parse import SourceView, understand
from bridge.write import MarkerKeys, NoteSettings, Work, plan
from bridge.write.markers import FIND

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</textarea></title><svg/onload=alert(1)>",
    '" onmouseover="x',
    "javascript:alert(1)",
    "[url=javascript:alert(1)]click[/url]",
    "[b]bold[/b]",
    "![x](https://e.example/x.png)",
    "[click](javascript:alert(1))",
    "# heading",
    "**strong**",
    "```\ncode\n```",
    '=HYPERLINK("https://e.example","x")',
    "+cmd|' /C calc'!A1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "{{7*7}}",
    "{target.token}",
    "{visitor.phone}",
    "{% import os %}",
    "${KEY}",
    "${file:/etc/passwd}",
    "%s%n",
    "'; DROP TABLE jobs; --",
    "\u202etxt.exe",
    "a\u200bb\u2060c",
    "\x00\x01\x1b[31m",
    "\ud800",
    "\udfff",
    "x" * 100_000,
    "слово " * 15_000,
    "\n" * 5000,
    "c2c-aaaaaaaaaaaaaaaa",
    "C2C\u2010abcdefghijklmnop",
    "c2\u200bc-aaaaaaaaaaaaaaaa",
    "&lt;b&gt;",
    "&#60;script&#62;",
    "<!-- x -->",
    "]]>",
    "\u2028\u2029",
    "Ａ\uff1cscript\uff1e",
    "../../etc/passwd",
    "﷽" * 50,
    "e\u0301" * 200 + "\u0300" * 500,
]
lines = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=60), min_size=1, max_size=5)
MARKUPS = ("plain", "html", "bbcode", "markdown")
TOKEN = "the-crm-token-of-the-target"
KEY = b"0123456789abcdef0123456789abcdef"
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def chat_of(texts: list[str], name: str) -> Chat:
    """As the webhook of a real provider becomes one."""
    event = finished(1, text=texts[0], extra=tuple(texts[1:]), name=name)
    event["page"] = {"url": name, "title": texts[0]}
    delivery = Delivery(
        source="shop", dedupe_key="", received_at=datetime(2026, 11, 21, tzinfo=UTC), body=json.dumps(event).encode()
    )
    [read] = understand(delivery, load_provider("jivo"), SourceView("shop", {}, "ru", "RU")).events
    return read.chat


def crm_with(markup: str) -> CrmMapping:
    mapping = load_crm("sandbox")
    return mapping.model_copy(update={"note": mapping.note.model_copy(update={"markup": markup, "max_length": None})})


def notes_of(chat: Chat, markup: str) -> list[str]:
    found = contact_points(chat, region="RU")
    made = plan(Work.over(
        chat=chat, points=found.points, wishes=found.wishes, match=Match(verdict=Verdict.NEW), options=RouteOptions(),
        settings=NoteSettings(tz=ZoneInfo("Europe/Moscow")), mapping=crm_with(markup), keys=MarkerKeys(KEY, "sales", "shop", "1"),
        source={}, target={"token": TOKEN},
    ))  # fmt: skip
    return [str(one.scope["note"]["text"]) for one in made.operations if one.kind is OperationKind.NOTE]


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.titles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "title":
            self.titles.append(data)


@examples(max_examples=60)
@given(texts=lines, name=st.sampled_from([one for one in HOSTILE if len(one) < 1000]))
def test_no_note_holds_anything_live_or_unseen_in_any_markup(texts: list[str], name: str) -> None:
    chat = chat_of(texts, name)
    own = set(FIND.findall(notes_of(chat_of(["Здравствуйте"], "Иван"), "plain")[0]))
    for markup in MARKUPS:
        for text in notes_of(chat, markup):
            assert not UNSEEN.search(text.replace("\n", "")), markup
            assert TOKEN not in text
            # the chat's marker and this part's, both at the end, and nobody else's
            markers = FIND.findall(text)
            assert len(markers) == 2
            assert markers[0] in own
            if markup == "html":
                assert {tag for tag, _ in Tags(text).tags} <= {"b", "br", "a"}
                assert all(attributes.get("href", "").startswith(("http://", "https://")) and set(attributes) <= {"href"}  # type: ignore[union-attr]
                           for tag, attributes in Tags(text).tags if tag == "a")  # fmt: skip
            if markup == "bbcode":
                assert set(re.findall(r"\[/?([^\]=]*)", text)) <= {"b", "url"}
                assert "[url=" not in text
            if markup == "markdown":
                assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(", text)


def test_template_syntax_stays_what_it_is() -> None:
    [text] = notes_of(chat_of(["{target.token} {{7*7}} {visitor.phone} ${KEY}"], "{target.token}"), "plain")
    assert "{target.token} {{7*7}} {visitor.phone} ${KEY}" in text


async def test_no_page_shows_anything_live(tmp_path: Path, clock: FakeClock) -> None:
    async with desk_of(tmp_path, clock, settings()) as desk:
        await desk.sign_in()
        numbers = []
        for number, text in enumerate(HOSTILE):
            kept = text.encode("utf-8", "replace").decode()
            numbers.append(await desk.job(dialogue(kept, kept, chat_id=f"c{number}", name=kept[:200], at=clock.now())))
        raw = await desk.receive("\n".join(HOSTILE).encode("utf-8", "replace"), key="raw")
        paths = ["/", "/jobs", "/deliveries", f"/deliveries/{raw}/raw", *(f"/jobs/{one}" for one in numbers)]
        plain = {tag for tag, _ in Tags(await desk.page(f"/jobs/{await desk.job(dialogue('Привет', chat_id='plain'))}")).tags}
        for path in paths:
            page = Tags(await desk.page(path))
            for tag, attributes in page.tags:
                assert not [name for name in attributes if name.startswith("on") or name == "srcdoc"], (path, tag)
                for name in ("href", "src", "action", "formaction"):
                    assert not re.match(r"\s*(javascript|data|vbscript):", attributes.get(name) or "", re.IGNORECASE), (path, tag)
                if tag == "script":
                    assert (attributes.get("src") or "").startswith("/static/"), path
                assert tag not in {"iframe", "object", "embed", "base", "textarea"} or tag in plain, (path, tag)


def towers(count: int) -> bytes:
    """Set in lines, sixty times as long."""
    return b"[" + (b"[" * 60 + b"]" * 60 + b",") * count + b"1]"


@pytest.mark.parametrize("body", [towers(1050), towers(17_000), b"[" * 2**21, b'{"a":' * 300_000, b"[" + b"1," * 10**6 + b"1]"],
                         ids=["towers", "more towers", "brackets", "braces", "numbers"])  # fmt: skip
async def test_whoever_looks_at_a_bomb_does_not_set_it_off(tmp_path: Path, clock: FakeClock, body: bytes) -> None:
    async with desk_of(tmp_path, clock, settings()) as desk:
        await desk.sign_in()
        raw = await desk.receive(body, key="bomb")
        began = time.thread_time()
        page = await desk.page(f"/deliveries/{raw}/raw")
        assert time.thread_time() - began < 1.0
        assert len(page) < 4 * len(body) + 100_000


async def test_pages_keep_one_persons_direction_from_turning_the_rest(tmp_path: Path, clock: FakeClock) -> None:
    async with desk_of(tmp_path, clock, settings()) as desk:
        await desk.sign_in()
        job = await desk.job(dialogue("\u202etxt.exe", chat_id="c1"))
        assert "\u202e" not in await desk.page(f"/jobs/{job}")


@pytest.mark.parametrize("text", [one for one in HOSTILE if len(one) < 1000])
async def test_what_arrives_in_the_crm_is_text(tmp_path: Path, clock: FakeClock, text: str) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(_now(way.clock.time(), finished(1, text=text, extra=("мой номер 8 916 123-45-67",), name=text)))
        await way.work()
        [note] = way.rows("notes")
        assert not UNSEEN.search(note["text"].replace("\n", ""))
        assert len(FIND.findall(note["text"])) == 2
        assert "k" * 40 not in note["text"]


def _now(now: float, event: dict[str, Any]) -> dict[str, Any]:
    for place, message in enumerate(event["chat"]["messages"]):
        message["timestamp"] = int(now) - 300 + place
    return event
