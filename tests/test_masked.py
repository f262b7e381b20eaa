"""Nobody's phone, e-mail or token in any log line, figure, alert, error body or page title: whole ways of made-up chats."""

from __future__ import annotations

import io
import random
import re
from pathlib import Path
from typing import Any

import pytest
from desk import EMAIL, PHONE, desk_of, dialogue, settings
from fakes import FakeClock
from running import finished
from way import ENVIRON, on_the_way

from bridge import log
from bridge.report import Metrics

NAMES = ["ivan.petrov", "o'brien", "анна", "x_y-z", "a.b+tag"]
FORMS = [
    "+7 {a} {b}-{c}-{d}", "8({a}){b}{c}{d}", "+7{a}{b}{c}{d}", "8 {a} {b} {c} {d}", "7-{a}-{b}-{c}-{d}", "{a}.{b}.{c}.{d}",
    "восемь {a} {b} {c} {d}", "8\u00a0{a}\u00a0{b}\u2011{c}\u2011{d}",
]  # fmt: skip


class Person:
    """Made up by a number."""

    def __init__(self, chance: random.Random) -> None:
        self.digits = "9" + "".join(chance.choice("0123456789") for _ in range(9))
        a, b, c, d = self.digits[:3], self.digits[3:6], self.digits[6:8], self.digits[8:]
        self.phone = chance.choice(FORMS).format(a=a, b=b, c=c, d=d)
        self.email = f"{chance.choice(NAMES)}{chance.randrange(10**6)}@mail{chance.randrange(10**6)}.example"

    def is_in(self, text: str) -> bool:
        bare = re.sub(r"(?<=\d)[\s().\-\u00a0\u2011]{1,3}(?=\d)", "", text)
        return self.digits in bare or self.email.casefold() in text.casefold()


@pytest.fixture
def said() -> io.StringIO:
    stream = io.StringIO()
    log.set_up(form="json", level="debug", stream=stream)
    return stream


@pytest.mark.parametrize("number", range(4))
async def test_no_line_and_no_figure_names_anybody(tmp_path: Path, clock: FakeClock, said: io.StringIO, number: int) -> None:
    chance = random.Random(number)
    log.register(ENVIRON.values())
    people = [Person(chance) for _ in range(12)]
    async with on_the_way(tmp_path, clock) as way:
        metrics = Metrics(lambda *_: None)
        for place, person in enumerate(people):
            if place == 8:
                way.faults(**chance.choice([
                    {"block": True}, {"drop_after_commit": {"operation": "note.create", "times": 1}},
                    {"broken_after_commit": {"operation": "client.create", "times": 2}},
                ]))  # fmt: skip
            texts = chance.choice([
                (f"мой номер {person.phone}",), (f"пишите {person.email}",), ("заказ", person.phone, person.email),
                (f"{person.phone} или {person.email}, имя {person.email}",),
            ])  # fmt: skip
            event = finished(place, text=texts[0], extra=texts[1:], name=chance.choice(["Иван", person.email, person.phone]))
            if chance.random() < 0.3:
                event["visitor"] |= {"phone": person.phone, "email": person.email}
            for at, message in enumerate(event["chat"]["messages"]):
                message["timestamp"] = int(clock.time()) - 300 + at
            if chance.random() < 0.2:
                event["chat"]["messages"] = [{"message": {"text": person.phone}, "type": person.email, "timestamp": person.phone}]
            await way.post(event)
            if place < 8:
                await way.work()
        await way.work(2)
        await metrics.refresh(way.store, way.targets, way.worker.breakers, clock.time())
        everything = said.getvalue() + metrics.rendered().decode()
        steps = [str(attempt["steps"]) + attempt["detail"] for row in await way.store.reading().jobs()
                 for attempt in (await way.store.reading().job(row["id"]) or {})["tried"]]  # fmt: skip

    assert len(said.getvalue().splitlines()) >= 8  # something was said at all
    assert [person.phone for person in people if person.is_in(everything)] == []
    assert [person.phone for person in people if person.is_in(" ".join(steps))] == []
    assert [name for name, secret in ENVIRON.items() if secret in everything] == []


async def test_no_page_title_alert_or_error_page_names_anybody(tmp_path: Path, clock: FakeClock) -> None:
    async with desk_of(tmp_path, clock, settings()) as desk:
        await desk.sign_in()
        job = await desk.job(dialogue(f"Мой телефон {PHONE}", EMAIL, name=f"{EMAIL} {PHONE}", at=clock.now()))
        await desk.receive(f"{PHONE} {EMAIL}".encode(), key="raw", state="not_understood", reason="x")
        titles, errors = [], []
        for path in ("/", "/jobs", f"/jobs/{job}", "/deliveries", "/deliveries/1/raw"):
            titles += re.findall(r"<title>(.*?)</title>", await desk.page(path), re.DOTALL)
        for path in ("/jobs/99", "/x", f"/jobs/{job}/nothing", "/jobs?state=odd&before=x", "/deliveries/99/raw"):
            answer = await desk.get(path)
            errors.append((await answer.text()) if answer.status >= 400 else "")
        assert len(titles) >= 5
        told = [str(one.body) + str(dict(one.headers)) for one in _posted(desk)]
        found = [text[:80] for text in (*titles, *errors, *told) if EMAIL in text or PHONE[2:] in text]
        assert found == []


def _posted(desk: Any) -> list[Any]:
    return list(desk.webhook.posted)
