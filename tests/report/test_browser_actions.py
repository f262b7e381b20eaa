"""Every button there is, pressed in a real browser: with a finger on a phone, and without scripts by the keyboard alone. That
the keyboard leads everywhere with scripts, too, is seen page by page in test_browser.

The buttons are taken from the routes and from the pages' forms; each has a row in ACTIONS, so that a new one is not forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from browser_desk import REFUSED, Stand, what_would_be
from browser_look import DESK, MARKS, PHONE, Look, reach
from desk import PASSWORD, Desk, dialogue, plan
from playwright.sync_api import Locator, expect

from bridge.model import JobState
from bridge.report import application
from bridge.store import TargetStop

pytestmark = MARKS

Prepared = Callable[[Desk, str], Awaitable[tuple[str, int | None]]]


@dataclass(frozen=True, slots=True)
class Action:
    """What is pressed on a page that is made for it: gives the page's address, and the number of the job if it is about one."""

    prepared: Prepared
    button: str
    #: what is said afterwards; or the heading of the page that follows
    said: str
    #: what is opened before
    opens: str = ""
    #: label → what is typed
    typed: Mapping[str, str] = field(default_factory=dict)
    #: of the job afterwards
    state: JobState | None = JobState.PENDING
    signed_in: bool = True


def job(state: JobState, reason: str, detail: str = "", **more: object) -> Prepared:
    async def prepared(desk: Desk, chat_id: str) -> tuple[str, int | None]:
        chat = dialogue(chat_id=chat_id, at=desk.clock.now())
        number = await desk.ended(state, reason, detail, **{"chat": chat, "target": "vip", **more})  # type: ignore[arg-type]
        return f"/jobs/{number}", number

    return prepared


async def done_once(desk: Desk, chat_id: str) -> tuple[str, int | None]:
    path, number = await job(JobState.DONE, "new", made=plan(), done=2)(desk, chat_id)
    return f"{path}/again", number


async def dead_group(desk: Desk, chat_id: str) -> tuple[str, int | None]:
    _, number = await job(JobState.DEAD, "crm_no_answer", code="crm_no_answer")(desk, chat_id)
    return "/jobs/replay?state=dead&target=vip&reason=crm_no_answer&code=crm_no_answer", number


async def rehearsed(desk: Desk, chat_id: str) -> tuple[str, int | None]:
    _, number = await job(JobState.SKIPPED, "rehearsed", rehearsed=what_would_be(None), target="sales")(desk, chat_id)
    return "/rehearsal", number


async def stopped(desk: Desk, _: str) -> tuple[str, int | None]:
    await desk.store.stop_target(TargetStop(target="sales", reason="brake", detail="", since=desk.clock.time()))
    return "/", None


async def unread(desk: Desk, key: str) -> tuple[str, int | None]:
    await desk.receive(b"{", key=key, state="not_understood", reason="there is no chat id")
    return "/deliveries?state=not_understood", None


async def anywhere(_: Desk, __: str) -> tuple[str, int | None]:
    return "/mappings", None


async def nowhere(_: Desk, __: str) -> tuple[str, int | None]:
    return "/sign-in", None


