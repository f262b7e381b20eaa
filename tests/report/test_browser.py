"""The pages in a real browser, as people use them: on a phone and a desk, light and dark, by keyboard, and without scripts.

Where no Chromium is, all of it is skipped, and `make test` says so at its end. With
CHAT2CRM_SCREENS=1 what is seen is kept under build/screens: pictures of whole pages are most of the work.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest
from browser_desk import Stand
from browser_look import AXE, DESK, MARKS, PHONE, Look
from desk import Desk
from playwright.sync_api import Browser, Page, expect

from bridge.report import application

pytestmark = MARKS

#: rules of axe that depend on the window's width and on colours
OF_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size", "meta-viewport")
SCREENS = Path(__file__).parents[2] / "build" / "screens" if os.environ.get("CHAT2CRM_SCREENS") else None


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
        "sign-in": "/sign-in", "reports": "/reports", "no-reports": "/reports?to=2020-01-31", "operators": "/reports?by=operator",
    }  # fmt: skip


NAMES = ("overview", "chats", "search", "nothing", "stuck", "group", "rehearsal", "deliveries", "raw", "done", "html",
         "ambiguous", "unknown", "refused", "rehearsed", "again", "gone", "mappings", "mapping", "diff", "sign-in",
         "reports", "no-reports", "operators")  # fmt: skip
#: language → width and colours, in which a page is looked at
LOOKS = {
    "en": ((PHONE, "light"), (DESK, "dark"), (DESK, "light"), (PHONE, "dark")), "ru": ((PHONE, "dark"), (DESK, "light")),
}  # fmt: skip


def opened(look: Look, name: str, path: str, *, width: int = DESK) -> Page:
    if name == "sign-in":
        look.signed_out(scripts=True)
    page = look(path, width=width)
    if name == "gone":
        look.complaints[:] = [one for one in look.complaints if "404" not in one]
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    return page


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_on_a_phone_and_a_desk_in_light_and_dark(name: str, stand: Stand, look: Look) -> None:
    if SCREENS:
        SCREENS.mkdir(parents=True, exist_ok=True)
    path = pages(stand)[name]
    for language, looks in LOOKS.items():
        page = opened(look, name, f"{path}{'&' if '?' in path else '?'}lang={language}", width=PHONE)
        for number, (width, scheme) in enumerate(looks):
            page.set_viewport_size({"width": width, "height": 860})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name} is {wide} px too wide at {width}"
            if SCREENS and number < 2:  # a picture of each width and each scheme
                page.screenshot(path=SCREENS / f"{name}-{width}-{scheme}-{language}.png", full_page=True)
            if language == "en":
                # after the first time those that the width and the colours decide: all else is the same document
                assert look.serious_faults(page, OF_LOOKS if number else ()) == []


@pytest.mark.parametrize("name", NAMES)
def test_everything_on_a_page_is_reached_and_seen_by_keyboard(name: str, stand: Stand, look: Look) -> None:
    page = opened(look, name, pages(stand)[name])
    assert look.out_of_reach(page) == ([], [])


def test_every_page_there_is_is_looked_at(stand: Stand) -> None:
    assert set(pages(stand)) == set(NAMES)
    assert stand.desk is not None
    there = {route.resource.canonical for route in application(stand.desk.deps).router.routes() if route.method == "GET"}
    # what is no page: for scripts, probes and the browser, and files that are saved
    there = {path for path in there if not re.match(r"/(api|static|metrics|healthz|readyz)\b|.*(\.csv|\.ico|/share)$", path)}
    patterns = {path: re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)) for path in there}
    looked_at = {path for path, pattern in patterns.items()
                 if any(pattern.fullmatch(one.partition("?")[0]) for one in pages(stand).values())}  # fmt: skip
    assert looked_at == there


def test_every_page_says_as_much_without_scripts(stand: Stand, look: Look) -> None:
    page = look("/", scripts=False)
    for name, path in pages(stand).items():
        if name == "sign-in":
            look.signed_out(scripts=False)
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


def test_the_first_stop_of_the_keyboard_leads_past_the_menu(look: Look) -> None:
    page = look("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_what_is_no_contact_changes_nothing_and_says_so(stand: Stand, look: Look) -> None:
    page = look(f"/jobs/{stand.numbers['waiting']}", scripts=False)
    page.get_by_text("Correct the contacts").click()
    page.get_by_label("Phones and e-mails to add").fill("no such thing")
    page.get_by_role("button", name="Save and send round again").click()
    assert "nothing was changed" in page.get_by_role("status").inner_text()
    assert stand.state("waiting") == "waiting"


def test_what_a_group_would_send_is_looked_at_before(stand: Stand, look: Look) -> None:
    page = look("/stuck")
    page.get_by_role("link", name="Send round again: the CRM refuses what was written").click()
    expect(page.get_by_role("heading", name="Send 3 chats round again?")).to_be_visible()
    page.locator("details.preview").first.click()
    expect(page.locator("details.preview").first).to_contain_text("Чат на сайте")
    page.get_by_role("link", name="No, back").click()
    expect(page.get_by_role("heading", name="Not written and waiting for you")).to_be_visible()
    assert {stand.state(f"refused-{number}") for number in (1, 2, 3)} == {"dead"}


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


@pytest.mark.parametrize("path", ["/", "/reports"])
def test_a_chart_that_is_still_as_wide_as_the_window_was_makes_no_page_wider(path: str, look: Look) -> None:
    page = look(path)
    expect(page.locator(".uplot").first).to_be_visible()
    # as in the moment before it is drawn anew
    page.evaluate("document.querySelectorAll('.uplot, .uplot *').forEach((one) => { one.style.minWidth = '1000px'; })")
    page.set_viewport_size({"width": PHONE, "height": 860})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_charts_figures_are_written_as_the_pages_language_writes_them(look: Look) -> None:
    legends = {
        tongue: look(f"/reports?lang={tongue}").locator(".u-legend").filter(has_text="%").first.inner_text()
        for tongue in ("ru", "en")
    }
    assert re.search(r"\d,\d\s%", legends["ru"])
    assert re.search(r"\d\.\d\s%", legends["en"])


def test_a_page_that_looks_after_itself_keeps_nobody_signed_in(stand: Stand, browser: Browser) -> None:
    context = browser.new_context(base_url=stand.base)
    answer = context.request.get("/", headers={"HX-Request": "true", "X-Poll": "1"}, max_redirects=0)
    assert answer.status == 401
    assert answer.headers["hx-redirect"] == "/sign-in"
    context.close()
