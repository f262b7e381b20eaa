from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from chat_service import ENVIRON, MAPPING, ChatService, configured, serving

from bridge.cli import main
from bridge.clock import Clock
from bridge.fetch import Window
from bridge.store import Store, open_store


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatService]:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    async with serving(ChatService()) as made:
        configured(tmp_path, made.url, MAPPING)
        yield made


async def store_of(folder: Path) -> Store:
    store = open_store(f"sqlite:///{folder}/chat2crm.db", clock=Clock())
    await store.open()
    return store


def closed(service: ChatService, *chats: str) -> None:
    service.closed += [{"chat": chat, "closed_at": "2026-01-02T08:00:00Z"} for chat in chats]


async def run(folder: Path, *arguments: str) -> int:
    def command() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["-c", str(folder / "config.yaml"), "reconcile", *arguments])
        return int(ended.value.code or 0)

    return await asyncio.to_thread(command)


async def begun(folder: Path) -> None:
    await (await store_of(folder)).close()


async def deliveries(folder: Path) -> list[dict[str, Any]]:
    store = await store_of(folder)
    try:
        return await store.reading().deliveries()
    finally:
        await store.close()


async def test_older_chats_are_kept_for_the_service_to_write(
    tmp_path: Path, service: ChatService, capfd: pytest.CaptureFixture[str]
) -> None:
    await begun(tmp_path)
    closed(service, "1", "2", "3")

    assert await run(tmp_path, "shop", "--since", "2026-01-01") == 0

    assert "3 chats listed, 3 of them had not come before" in capfd.readouterr().out
    assert [row["state"] for row in await deliveries(tmp_path)] == ["received"] * 3
    assert "from=2025-12-31T21:00:00Z" in service.asked[0].replace("%3A", ":")


async def test_once_more_brings_nothing_twice(tmp_path: Path, service: ChatService, capfd: pytest.CaptureFixture[str]) -> None:
    await begun(tmp_path)
    closed(service, "1")
    for new in (1, 0):
        assert await run(tmp_path, "shop", "--since", "2026-01-01") == 0
        assert f"1 chats listed, {new} of them" in capfd.readouterr().out


async def test_broken_off_it_goes_on_where_it_was(
    tmp_path: Path, service: ChatService, capfd: pytest.CaptureFixture[str]
) -> None:
    await begun(tmp_path)
    closed(service, *(str(number) for number in range(6)))
    service.faults["/chats"] = [200, 400]  # the first page is given as it is, the second refused

    assert await run(tmp_path, "shop", "--since", "2026-01-01") == 1
    assert "goes on from there" in capfd.readouterr().out

    assert await run(tmp_path, "shop", "--since", "2026-01-01") == 0
    assert "It was broken off" in capfd.readouterr().err
    assert len(await deliveries(tmp_path)) == 6


async def test_a_provider_that_refuses_the_key_is_said_to(
    tmp_path: Path, service: ChatService, capfd: pytest.CaptureFixture[str]
) -> None:
    await begun(tmp_path)
    service.refuses = 401

    assert await run(tmp_path, "shop", "--since", "2026-01-01") == 1
    assert "check the source's `token`" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shpo", "--since", "2026-01-01"), "did you mean shop"),
        (("shop", "--since", "2999-01-01"), "is yet to come"),
        (("shop", "--since", "yesterday"), "does not match the formats"),
        (("shop",), "--since"),
    ],
)
async def test_what_cannot_be_done_is_said_with_its_remedy(
    tmp_path: Path, service: ChatService, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    await begun(tmp_path)

    assert await run(tmp_path, *arguments) == 2
    assert said in capfd.readouterr().err


async def test_a_provider_without_a_list_is_said_to_have_none(
    tmp_path: Path, service: ChatService, capfd: pytest.CaptureFixture[str]
) -> None:
    await begun(tmp_path)
    configured(tmp_path, service.url, {key: value for key, value in MAPPING.items() if key != "reconcile"})

    assert await run(tmp_path, "shop", "--since", "2026-01-01") == 2
    assert "has no `reconcile`" in capfd.readouterr().err


async def test_its_place_is_kept_under_the_day_it_began_with(tmp_path: Path, service: ChatService) -> None:
    await begun(tmp_path)
    closed(service, *(str(number) for number in range(6)))
    service.faults["/chats"] = [200, 400]
    await run(tmp_path, "shop", "--since", "2026-01-01")

    store = await store_of(tmp_path)
    position = await store.position("import:shop:2025-12-31T21:00:00+00:00")
    await store.close()
    assert position is not None
    assert Window.of(position.value).done is False
