"""The product at work in a minute: the real service as a process of its own, a sandbox CRM, and recorded chats in five scenes.

What is said on the screen is looked up in the CRM's own records, never assumed. Everything lies in a temporary folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import aiohttp
import click

from bridge.errors import BridgeError
from bridge.sandbox import Running, Switches, start
from bridge.sandbox.audit import audit
from bridge.sandbox.control import sow
from bridge.sandbox.entities import CLIENT, NOTE
from bridge.sandbox.finding import find
from bridge.sandbox.switches import read_switches

Language = Literal["en", "ru"]

#: seconds in which each thing that is waited for has to happen, even on a slow machine
PATIENCE = 60.0
#: seconds the CRM is away in the last scene, and after how many of them the service is killed
AWAY, KILLED_AFTER = 10.0, 3.0
#: seconds between two looks into the CRM
LOOK_EVERY = 0.1
_SIGNS = {"visitor": "●", "operator": "○"}


class DemoFailed(BridgeError):
    """The demo did not get on."""


# -- words -------------------------------------------------------------------------------------------------------------

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "begin": "chat2crm: from a finished chat to a note on the right client's card, once.",
        "started": "The service runs (process {pid}), the sandbox CRM is up, two cards are in it. Nothing leaves this machine.",
        "new": "A visitor nobody knows: spelt-out phone, spelt-out mail. Then one in English who does not want to be called.",
        "known": "A known client. Her card says 8 (916) 000-00-77, in the chat she writes +7 916 000-00-77.",
        "own_number": "The operator names the shop's own number and the visitor repeats it. It is not the visitor's.",
        "again": "The chat service sends the first chat once more, to the letter.",
        "outage": "The CRM goes away for {away:.0f} s. A chat comes in, and the service is killed (kill -9) meanwhile.",
        "answered": "the webhook is answered {status} in {ms} ms: the chat is on disk",
        "made": "a new card: {name}, {contacts}",
        "quiet": "the note says first that she or he asks not to be called",
        "one_note": "one note on the card of {name}",
        "same_card": "no second card, and the number on it stands as it was typed",
        "only_mail": "the card has the e-mail alone; the shop's own card is left alone",
        "nothing": "nothing was written: {notes} notes before, {notes} after, and no request to the CRM",
        "killed": "kill -9 after {seconds:.0f} s: process {pid} is gone, the chat is not in the CRM",
        "restarted": "started again as process {pid}; the CRM is still away",
        "back": "the CRM is back, and swallows the answer to the first note it takes",
        "once": "one card, one note, after {seconds:.0f} s",
        "sum": "{clients} cards, {notes} notes. Nothing twice, nothing overwritten.",
        "wrong": "Not as it must be:",
        "cards": "Client cards   {url}/",
        "ops": "Ops page       {url}/   (password: {password})",
        "stay": "It all stays up until Ctrl-C.",
        "log": "The service's log: {path}",
    },
    "ru": {
        "begin": "chat2crm: от завершённого чата до записи в карточке нужного клиента, один раз.",
        "started": "Сервис запущен (процесс {pid}), CRM-песочница работает, в ней две карточки. Наружу ничего не уходит.",
        "new": "Неизвестный посетитель: телефон и почта словами. Затем чат на английском с просьбой не звонить.",
        "known": "Известный клиент. В карточке 8 (916) 000-00-77, в чате она пишет +7 916 000-00-77.",
        "own_number": "Оператор называет номер магазина, посетитель его повторяет. Это не номер посетителя.",
        "again": "Сервис чата присылает первый чат ещё раз, буква в букву.",
        "outage": "CRM пропадает на {away:.0f} с. Приходит чат, а сервис тем временем убивают (kill -9).",
        "answered": "вебхук получил ответ {status} за {ms} мс: чат на диске",
        "made": "новая карточка: {name}, {contacts}",
        "quiet": "запись начинается с просьбы не звонить",
        "one_note": "одна запись в карточке: {name}",
        "same_card": "второй карточки нет, номер в ней остался, как был набран",
        "only_mail": "в карточке только почта; карточку самого магазина никто не тронул",
        "nothing": "ничего не записано: было записей {notes}, стало {notes}, запросов к CRM не было",
        "killed": "kill -9 через {seconds:.0f} с: процесса {pid} больше нет, чата в CRM ещё нет",
        "restarted": "запущен снова, процесс {pid}; CRM всё ещё недоступна",
        "back": "CRM вернулась и теряет ответ на первую же запись",
        "once": "одна карточка, одна запись, через {seconds:.0f} с",
        "sum": "Карточек: {clients}, записей: {notes}. Ничего дважды, ничего не затёрто.",
        "wrong": "Не так, как должно быть:",
        "cards": "Карточки клиентов      {url}/",
        "ops": "Служебная страница     {url}/   (пароль: {password})",
        "stay": "Всё это работает, пока не нажать Ctrl-C.",
        "log": "Журнал сервиса: {path}",
    },
}  # fmt: skip


# -- the service as a process ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Service:
    """`chat2crm serve`, that can be killed and started again on the same store."""

    folder: Path
    config: dict[str, Any]
    environ: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        """Raises DemoFailed with the end of its log if it does not come up."""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(self.config, ensure_ascii=False), encoding="utf-8")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "-c", str(path), "serve", env={**os.environ, **self.environ},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self.process, started))
        try:
            line = await asyncio.wait_for(started, PATIENCE)
        except TimeoutError:
            raise DemoFailed(f"The service did not start within {PATIENCE:.0f} s: {self._end_of_log()}") from None
        # the next start has to be found under the same addresses
        self.config["receive"]["port"], self.config["ops"]["port"] = str(line["port"]), str(line["ops_port"])

    async def _read(self, process: asyncio.subprocess.Process, started: asyncio.Future[dict[str, Any]]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with self.log.open("ab") as log:
            async for raw in process.stdout:
                log.write(raw)
                log.flush()
                with contextlib.suppress(ValueError):
                    line = json.loads(raw)
                    if line.get("event") == "service.started" and not started.done():
                        started.set_result(line)
        if not started.done():
            started.set_exception(DemoFailed(f"The service did not start: {self._end_of_log()}"))

    def _end_of_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else "it said nothing"

    async def end(self, number: signal.Signals) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._reading is not None:
            await self._reading

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.config[part]['port']}"


# -- the play ----------------------------------------------------------------------------------------------------------


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
        return _WORDS[self.language][key].format(**values)

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


# -- putting it up -----------------------------------------------------------------------------------------------------


async def run(language: Language, *, port: int = 0, once: bool = False) -> int:
    """Play all scenes. `once`: end then; else stay up until SIGINT or SIGTERM. Gives the exit code; raises DemoFailed."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="chat2crm-demo-") as folder:
        async with start(timezone="Europe/Moscow") as crm, aiohttp.ClientSession() as session:
            material = json.loads(files("bridge").joinpath("demo_chats.json").read_text(encoding="utf-8"))
            sow(crm.parts.records, material["cards"])
            hooks_secret, password = secrets.token_hex(20), secrets.token_urlsafe(9)
            environ = {"DEMO_KEY": secrets.token_hex(32), "DEMO_SECRET": hooks_secret, "DEMO_PASSWORD": password,
                       "DEMO_TOKEN": crm.api_key}  # fmt: skip
            service = Service(Path(folder), _config(folder, crm, language, port), environ)
            play = Play(language, crm, service, session, hooks_secret, material["chats"])
            try:
                return await _played(play, password, stop, once=once)
            finally:
                await service.end(signal.SIGTERM)


