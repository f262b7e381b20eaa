"""The pages as a whole: every one of them, in both languages, over everything that a job can be."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from desk import Desk, call, desk_of, dialogue, plan, settings
from fakes import FakeClock

from bridge.model import Client, JobState
from bridge.report.words import STATES, WORDS
from bridge.store import TargetStop

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} ${7*7} &amp; \u202e\x00"


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    async with desk_of(tmp_path, clock, settings()) as made:
        assert (await made.sign_in()).status == 303
        yield made


class Reader(HTMLParser):
    """Refuses a page with anything live in it, and with tags that do not close."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"iframe", "object", "style"}
        if tag == "script":
            assert (dict(attrs).get("src") or "").startswith("/static/")
        for name, value in attrs:
            assert not name.startswith(("on", "style")), f"{tag} {name}"
            assert not (value or "").lower().startswith("javascript:")
            if name == "id":
                self.ids.append(value or "")
            if tag == "a" and name == "href":
                self.links.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_data(self, data: str) -> None:
        assert not (self.open and self.open[-1] == "script" and data.strip()), "a script that stands in the page"

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag, f"</{tag}> closes something else"


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    return reader


async def fill(desk: Desk) -> None:
    """One job of every kind, and everything else that pages show."""
    found = Client(id="17", name="Анна", phones=("+79161234567",))
    now = desk.clock.now()
    calls = (call(desk.clock), call(desk.clock, "write note 1/2", method="POST", status=None, ms=None, error="crm_no_answer: x"),
             call(desk.clock, "matched.new", method=None, path=None, status=None, ms=None, detail="because"))  # fmt: skip
    ends: list[tuple[JobState, str, dict[str, object]]] = [
        (JobState.DONE, "found", {"made": plan(client=found), "done": 1, "steps": calls}),
        (JobState.DONE, "new", {"made": plan("<p>Чат</p>", markup="html"), "done": 2}),
        (JobState.DEAD, "crm_rejected", {"code": "crm_rejected", "made": plan(), "steps": calls}),
        (JobState.DEAD, "no_such_reason", {}),
        (JobState.HELD, "ambiguous", {"detail": "Several. Анна (id 17), ? (id 4)"}),
        (JobState.HELD, "unknown_outcome", {"made": plan(client=found), "sent": 1}),
        (JobState.WAITING, "no_contact", {}),
        (JobState.RETRYING, "crm_no_answer", {"code": "crm_no_answer"}),
        (JobState.SKIPPED, "rehearsed", {"rehearsed": plan()}),
        (JobState.SKIPPED, "nothing_said", {}),
    ]
    for number, (state, reason, more) in enumerate(ends):
        await desk.ended(state, reason, chat=dialogue(chat_id=f"c-{number}", at=now), **more)  # type: ignore[arg-type]
    await desk.claimed(dialogue(chat_id="running"))
    await desk.job(dialogue("Здравствуйте", chat_id="fresh", name=None), findings=("visitor.phone: no text",))
    await desk.receive(b"\xff\xfe not text", key="odd", state="not_understood", reason="no JSON")
    await desk.receive(b'{"x": 1}', key="fresh-one")
    await desk.store.stop_target(TargetStop(target="sales", reason="crm_blocked", detail="", since=desk.clock.time()))


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_every_page_stands_in_both_languages(desk: Desk, language: str) -> None:
    await fill(desk)
    jobs = [row["id"] for row in await desk.store.reading().jobs()]
    deliveries = [row["id"] for row in await desk.store.reading().deliveries()]
    paths = ["/", "/jobs", "/deliveries", "/jobs?state=dead&target=sales&reason=crm_rejected", "/jobs?state=held&source=gone",
             "/deliveries?state=not_understood", "/jobs/replay?state=dead&target=sales&reason=crm_rejected&code=crm_rejected",
             *(f"/jobs/{number}" for number in jobs), *(f"/deliveries/{number}/raw" for number in deliveries)]  # fmt: skip
    seen = set()
    for path in paths:
        page = await desk.page(path + ("&" if "?" in path else "?") + f"lang={language}")
        reader = read(page)
        assert f'<html lang="{language}">' in page
        assert WORDS["ru" if language == "en" else "en"]["other_language"] != WORDS[language]["other_language"]
        title = re.findall(r"<title>(.*?)</title>", page)[0]
        assert not re.search(r"Анна|\d{7}|@", title), "no contact data in a title"
        seen |= {link for link in reader.links if link.startswith("/")}
    for link in seen:
        answer = await desk.get(link.replace("&amp;", "&"))
        assert answer.status == 200, link


