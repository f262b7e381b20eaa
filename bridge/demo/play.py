"""The five scenes. What is said to have come of one is looked up in the CRM's own records, never assumed."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import click

from bridge.demo.service import PATIENCE, DemoFailed, Service
from bridge.demo.words import WORDS, Language
from bridge.sandbox import Running, Switches
from bridge.sandbox.audit import audit
from bridge.sandbox.entities import CLIENT, NOTE
from bridge.sandbox.finding import find
from bridge.sandbox.switches import read_switches

#: seconds the CRM is away in the last scene, and after how many of them the service is killed
AWAY, KILLED_AFTER = 10.0, 3.0
#: seconds between two looks into the CRM
LOOK_EVERY = 0.1
_SIGNS = {"visitor": "●", "operator": "○"}


@dataclass(slots=True)
class Play:
    language: Language
    crm: Running
    service: Service
    session: aiohttp.ClientSession
    #: of the sources, in the address
    hooks_secret: str
    chats: Mapping[str, dict[str, Any]]
    wrong: list[str] = field(default_factory=list)
    _sent: dict[str, bytes] = field(default_factory=dict)
    _scene: int = 0

    def say(self, key: str, **values: object) -> str:
        return WORDS[self.language][key].format(**values)

    def scene(self, key: str, **values: object) -> None:
        self._scene += 1
        click.echo()
        click.echo(click.style(f"{self._scene}. {self.say(key, **values)}", bold=True))

    def check(self, *, holds: bool, key: str, **values: object) -> None:
        """A line of what has come of it; what does not hold makes the demo fail."""
        text = self.say(key, **values)
        click.echo(f"   {click.style('✓', fg='green') if holds else click.style('✗', fg='red')} {text}")
        if not holds:
            self.wrong.append(text)

    def point_to(self, card: Mapping[str, Any]) -> None:
        click.echo(f"     → {self.crm.url}/clients/{card['id']}")

    async def act(self) -> None:
        for scene in (self.new_clients, self.known_client, self.own_number, self.same_again, self.outage):
            await scene()
        told = audit(self.crm.parts.records)
        doubled = {name: told[name] for name in told if name.startswith("doubled_") or name == "overwritten"}
        self.wrong += [f"{name}: {count}" for name, count in doubled.items() if count]
        click.echo()
        self.check(holds=(told["clients"], told["notes"]) == (6, 5) and not any(doubled.values()), key="sum",
                   clients=told["clients"], notes=told["notes"])  # fmt: skip

    async def new_clients(self) -> None:
        self.scene("new")
        for name, phones, emails in (("new_ru", ["+79000000123"], ["irina.petrova@mail.ru"]), ("new_en", ["+12025550143"], [])):
            await self.post(name)
            note = await self.note_of(name)
            card = self.client(note["client_id"])
            self.check(holds=(card["phones"], card["emails"]) == (phones, emails), key="made", name=card["name"],
                       contacts=", ".join([*card["phones"], *card["emails"]]) or "-")  # fmt: skip
            self.point_to(card)
        first_line = note["text"].splitlines()[0].lower()
        self.check(holds=("не звонить" if self.language == "ru" else "not to be called") in first_line, key="quiet")

    async def known_client(self) -> None:
        self.scene("known")
        [maria] = self.found(phone_like="9160000077")
        await self.post("known")
        note = await self.note_of("known")
        self.check(holds=note["client_id"] == maria["id"], key="one_note", name=maria["name"])
        cards = self.found(phone_like="9160000077")
        self.check(holds=[card["phones"] for card in cards] == [["8 (916) 000-00-77"]], key="same_card")
        self.point_to(maria)

    async def own_number(self) -> None:
        self.scene("own_number")
        [shop] = self.found(phone_like="2025550199")
        await self.post("own_number")
        note = await self.note_of("own_number")
        card = self.client(note["client_id"])
        alone = (card["phones"], card["emails"]) == ([], ["emma.price@gmail.com"])
        untouched = self.found(phone_like="2025550199") == [shop] and not self.notes(client_id=str(shop["id"]))
        self.check(holds=alone and untouched, key="only_mail")
        self.point_to(card)

    async def same_again(self) -> None:
        self.scene("again")
        notes, requests = len(self.notes()), self.crm.parts.traffic.by_operation.total()
        await self.post("new_ru", again=True)
        # a chat that is new is sorted, tried and written in far less
        await asyncio.sleep(1.0)
        same = (len(self.notes()), self.crm.parts.traffic.by_operation.total()) == (notes, requests)
        self.check(holds=same, key="nothing", notes=notes)

    async def outage(self) -> None:
        self.scene("outage", away=AWAY)
        began = time.monotonic()
        self.crm.parts.faults.set(Switches(down=True))
        await self.post("outage")
        await asyncio.sleep(KILLED_AFTER)
        pid = self.service.pid
        await self.service.end(signal.SIGKILL)
        self.check(holds=not self.found(phone_like="2025550171"), key="killed", seconds=time.monotonic() - began, pid=pid)
        await self.service.start()
        self.check(holds=self.service.pid != pid, key="restarted", pid=self.service.pid)
        await asyncio.sleep(max(0.0, AWAY - (time.monotonic() - began)))
        self.crm.parts.faults.set(read_switches({"drop_after_commit": {"operation": "note.create", "times": 1}}))
        self.check(holds=time.monotonic() - began >= AWAY, key="back")
        note = await self.note_of("outage")
        # the answer was lost: the service looks for its note, and must not write it again
        await self.until(lambda: self.crm.parts.traffic.by_operation["note.search"] > 0, "the service looks for its note")
        await asyncio.sleep(1.0)
        notes = self.notes(client_id=str(note["client_id"]))
        self.check(holds=len(notes) == 1 and len(self.found(phone_like="2025550171")) == 1, key="once",
                   seconds=time.monotonic() - began)  # fmt: skip
        self.point_to(self.client(note["client_id"]))

    # -- sending and looking -------------------------------------------------------------------------------------------

    async def post(self, name: str, *, again: bool = False) -> None:
        """Deliver a chat as the chat service would, and show how fast it is answered."""
        chat = self.chats[name]
        if not again:
            self._sent[name] = _delivery(chat)
            for role, _, text in chat["messages"]:
                click.echo(click.style(f"     {_SIGNS[role]} {text}", dim=True))
        hook = f"{self.service.url('receive')}/hooks/{chat['source']}/{self.hooks_secret}"
        began = time.perf_counter()
        async with self.session.post(hook, data=self._sent[name], headers={"Content-Type": "application/json"}) as answer:
            await answer.read()
        ms = round((time.perf_counter() - began) * 1000)
        self.check(holds=answer.status == 200, key="answered", status=answer.status, ms=ms)  # noqa: PLR2004 - taken

    async def note_of(self, name: str) -> dict[str, Any]:
        """The note of a chat, as soon as it stands in the CRM."""
        said = self.chats[name]["messages"][0][2]

        def there() -> bool:
            return any(said in note["text"] for note in self.notes())

        await self.until(there, f"a note with “{said}”")
        return next(note for note in self.notes() if said in note["text"])

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise DemoFailed(f"After {PATIENCE:.0f} s still not: {what}. {self.say('log', path=self.service.log)}")
            await asyncio.sleep(LOOK_EVERY)

    def found(self, **wanted: str) -> list[dict[str, Any]]:
        """Client cards by the filters of the CRM's search."""
        rows = find(self.crm.parts.records, CLIENT, {name: [value] for name, value in wanted.items()}, limit=50)
        return [_card(row) for row in rows]

    def notes(self, **wanted: str) -> list[dict[str, Any]]:
        return find(self.crm.parts.records, NOTE, {name: [value] for name, value in wanted.items()}, limit=50)

    def client(self, client_id: int) -> dict[str, Any]:
        return _card(self.crm.parts.records.read(CLIENT, int(client_id)))


def _card(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "phones": json.loads(row["phones"]), "emails": json.loads(row["emails"])}


def _delivery(chat: Mapping[str, Any]) -> bytes:
    """The chat as it is posted, ended just now."""
    spoken = chat["messages"]
    began = datetime.now(UTC) - timedelta(seconds=spoken[-1][1] + 5)
    author = chat["operators"][0]["name"]
    messages = [
        {"id": f"m{number}", "from": role, "text": text, "at": (began + timedelta(seconds=after)).isoformat(),
         **({"author": author} if role == "operator" else {})}
        for number, (role, after, text) in enumerate(spoken, 1)
    ]  # fmt: skip
    data = {key: value for key, value in chat.items() if key not in ("source", "messages")}
    data |= {"messages": messages, "started_at": messages[0]["at"], "ended_at": messages[-1]["at"]}
    return json.dumps({"type": "chat.finished", "data": data}, ensure_ascii=False).encode()