async def _played(play: Play, password: str, stop: asyncio.Event, *, once: bool) -> int:
    click.echo(click.style(play.say("begin"), bold=True))
    await play.service.start()
    click.echo(play.say("started", pid=play.service.pid))
    if await _interrupted(play.act(), stop):
        return 130
    if play.wrong:
        click.echo("\n".join([play.say("wrong"), *(f"  {text}" for text in dict.fromkeys(play.wrong))]), err=True)
    if not once:
        click.echo()
        click.echo(play.say("cards", url=play.crm.url))
        click.echo(play.say("ops", url=play.service.url("ops"), password=password))
        click.echo(play.say("stay"))
        await stop.wait()
    return 1 if play.wrong else 0


async def _interrupted(work: Awaitable[None], stop: asyncio.Event) -> bool:
    """Do it, unless somebody wants to stop first. Raises what the work raises."""
    playing, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
        return True
    playing.result()
    return False


def _config(folder: str, crm: Running, language: Language, port: int) -> dict[str, Any]:
    source = {"provider": "generic", "secret": "${DEMO_SECRET}", "target": "sandbox"}
    return {
        "store": f"sqlite:///{folder}/chat2crm.db",
        "key": "${DEMO_KEY}",
        "language": language,
        "receive": {"host": "127.0.0.1", "port": str(port)},
        "ops": {"host": "127.0.0.1", "port": "0", "password": "${DEMO_PASSWORD}"},
        "retry": {"first": "500ms", "longest": "2s"},
        "sources": {
            "magazin": {**source, "region": "RU", "timezone": "Europe/Moscow"},
            "shop": {**source, "region": "US", "timezone": "America/New_York"},
        },
        "targets": {
            "sandbox": {
                "crm": "sandbox", "url": crm.url, "token": "${DEMO_TOKEN}", "mode": "write", "timeout": "5s",
                # the sandbox has done what it was asked, or never will, by the time a connection breaks
                "commits_within": "1s", "consistency_delay": "0s",
            },
        },
    }  # fmt: skip