async def test_the_language_that_was_chosen_stays(desk: Desk) -> None:
    assert "Overview" in await desk.page("/")
    assert "Обзор" in await desk.page("/?lang=ru")
    assert "Обзор" in await desk.page("/")


def test_both_tables_of_words_are_whole() -> None:
    assert WORDS["en"].keys() == WORDS["ru"].keys()
    assert STATES["en"].keys() == STATES["ru"].keys() == {state.value for state in JobState}
    for key, text in WORDS["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", WORDS["ru"][key])), key


def test_every_word_is_used() -> None:
    folder = Path(__file__).parent.parent / "bridge" / "report"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in {".html", ".py"}
                     and path.name not in {"words.py", "words_reports.py"})  # fmt: skip
    composed = ("ch_", "e_", "claim_", "role_", "verdict_", "op_", "ops_", "d_", "mode_", "breaker_", "flash_", "t_jobs_",
                "f_", "by_", "key_", "hours_")  # fmt: skip
    messages = ("gone", "refused", "fault", "busy")
    idle = [key for key in WORDS["en"] if not key.startswith(composed) and key.partition("_")[0] not in messages
            and not re.search(rf"words\.{key}\b|words\[\"{key}\"\]|\[\"{key}\"\]|\"{key}\"|'{key}'", text)]  # fmt: skip
    assert idle == []


async def test_what_a_visitor_writes_stays_text(desk: Desk) -> None:
    chat = dialogue(HOSTILE, HOSTILE, chat_id=HOSTILE, name=HOSTILE)
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", HOSTILE, chat=chat, code="crm_rejected", made=plan(HOSTILE))
    html = dialogue(chat_id="html")
    other = await desk.ended(JobState.DONE, "new", chat=html, made=plan(HOSTILE, markup="html"), done=2)
    await desk.receive(HOSTILE.encode(), key="x", state="not_understood", reason=HOSTILE, event=HOSTILE)
    for path in ("/", "/jobs", "/deliveries", f"/jobs/{job_id}", f"/jobs/{other}", f"/jobs/{job_id}?said={HOSTILE}",
                 "/deliveries/3/raw"):  # fmt: skip
        page = await desk.page(path)
        read(page)
        assert "<script>alert" not in page
        if "alert(1)" in page:
            assert "{{ 7*7 }}" in page  # as it was written, not computed


async def test_nothing_live_may_run_on_any_answer(desk: Desk) -> None:
    for path in ("/", "/nowhere", "/api/jobs", "/static/ops.css", "/healthz", "/metrics", "/sign-in"):
        answer = await desk.get(path)
        assert answer.headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self';"
        )
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "max-age" in answer.headers["Cache-Control"] if "static" in path else answer.headers["Cache-Control"] == "no-store"


async def test_a_page_that_is_not_there_says_so(desk: Desk) -> None:
    for path in ("/nowhere", "/jobs/999", f"/jobs/{10**30}", "/jobs/0", "/deliveries/999/raw", "/static/..%2fview.py"):
        answer = await desk.get(path)
        assert answer.status == 404, path
        assert WORDS["en"]["gone_title"] in await answer.text()


async def test_a_list_is_turned_page_by_page(desk: Desk) -> None:
    for number in range(53):
        await desk.job(dialogue(chat_id=f"c-{number}"))
    first = read(await desk.page("/jobs"))
    jobs = [link for link in first.links if re.fullmatch(r"/jobs/\d+", link)]
    assert len(jobs) == 50
    earlier = next(link for link in first.links if "after=" in link)
    second = read(await desk.page(earlier))
    rest = [link for link in second.links if re.fullmatch(r"/jobs/\d+", link)]
    assert len(rest) == 3
    assert not set(rest) & set(jobs)


async def test_nonsense_in_an_address_is_left_out(desk: Desk) -> None:
    await desk.job()
    for query in ("before=x", "before=-1", "before=99999999999999999999", "state=%00", "state=held'--", "lang=xx", "said=x"):
        assert (await desk.get(f"/jobs?{query}")).status == 200, query
    assert (await desk.get("/jobs/replay?state=done&target=sales")).status == 400


async def test_an_empty_store_says_what_to_do(desk: Desk) -> None:
    page = await desk.page("/")
    assert WORDS["en"]["all_well"] in page
    assert "chat2crm urls" in page


async def test_the_settings_language_is_the_first(tmp_path: Path, clock: FakeClock) -> None:
    async with desk_of(tmp_path, clock, settings(language="ru")) as desk:
        answer = await desk.get("/sign-in")
        assert "Пароль" in await answer.text()
