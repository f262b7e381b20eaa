"""What the tests look at the pages with: one browser for all of a module, two windows in it, and what one sees by keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser_desk import Stand
from desk import PASSWORD

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the pages were not looked at")

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright  # noqa: E402 - where it is missing all is skipped

_FOUND = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, _FOUND), "")
#: for every test that looks at pages
MARKS = [
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium is here: the pages were not looked at (apt-get install chromium)"),
    pytest.mark.xdist_group("browser"),
]

AXE = Path(__file__).parent / "report" / "axe" / "axe.min.js"
AXE_SOURCE = AXE.read_text(encoding="utf-8")
PHONE, DESK = 360, 1280
PATIENCE = 10_000

#: what the keyboard has to reach, in this order
_REACHABLE = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]'
  )].filter((one) => !one.disabled && one.checkVisibility({visibilityProperty: true}))"""
_WATCH = """() => {
  window.focused = new Map();
  document.addEventListener('focusin', ({target}) => {
    const {outlineStyle, outlineWidth} = getComputedStyle(target);
    window.focused.set(target, outlineStyle !== 'none' && parseFloat(outlineWidth) > 0);
  });
}"""
_NAMED = "(one) => one.getAttribute('aria-label') || one.textContent.trim().slice(0, 40) || one.name || one.tagName"
_MISSED = f"""() => {{
  const named = {_NAMED}, all = ({_REACHABLE})();
  return [all.filter((one) => !window.focused.has(one)).map(named),
          [...window.focused].filter(([one, lit]) => !lit && all.includes(one)).map(([one]) => named(one))];
}}"""


#: how many stops it is from where the keyboard is to this element
_STOPS = f"(one) => {{ const all = ({_REACHABLE})(); return all.indexOf(one) - all.indexOf(document.activeElement); }}"
_THERE = """(one) => {
  const {outlineStyle, outlineWidth} = getComputedStyle(one);
  return [one === document.activeElement, outlineStyle !== 'none' && parseFloat(outlineWidth) > 0];
}"""


def reach(one: Locator) -> None:
    """By the Tab key alone, seeing that one is there. Raises AssertionError if it does not lead there."""
    stops, there, seen = one.evaluate(_STOPS), False, False
    for _ in range(20):  # a date is more than one stop
        for _ in range(stops):
            one.page.keyboard.press("Tab")
        there, seen = one.evaluate(_THERE)
        if there:
            break
        stops = 1
    assert there, f"the keyboard does not lead to {one}"
    assert seen, f"one does not see that {one} has the focus"


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
        page = self.window(scripts=scripts)
        page.set_viewport_size({"width": width, "height": 860})
        page.goto(path)
        return page

    def window(self, *, scripts: bool) -> Page:
        if scripts in self.windows:
            return self.windows[scripts]
        context = self.browser.new_context(base_url=self.stand.base, java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE)
        context.add_cookies(self.cookies)  # type: ignore[arg-type]
        page = self.windows[scripts] = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def signed_out(self, *, scripts: bool) -> Page:
        """The window in which nobody is signed in, until `cleared`."""
        page = self.window(scripts=scripts)
        page.context.clear_cookies()
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

    def close(self) -> None:
        for page in self.windows.values():
            page.context.close()

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

    def out_of_reach(self, page: Page) -> tuple[list[str], list[str]]:
        """What nobody gets to by the Tab key, and where one does not see that one is there."""
        page.evaluate(_WATCH)
        presses = page.evaluate(f"() => ({_REACHABLE})().length")
        for _ in range(3):  # a date has several stops
            for _ in range(presses):
                page.keyboard.press("Tab")
            missed, unlit = page.evaluate(_MISSED)
            if not missed:
                break
            presses = 12
        return missed, unlit


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as tool:
        made = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


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
