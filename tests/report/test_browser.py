"""The pages in a real browser, as people use them: on a phone and a desk, light and dark, by keyboard, and without scripts.

Where no Chromium is, all of it is skipped, and `make test` says so at its end. What is seen is kept under build/screens.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser_desk import Stand, standing_desk
from desk import PASSWORD, Desk

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the pages were not looked at")

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402 - where it is missing all is skipped

_FOUND = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, _FOUND), "")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium is here: the pages were not looked at (apt-get install chromium)"),
    pytest.mark.xdist_group("browser"),
]

AXE = Path(__file__).parent / "axe" / "axe.min.js"
AXE_SOURCE = AXE.read_text(encoding="utf-8")
#: rules of axe that depend on the window's width and on colours
OF_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size", "meta-viewport")
SCREENS = Path(__file__).parents[2] / "build" / "screens"
PHONE, DESK = 390, 1280
PATIENCE = 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as tool:
        made = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing_desk(tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture(scope="module")
def signed_in(stand: Stand, browser: Browser) -> list[dict[str, Any]]:
    """The cookies of somebody who has signed in, once, through the form."""
    context = browser.new_context(base_url=stand.base)
    page = context.new_page()
    page.goto("/jobs?state=dead")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Chats")).to_be_visible()
    cookies: list[dict[str, Any]] = context.cookies()
    context.close()
    return cookies


@dataclass
class Look:
    """Opens pages in two windows that stay open, with scripts and without; whatever the browser complains of fails the test.

    A window costs half a second of processor time, a page in it a tenth of that.
    """

    stand: Stand
    browser: Browser
    cookies: list[dict[str, Any]]
    complaints: list[str] = field(default_factory=list)
    windows: dict[bool, Page] = field(default_factory=dict)

    def __call__(self, path: str, *, width: int = DESK, scripts: bool = True) -> Page:
        page = self.windows.get(scripts) or self._opened(scripts=scripts)
        page.set_viewport_size({"width": width, "height": 860})
        page.goto(path)
        return page

    def _opened(self, *, scripts: bool) -> Page:
        context = self.browser.new_context(base_url=self.stand.base, java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE)
        context.add_cookies(self.cookies)  # type: ignore[arg-type]
        page = self.windows[scripts] = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def cleared(self) -> list[str]:
        """What has been complained of; the windows are as if they had just been opened."""
        for page in self.windows.values():
            page.goto("about:blank")
            page.emulate_media(color_scheme=None)
            page.context.clear_cookies()
            page.context.add_cookies(self.cookies)  # type: ignore[arg-type]
        said, self.complaints[:] = list(self.complaints), []
        return said

    def serious_faults(self, page: Page, rules: Sequence[str] = ()) -> list[str]:
        """As axe sees them, of all its rules or of some. Our policy lets no foreign script in; the browser's own hand does, and
        what the policy says of that script is no fault of the page.
        """
        before = list(self.complaints)
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE_SOURCE)
        only = {"runOnly": list(rules)} if rules else {}
        found = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **only})
        self.complaints[:] = before
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in found["violations"] if one["impact"] in {"serious", "critical"}
        ]  # fmt: skip


@pytest.fixture(scope="module")
def windows(stand: Stand, browser: Browser, signed_in: list[dict[str, Any]]) -> Look:
    return Look(stand, browser, signed_in)


@pytest.fixture
def look(windows: Look) -> Iterator[Look]:
    yield windows
    assert windows.cleared() == []


def pages(stand: Stand) -> dict[str, str]:
    numbers = stand.numbers
    return {
        "overview": "/", "chats": "/jobs", "search": "/jobs?q=4567&state=done", "nothing": "/jobs?q=nowhere", "stuck": "/stuck",
        "group": "/jobs/replay?state=dead&target=vip&reason=crm_rejected&code=crm_rejected", "rehearsal": "/rehearsal",
        "deliveries": "/deliveries", "raw": "/deliveries/1/raw", "done": f"/jobs/{numbers['done']}",
        "html": f"/jobs/{numbers['html']}", "ambiguous": f"/jobs/{numbers['ambiguous']}",
        "unknown": f"/jobs/{numbers['unknown']}",
        "refused": f"/jobs/{numbers['refused-1']}", "rehearsed": f"/jobs/{numbers['rehearsed-0']}",
        "again": f"/jobs/{numbers['done']}/again", "gone": "/jobs/999999", "mappings": "/mappings",
        "mapping": "/mappings/crms/sandbox", "diff": "/mappings/providers/generic/diff",
        "reports": "/reports", "no-reports": "/reports?to=2020-01-31", "operators": "/reports?by=operator",
    }  # fmt: skip


NAMES = ("overview", "chats", "search", "nothing", "stuck", "group", "rehearsal", "deliveries", "raw", "done", "html",
         "ambiguous", "unknown", "refused", "rehearsed", "again", "gone", "mappings", "mapping", "diff",
         "reports", "no-reports", "operators")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_on_a_phone_and_a_desk_in_light_and_dark(name: str, stand: Stand, look: Look) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    path = pages(stand)[name]
    for language, schemes in (("en", ((PHONE, "light"), (DESK, "dark"))), ("ru", ((PHONE, "dark"), (DESK, "light")))):
        page = look(f"{path}{'&' if '?' in path else '?'}lang={language}", width=PHONE)
        if name == "gone":
            look.complaints[:] = [one for one in look.complaints if "404" not in one]
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        for width, scheme in schemes:
            page.set_viewport_size({"width": width, "height": 860})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name} is {wide} px too wide at {width}"
            page.screenshot(path=SCREENS / f"{name}-{width}-{scheme}-{language}.png", full_page=True)
            if language == "en":
                # the second time those that the width and the colours decide: all else is the same document
                assert look.serious_faults(page, () if width == PHONE else OF_LOOKS) == []


def test_every_page_says_as_much_without_scripts(stand: Stand, look: Look) -> None:
    page = look("/", scripts=False)
    for name, path in pages(stand).items():
        page.goto(path)
        assert page.locator("main").inner_text().strip(), name
        assert page.locator("h1").count() == 1, name
    look.complaints[:] = [one for one in look.complaints if "404" not in one]  # one of them is the page that is not there


def test_the_hash_of_axe_is_the_one_of_its_release() -> None:
    readme = (AXE.parent / "README.md").read_text(encoding="utf-8")
    found = re.search(r"[0-9a-f]{64}", readme)
    assert found
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == found[0]


# -- what people do ----------------------------------------------------------------------------------------------------


def test_a_chat_is_found_while_one_types(look: Look) -> None:
    page = look("/jobs", width=PHONE)
    page.get_by_label("Search").type("reed")
    expect(page.locator("#results li")).to_have_count(2)
    expect(page.locator("#results")).to_contain_text("Daniel Reed")
    assert "q=reed" in page.url
    page.get_by_label("Search").fill("nobody")
    expect(page.locator("#results")).to_contain_text("Nothing was found")


def test_a_chat_is_found_without_scripts_too(look: Look) -> None:
    page = look("/jobs", scripts=False)
    page.get_by_label("Search").fill("reed")
    page.get_by_role("button", name="Show").click()
    assert page.locator("#results li").count() == 2


def test_everything_on_the_overview_is_reached_and_pressed_by_keyboard(stand: Stand, look: Look) -> None:
    page = look("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()")
        outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert outlined, f"one does not see that {name!r} has the focus"
        seen.append(name)
        if name == "All chats":
            break
    assert seen[-1] == "All chats"
    assert "Send round again" in seen
    page.get_by_role("button", name="Go on").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The CRM connection goes on.")


def test_a_person_chooses_the_client(stand: Stand, look: Look) -> None:
    page = look(f"/jobs/{stand.numbers['ambiguous']}", width=PHONE)
    page.get_by_role("button", name="This one: no. 204").click()
    expect(page.get_by_role("status")).to_have_text("The client is chosen; the chat is being written.")
    assert stand.state("ambiguous") == "pending"


def test_a_person_corrects_the_contacts_without_scripts(stand: Stand, look: Look) -> None:
    page = look(f"/jobs/{stand.numbers['waiting']}", scripts=False)
    page.get_by_text("Correct the contacts").click()
    page.get_by_label("Phones and e-mails to add").fill("no such thing")
    page.get_by_role("button", name="Save and send round again").click()
    assert "nothing was changed" in page.get_by_role("status").inner_text()
    page.get_by_text("Correct the contacts").click()
    page.get_by_label("Phones and e-mails to add").fill("8 916 765-43-21\nnew@example.com")
    page.get_by_role("button", name="Save and send round again").click()
    assert "contacts are corrected" in page.get_by_role("status").inner_text()
    assert "+79167654321" in page.locator(".points").inner_text()
    assert stand.state("waiting") == "pending"


def test_a_group_is_looked_at_and_sent_round(stand: Stand, look: Look) -> None:
    page = look("/stuck")
    page.get_by_role("link", name="Send round again: the CRM refuses what was written").click()
    expect(page.get_by_role("heading", name="Send 3 chats round again?")).to_be_visible()
    page.locator("details.preview").first.click()
    expect(page.locator("details.preview").first).to_contain_text("Чат на сайте")
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_role("status")).to_have_text("Sent round again: 3.")
    assert {stand.state(f"refused-{number}") for number in (1, 2, 3)} == {"pending"}


def test_one_button_writes_what_was_rehearsed(stand: Stand, look: Look) -> None:
    page = look("/rehearsal", width=PHONE)
    expect(page.locator(".figures")).to_contain_text("1new clients")
    page.get_by_role("button", name="Write these 3").click()
    expect(page.get_by_role("status")).to_have_text("Being written: 3.")
    assert {stand.state(f"rehearsed-{number}") for number in range(3)} == {"pending"}


def test_a_chat_is_skipped_and_sent_round_again(stand: Stand, look: Look) -> None:
    page = look(f"/jobs/{stand.numbers['retrying']}")
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("status")).to_have_text("Skipped.")
    page.get_by_role("button", name="Send round again").click()
    expect(page.get_by_role("status")).to_have_text("Sent round again.")
    assert stand.state("retrying") == "pending"


def test_a_copy_for_an_issue_is_saved_with_nobodys_data_in_it(stand: Stand, look: Look, tmp_path: Path) -> None:
    page = look(f"/jobs/{stand.numbers['done']}")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="A copy for a public issue").click()
    waiting.value.save_as(tmp_path / "job.txt")
    text = (tmp_path / "job.txt").read_text(encoding="utf-8")
    assert "rule my" in text
    assert "9161234567" not in text
    assert "Анна" not in text


def test_what_came_is_shown_after_a_click_that_is_written_down(stand: Stand, look: Look) -> None:
    page = look("/deliveries")
    page.get_by_role("link", name="As received").first.click()
    expect(page.get_by_text("That you looked at this is in the log.")).to_be_visible()
    number = page.url.split("/")[-2]

    async def audited(desk: Desk) -> list[str]:
        return [row["about"] for row in await desk.store.personal().audit(what="raw_viewed")]

    assert f"delivery {number}" in stand.on_desk(audited)


def test_the_chart_tells_the_hour_under_the_pointer(look: Look) -> None:
    page = look("/")
    expect(page.locator(".uplot")).to_be_visible()
    newest = page.locator(".u-legend").inner_text()
    page.locator(".u-over").hover(position={"x": 30, "y": 20})
    expect(page.locator(".u-legend")).not_to_have_text(newest)


def test_a_page_that_looks_after_itself_keeps_nobody_signed_in(stand: Stand, browser: Browser) -> None:
    context = browser.new_context(base_url=stand.base)
    answer = context.request.get("/", headers={"HX-Request": "true", "X-Poll": "1"}, max_redirects=0)
    assert answer.status == 401
    assert answer.headers["hx-redirect"] == "/sign-in"
    context.close()
