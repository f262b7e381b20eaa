"""Faults that really happen, from the first sign of them to the chat on the card, with nothing but what the pages say and offer.

What stands outside is put right as the pages say (a key, a line of a mapping, an address); which it is, is read on a page.
"""

from __future__ import annotations

import html
import re
import signal
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import yaml
from running import SECRET, Crm, Service, eventually, finished

from bridge.sandbox import API_KEY


@dataclass
class Somebody:
    """In front of the ops page, without scripts."""

    service: Service
    session: aiohttp.ClientSession
    path: str = "/"
    page: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.service.ops_port}"

    @property
    def text(self) -> str:
        """What is read on the page."""
        main = self.page[self.page.index("<main") :]
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())

    async def open(self, path: str) -> str:
        async with self.session.get(self.base + html.unescape(path), params={"lang": "en"}) as answer:
            assert answer.status == 200, f"{path}: {answer.status}"
            self.path, self.page = answer.url.path_qs, await answer.text()
        return self.text

    async def reads(self, words: str, path: str = "/") -> str:
        """Looks at a page until it says so."""

        async def says() -> bool:
            return words in await self.open(path)

        await eventually(says, f"{path} says {words!r}")
        return self.text

    async def follow(self, words: str) -> str:
        """The first link with these words on it, or in its label. A page is looked at again until it has one: it is not of one
        moment, since the service works on while it is made.
        """
        found: list[str] = []

        async def offers() -> bool:
            links = re.findall(r'<a ([^>]*?)href="([^"]+)"([^>]*)>(.*?)</a>', self.page, re.DOTALL)
            found[:] = [to for before, to, after, inside in links if words in html.unescape(re.sub(r"<[^>]+>", "", inside))
                        or words in html.unescape(before + after)]  # fmt: skip
            if not found:
                await self.open(self.path)
            return bool(found)

        await eventually(offers, f"a link says {words!r} on {self.path}")
        return await self.open(found[0])

    async def press(self, words: str) -> str:
        """The first button with these words on it."""
        forms = re.findall(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', self.page, re.DOTALL)
        found = [(action, inside) for action, inside in forms if re.search(rf"<button[^>]*>{re.escape(words)}", inside)]
        assert found, f"no button says {words!r} on {self.path}"
        action, inside = found[0]
        fields = {name: html.unescape(value) for name, value in
                  re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inside)}  # fmt: skip
        async with self.session.post(self.base + html.unescape(action), data=fields, headers={"Origin": self.base}) as answer:
            assert answer.status == 200, f"{action}: {answer.status}"
            self.path, self.page = answer.url.path_qs, await answer.text()
        return self.text


@pytest.fixture
async def person(service: Service) -> Any:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Somebody(service, session)


async def reload(service: Service) -> None:
    """As the pages' remedies end: the configuration is read again."""
    before = len(service.events("config.reloaded"))
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)

    async def said() -> bool:
        return len(service.events("config.reloaded")) > before

    await eventually(said, "the configuration is read again")


def own_mapping(service: Service, **changes: Any) -> None:
    """A mapping of this business's own beside the configuration, built on the sandbox's."""
    folder = service.folder / "mappings" / "crms"
    folder.mkdir(parents=True, exist_ok=True)
    known = {"mapping_language": 1, "title": "Ours", "docs": "ours.md", "extends": "sandbox", **changes}
    (folder / "ours.yaml").write_text(yaml.safe_dump(known, sort_keys=False), encoding="utf-8")
    service.config["targets"]["sales"]["crm"] = "ours"


async def test_a_wrong_key_is_named_put_right_and_the_chat_goes_on(service: Service, crm: Crm, person: Somebody) -> None:
    key = service.folder / "key"
    key.write_text("not-the-key")
    service.config["targets"]["sales"]["token"] = f"${{file:{key}}}"
    await service.start()
    assert (await service.post(finished(1, name="Анна")))[0] == 200
    said = await person.reads("Put right what it says (the token, its rights, the address), then press “Go on”.")
    assert "Is stopped: the CRM does not let us in. The CRM refuses our key: check the target's `token`" in said
    await person.follow("Show them")
    said = await person.follow("Анна")
    assert "check the target's `token` (401): error: unauthorized, message: send a valid key in the header X-Api-Key" in said
    key.write_text(API_KEY)
    await reload(service)
    if "Go on" in await person.open("/"):  # the new key may have been tried by itself
        await person.press("Go on")
    await person.reads("written a new client was made")
    assert "Nothing needs you." in await person.open("/")
    assert (await crm.audit())["notes"] == 1