TWO = "Several clients fit. Анна Иванова (id 17), Анна Петрова (id 204)"
ACTIONS = {
    "/jobs/{}/replay": Action(job(JobState.DEAD, "crm_rejected", REFUSED, code="crm_rejected"), "Send round again",
                              "Sent round again."),
    "/jobs/{}/again": Action(done_once, "Yes, do it", "Sent round again."),
    "/jobs/{}/skip": Action(job(JobState.RETRYING, "crm_no_answer"), "Skip", "Skipped.", state=JobState.SKIPPED),
    "/jobs/{}/written": Action(job(JobState.HELD, "unknown_outcome", made=plan(), sent=1), "It is written",
                               "Noted: it is written. The rest goes on.", typed={"Its number in the CRM": "4711"}),
    "/jobs/{}/choose": Action(job(JobState.HELD, "ambiguous", TWO), "This one: no. 204",
                              "The client is chosen; the chat is being written."),
    "/jobs/{}/write": Action(job(JobState.SKIPPED, "rehearsed", rehearsed=what_would_be(None), target="sales"), "Write this one",
                             "Sent round again."),
    "/jobs/{}/correct": Action(job(JobState.WAITING, "no_contact"), "Save and send round again",
                               "The contacts are corrected; the chat is being written.", opens="Correct the contacts",
                               typed={"Phones and e-mails to add": "8 916 765-43-21"}),
    "/jobs/replay": Action(dead_group, "Yes, do it", "Sent round again: 1."),
    "/rehearsal/{}/write": Action(rehearsed, "Write these", "Being written: "),
    "/targets/{}/go": Action(stopped, "Go on", "The CRM connection goes on.", state=None),
    "/sources/{}/again": Action(unread, "Read again: shop", "Sent round again: ", state=None),
    "/sign-in": Action(nowhere, "Sign in", "Overview", typed={"Password": PASSWORD}, state=None, signed_in=False),
    "/sign-out": Action(anywhere, "Sign out", "Sign in", state=None, signed_in=False),
}  # fmt: skip
#: how they are pressed → width, with scripts, by keyboard
WAYS = {"phone": (PHONE, True, False), "keyboard-without-scripts": (DESK, False, True)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", ACTIONS)
def test_what_a_person_can_do_is_done(action: str, way: str, stand: Stand, look: Look) -> None:
    asked, (width, scripts, by_keyboard) = ACTIONS[action], WAYS[way]
    path, number = stand.on_desk(lambda desk: asked.prepared(desk, f"{action} {way}"))
    if not asked.signed_in:
        page = look.signed_out(scripts=scripts)
        if action == "/sign-out":  # of a session of its own: the others go on
            page.goto("/sign-in")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
    page = look(path, width=width, scripts=scripts)
    press = pressed_by_key if by_keyboard else Locator.click
    if asked.opens:
        press(page.locator("summary", has_text=asked.opens))
    for label, text in asked.typed.items():
        if by_keyboard:
            reach(page.get_by_label(label))
            page.keyboard.type(text)
        else:
            page.get_by_label(label).fill(text)
    button = page.get_by_role("button", name=asked.button).first
    formed = button.evaluate("(one) => new URL(one.form.action).pathname") if scripts else ""
    assert not formed or pattern_of(formed) == action
    press(button)
    if asked.state is None and not asked.said.endswith((".", ": ")):
        expect(page.get_by_role("heading", name=asked.said)).to_have_count(1)
    else:
        expect(page.get_by_role("status")).to_contain_text(asked.said)
    if number is not None:
        assert job_state(stand, number) == asked.state


def pressed_by_key(one: Locator) -> None:
    reach(one)
    one.page.keyboard.press("Enter")


def job_state(stand: Stand, number: int) -> JobState:
    async def ask(desk: Desk) -> JobState:
        found = await desk.store.job(number)
        assert found is not None
        return found.state

    state: JobState = stand.on_desk(ask)
    return state


def pattern_of(path: str) -> str:
    """Numbers and names of connections out of it."""
    return re.sub(r"^/(jobs|rehearsal|targets|sources)/[^/]+/", r"/\1/{}/", path)


def test_every_button_there_is_has_a_row(stand: Stand) -> None:
    async def forms(desk: Desk) -> set[str]:
        pages = [await desk.page("/sign-in")]
        await desk.sign_in()
        for name, action in ACTIONS.items():
            path, _ = await action.prepared(desk, f"a page with {name}")
            pages += [await desk.page(path)] if path != "/sign-in" else []
        return {path for page in pages for path in re.findall(r'<form method="post" action="([^"?]+)', page)}

    assert stand.desk is not None
    routes = {route.resource.canonical for route in application(stand.desk.deps).router.routes() if route.method == "POST"}
    served = {re.sub(r"\{[^}]*\}", "{}", path) for path in routes if not path.startswith("/api/")}
    assert served == set(ACTIONS)
    assert {pattern_of(path) for path in stand.on_desk(forms)} == served
