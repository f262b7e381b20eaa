"""A desk with something of everything on it, for those that come over HTTP from outside: a browser, a fuzzer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk import EMAIL, PHONE, Desk, call, desk_of, dialogue, plan, settings
from fakes import FakeClock

from bridge.model import Client, JobState, Plan
from bridge.store import TargetStop

#: two targets: one rehearses, one writes
TARGETS = {
    "sales": {"crm": "sandbox", "url": "https://crm.example.com", "mode": "rehearse"},
    "vip": {"crm": "sandbox", "url": "https://crm2.example.com", "mode": "write"},
}
LONG = "Здравствуйте! Подскажите, пожалуйста, есть ли в наличии гриль G-2 с крышкой, и сколько стоит доставка в Казань? " * 4
REFUSED = "crm2.example.com refuses field UF_CRM_1: there is no such field (request 48151623)"


def what_would_be(client: Client | None) -> Plan:
    text = "Анна, +7 916 123-45-67\nСайт shop.example\n\nАнна: Мой телефон +79161234567\nОлег: Спасибо, перезвоним"
    made = plan(text, client=client)
    return made.model_copy(update={"match": made.match.model_copy(update={"reason": "this phone stands on nobody's card"})})


async def furnish(desk: Desk) -> dict[str, int]:
    """Chats in every state that a page treats otherwise; gives their numbers by what they are for."""
    numbers: dict[str, int] = {}
    at = desk.clock.now()

    async def ended(name: str, *args: object, **more: object) -> None:
        more.setdefault("target", "vip")
        more.setdefault("chat", dialogue(chat_id=name, at=desk.clock.now()))
        numbers[name] = await desk.ended(*args, **more)  # type: ignore[arg-type]

    for hour, count in enumerate((1, 0, 2, 3, 1, 4, 2)):
        for number in range(count):
            name = f"older-{hour}-{number}"
            chat = dialogue(chat_id=name, name=("Олег Петров", "Мария", "Daniel Reed", None)[number % 4], at=at)
            await ended(name, JobState.DONE, "found", chat=chat, made=plan(client=Client(id="17")), done=1)
        await desk.clock.advance(3600)
    steps = (
        call(desk.clock, "find by phone"), call(desk.clock, "write create", method="POST", path="/clients", status=201, ms=240),
        call(desk.clock, "write note", method="POST", path="/notes", status=201, ms=95),
    )  # fmt: skip
    contacts = f"Мой телефон {PHONE}, почта {EMAIL}. Не звоните, пишите."
    long = dialogue(LONG, "Добрый день! Да, есть.", contacts, chat_id="done", at=at)
    await ended("done", JobState.DONE, "new", chat=long, made=plan(LONG), done=2, steps=steps)
    html = "<p>Чат <b>на сайте</b></p><ul><li>раз</li><li>два</li></ul>"
    anna = Client(id="17", name="Анна Иванова")
    await ended("html", JobState.DONE, "found", made=plan(html, markup="html", client=anna), done=1)
    for name in ("refused-1", "refused-2", "refused-3"):
        step = call(desk.clock, "write note", method="POST", path="/notes", status=400, error="crm_rejected")
        detail = f"{REFUSED[:-1]}{name[-1]})"
        await ended(name, JobState.DEAD, "crm_rejected", detail, code="crm_rejected", made=plan(), done=1, steps=(step,))
    await ended("broken", JobState.DEAD, "crm_broken", "500 Internal Server Error", code="crm_broken")
    await ended("ambiguous", JobState.HELD, "ambiguous", "Several clients fit. Анна Иванова (id 17), Анна Петрова (id 204)")
    await ended("unknown", JobState.HELD, "unknown_outcome", made=plan(), sent=1)
    await ended("waiting", JobState.WAITING, "no_contact", chat=dialogue("Сколько стоит?", chat_id="waiting", at=at))
    await ended("retrying", JobState.RETRYING, "crm_no_answer", "No answer within 20 s.", code="crm_no_answer")
    for number in range(3):
        client = Client(id="17", name="Анна Иванова") if number else None
        await ended(f"rehearsed-{number}", JobState.SKIPPED, "rehearsed", rehearsed=what_would_be(client), target="sales")
    await desk.receive(b'{"event": "chat_closed", "odd": true}', key="odd", state="not_understood", reason="there is no chat id",
                       findings=("chat_id is null",))  # fmt: skip
    await desk.store.stop_target(TargetStop(target="sales", reason="brake", detail="", since=desk.clock.time() - 600))
    desk.deps.metrics.skews["shop"] = 42.0
    numbers["pending"] = await desk.job(dialogue("Привет", chat_id="pending", at=desk.clock.now()), target="vip")
    await desk.clock.advance(60)
    return numbers



@dataclass(slots=True)
class Stand:
    """A furnished desk in a thread of its own."""

    base: str = ""
    numbers: dict[str, int] = field(default_factory=dict)
    desk: Desk | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def on_desk(self, work: Callable[[Desk], Coroutine[Any, Any, Any]]) -> Any:
        assert self.loop is not None
        assert self.desk is not None
        return asyncio.run_coroutine_threadsafe(work(self.desk), self.loop).result(30)

    def state(self, name: str) -> str:
        async def ask(desk: Desk) -> str:
            job = await desk.store.job(self.numbers[name])
            assert job is not None
            return job.state.value

        return str(self.on_desk(ask))


@contextmanager
def standing_desk(folder: Path, **more: Any) -> Iterator[Stand]:
    made, ready, over = Stand(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with desk_of(folder, FakeClock(), settings(targets=TARGETS, **more)) as desk:
            made.numbers = await furnish(desk)
            made.desk, made.loop, made.base = desk, asyncio.get_running_loop(), str(desk.web.make_url("/")).rstrip("/")
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield made
    finally:
        assert made.loop is not None
        made.loop.call_soon_threadsafe(over.set)
        thread.join(30)