async def test_a_field_that_the_crm_does_not_know_is_found_by_its_name(service: Service, crm: Crm, person: Somebody) -> None:
    own_mapping(service, create={"json": {"favourite_colour": "red"}})
    await service.start()
    for number, name in enumerate(("Анна", "Олег", "Мария"), start=1):
        assert (await service.post(finished(number, name=name)))[0] == 200
    said = await person.reads("Not written: 3 chats. The CRM refuses what was written.")
    assert "Correct the field that the CRM names" in said
    await person.follow("Send round again")
    said = await person.follow("No, back")
    assert "3 chats: the CRM refuses what was written" in said
    assert "favourite_colour" in said, "one cause, in the CRM's own words"
    said = await person.follow("newest")
    assert "favourite_colour" in said
    assert "New client" in said
    own_mapping(service)
    await reload(service)
    await person.open("/stuck")
    said = await person.follow("Send round again")
    assert "Send 3 chats round again?" in said
    await person.press("Yes, do it")
    assert "Sent round again: 3." in html.unescape(person.page)
    await person.reads("3 written")
    assert "Nothing needs you." in await person.open("/")
    audit = await crm.audit()
    assert (audit["clients"], audit["notes"]) == (3, 3)


async def test_a_secret_that_was_mistyped_at_the_chat_service_is_seen_although_nothing_was_kept(
    service: Service, person: Somebody
) -> None:
    await service.start()
    assert (await service.post(finished(1, name="Анна"), secret=SECRET[:-1] + "x"))[0] == 404
    said = await person.reads("Is refused: what comes does not bear the right secret")
    assert "`chat2crm urls` prints them" in said
    assert "refused, wrong secret: 1" in said
    assert "Chat connection shop" in said
    assert SECRET[:8] not in person.page
    assert (await service.post(finished(1, name="Анна")))[0] == 200
    said = await person.reads("written a new client was made")
    assert "wrong secret" not in said
    assert "Nothing needs you." in said


async def test_a_connection_that_worked_and_lost_its_secret_is_told_of(service: Service, person: Somebody) -> None:
    """One wrong request is anybody who tries addresses; several and nothing else is a chat service with another secret."""
    await service.start()
    assert (await service.post(finished(1, name="Анна")))[0] == 200
    await person.reads("written a new client was made")
    for number in (2, 3, 4):
        assert "what comes does not bear the right secret" not in await person.open("/")
        assert (await service.post(finished(number), secret="another-secret-of-theirs"))[0] == 404
    assert "what comes does not bear the right secret" in await person.open("/")
    assert "what comes does not bear the right secret" in await person.open("/stuck")


async def test_a_phone_that_stands_otherwise_on_the_card_is_seen_in_the_rehearsal(
    service: Service, crm: Crm, person: Somebody
) -> None:
    """A search that compares numbers as they are written finds nobody, and would make a second card."""
    [card] = await crm.seed({"name": "Анна Иванова", "phones": ["8 (916) 000-00-01"]})
    as_written = [{"with": "phone", "get": "/clients", "query": {"phone": "{phone}"}, "records": "items"}]
    own_mapping(service, find=as_written)
    service.config["targets"]["sales"]["mode"] = "rehearse"
    await service.start()
    assert (await service.post(finished(1, name="Анна")))[0] == 200
    await person.reads("1 new client", "/rehearsal")
    said = await person.follow("Chat 1")
    assert "+79160000001 the visitor's own" in said
    assert re.search(r"200 find by phone GET /clients\?phone=… 0 found", said), "this search finds nobody, whoever has a card"
    formats = [{**as_written[0], "query": {"phone_like": "{item}", "limit": "20"}, "each": "last_digits(phone, `10`)"}]
    own_mapping(service, find=formats)
    await reload(service)
    await person.press("Send round again")
    said = await person.reads("1 known client", "/rehearsal")
    assert "0 new clients" in said
    await person.press("Write these 1")
    await person.reads("written on the card of a known client")
    await person.follow("Анна")
    assert [note["client_id"] for note in await crm.notes(card)] == [card]
    assert len(await crm.clients()) == 1
