from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge import parse
from bridge.live import LiveAnswers
from bridge.model import Delivery

PHONE = "+79160000001"
PLAIN = {"result": "ok"}


async def live(way: Way, event: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider is answered while the chat is on."""
    source = way.sources["shop"]
    payload = {**event, "event_name": "chat_updated"}
    delivery = Delivery(source="shop", dedupe_key="k", received_at=way.clock.now(), body=json.dumps(payload).encode())
    glance = parse.glance(payload, delivery, source.mapping, source.view)
    answering = LiveAnswers(way.store, way.clock, way.settings, way.targets)
    reply = await asyncio.wait_for(answering.answer(source, delivery, payload, glance), 10)
    said: dict[str, Any] = json.loads(reply.body)
    return said


async def card(way: Way, **fields: Any) -> str:
    made = await way.ask("POST", "/clients", fields)
    return str(made["id"])


def link(way: Way, client_id: str) -> str:
    return f"{way.crm.url}/clients/{client_id}"


async def test_the_operator_sees_the_card_of_who_is_writing(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        known = await card(way, name="Анна Петрова", phones=[PHONE])
        await way.ask("POST", f"/clients/{known}/deals", {"title": "Диван", "open": True})

        assert await live(way, finished(1)) == {
            **PLAIN, "crm_link": link(way, known),
            "custom_data": [
                {"title": "Client in the CRM", "content": "Анна Петрова"}, {"title": "Open deals", "content": "Диван"},
            ],
        }  # fmt: skip


async def test_in_the_language_of_the_configuration(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, language="ru") as way:
        await card(way, name="Анна", phones=[PHONE])

        assert [line["title"] for line in (await live(way, finished(1)))["custom_data"]] == ["Клиент в CRM"]


async def test_in_the_language_of_a_source_that_has_its_own(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock, source={"language": "ru"}) as way:
        await card(way, name="Анна", phones=[PHONE])

        assert [line["title"] for line in (await live(way, finished(1)))["custom_data"]] == ["Клиент в CRM"]
        await way.post(finished(2))
        await way.work()
        [note] = way.rows("notes")
        assert "Чат" in note["text"]


@pytest.mark.parametrize("text", ["Есть доставка?", "мой номер +7 916 999-99-99"], ids=["no contact", "nobody has it"])
async def test_of_a_stranger_nothing_is_said(tmp_path: Path, clock: FakeClock, text: str) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await card(way, name="Анна", phones=[PHONE])

        assert await live(way, finished(1, text=text)) == PLAIN


async def test_a_hit_on_whose_card_the_number_does_not_stand_is_nobody(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await card(way, name="Чужой", phones=["+375 9160000001"])  # the search is by the last digits

        assert await live(way, finished(1)) == PLAIN


async def test_of_several_nobody_is_shown(tmp_path: Path, clock: FakeClock) -> None:
    """A wrong name in front of the operator is worse than none."""
    async with on_the_way(tmp_path, clock) as way:
        for name in ("Анна", "Пётр"):
            await card(way, name=name, phones=[PHONE])

        assert await live(way, finished(1)) == PLAIN


async def test_of_several_that_we_know_ourselves_nobody_is_shown_either(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        first = await card(way, name="Анна", phones=[PHONE])
        second = await card(way, name="Пётр", emails=["p@mail.ru"])
        await way.store.remember("sales", [("phone", PHONE)], first, "client")
        await way.store.remember("sales", [("email", "p@mail.ru")], second, "client")

        assert await live(way, finished(1, text=f"{PHONE}, p@mail.ru")) == PLAIN


async def test_a_visitor_is_known_again_by_their_earlier_chat(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(finished(1))
        await way.work()
        [client] = way.rows("clients")

        assert (await live(way, finished(1, chat_id=2, text="Это снова я")))["crm_link"] == link(way, str(client["id"]))


async def test_a_contact_given_in_this_chat_counts_more_than_the_visitors_earlier_one(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        earlier = await card(way, name="Анна", phones=["+79161111111"])
        await way.store.remember("sales", [("visitor", "shop:v1")], earlier, "client")
        other = await card(way, name="Пётр", phones=[PHONE])

        assert (await live(way, finished(1)))["crm_link"] == link(way, other)


async def test_a_card_that_is_gone_is_looked_for_anew(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        gone = await card(way, name="Анна", phones=[PHONE])
        await way.store.remember("sales", [("phone", PHONE)], gone, "client")
        await way.ask("DELETE", f"/clients/{gone}")
        other = await card(way, name="Анна", phones=[PHONE])

        assert (await live(way, finished(1)))["crm_link"] == link(way, other)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": PHONE, "phones": [PHONE, "+79165554433"], "emails": ["secret@mail.ru"]},
        {"name": "secret@mail.ru", "phones": [PHONE], "emails": ["secret@mail.ru"]},
        {"name": "Анна 8 (916) 555-44-33", "phones": [PHONE]},
    ],
    ids=["named by the phone", "named by the address", "a phone in the name"],
)
async def test_no_phone_or_address_of_the_crm_goes_out(tmp_path: Path, clock: FakeClock, fields: dict[str, Any]) -> None:
    """Whoever calls is not proved to be that person, and the provider would hand it back as the visitor's own."""
    async with on_the_way(tmp_path, clock) as way:
        known = await card(way, **fields)
        await way.ask("POST", f"/clients/{known}/deals", {"title": "Чат: 8 916 555-44-33, secret@mail.ru"})

        said = await live(way, finished(1))

        assert said["crm_link"] == link(way, known)
        text = json.dumps(said, ensure_ascii=False).replace(link(way, known), "")  # its port may be any number
        assert "secret@" not in text
        assert "555" not in text
        assert PHONE not in text


@pytest.mark.parametrize("switches", [{"latency": 30}, {"down": True}, {"broken": True}, {"block": True}])
async def test_a_crm_in_trouble_delays_no_answer(
    tmp_path: Path, clock: FakeClock, switches: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await card(way, name="Анна", phones=[PHONE])
        way.faults(**switches)
        way.clock.sleep = asyncio.sleep  # type: ignore[method-assign]  # short tries within the time are real ones

        assert await live(way, finished(1)) == PLAIN


async def test_a_fault_of_ours_costs_no_answer(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await card(way, name="Анна", phones=[PHONE])

        async def breaks(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(way.store, "identities", breaks)

        assert await live(way, finished(1)) == PLAIN


async def test_nothing_is_written_for_it(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await live(way, finished(1))

        assert way.rows("clients") == way.rows("notes") == []
        assert await way.jobs() == []
