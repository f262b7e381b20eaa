"""A provider that keeps the transcript to itself, the real service, a real CRM: nothing is lost, and nothing is written twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from chat_service import MAPPING, TOKEN, ChatService, serving
from running import SECRET, Crm, Service, eventually

from bridge.sandbox import API_KEY


@pytest.fixture
async def chats() -> AsyncIterator[ChatService]:
    async with serving(ChatService()) as made:
        yield made


@pytest.fixture
def fetching(service: Service, chats: ChatService, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    folder = service.folder / "mappings" / "providers"
    folder.mkdir(parents=True)
    mapping = {**MAPPING, "reconcile": {**MAPPING["reconcile"], "every": "1h"}}
    (folder / "service.yaml").write_text(json.dumps(mapping), encoding="utf-8")
    service.config["sources"]["shop"] |= {"provider": "service", "url": chats.url, "token": "${API_TOKEN}"}
    return service


async def notes(crm: Crm) -> list[str]:
    found = [note for client in await crm.clients() for note in await crm.notes(client["id"])]
    return [json.dumps(note, ensure_ascii=False) for note in found]


async def test_killed_while_it_fetches_the_chat_still_has_exactly_one_note(
    fetching: Service, chats: ChatService, crm: Crm
) -> None:
    chats.chats["7"] = ["Здравствуйте", "мой номер +7 916 123-45-67"]
    chats.gates["/people/p7"] = asyncio.Event()
    await fetching.start()
    status, _ = await fetching.post({"event": "ended", "id": "e7", "chat": "7"})
    assert status == 200

    async def is_fetching() -> bool:
        return chats.seen["/people/p7"] > 0

    await eventually(is_fetching, "the second request of the fetch is under way")
    await fetching.killed()
    assert await notes(crm) == []
    chats.gates["/people/p7"].set()
    await fetching.start()

    async def is_written() -> bool:
        return len(await notes(crm)) == 1

    await eventually(is_written, "one note")
    assert "916" in (await notes(crm))[0]
    assert SECRET not in str(fetching.lines)
    assert TOKEN not in str(fetching.lines)
    assert API_KEY not in str(fetching.lines)


async def test_a_chat_that_ended_while_nobody_listened_is_found_at_the_start(
    fetching: Service, chats: ChatService, crm: Crm
) -> None:
    chats.chats["8"] = ["Перезвоните: +7 916 765-43-21"]
    closed_at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds").replace("+00:00", "Z")
    chats.closed.append({"chat": "8", "closed_at": closed_at})
    await fetching.start()

    async def is_written() -> bool:
        return len(await notes(crm)) == 1

    await eventually(is_written, "one note")
    assert [line["new"] for line in fetching.events("chats.reconciled")] == [1]
