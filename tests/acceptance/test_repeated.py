"""The same again, and again: deliveries repeated in any order, many chats of few people, older stores, emptied stores."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from running import BOTH, BOTH_IN_THE_LONG_RUN, Crm, Service, environ, finished

from bridge.store.sqlite.upkeep import backup, restore

Events = list[dict[str, Any]]


async def nothing_twice(crm: Crm) -> dict[str, Any]:
    audit = await crm.audit()
    doubled = {name: audit[name] for name in ("doubled_clients", "doubled_notes", "doubled_deals", "doubled_tasks")}
    assert not any(doubled.values()), (doubled, audit["examples"])
    return audit


async def post_all(service: Service, events: Events, at_once: int = 64) -> None:
    """All of them are acknowledged."""
    places = asyncio.Semaphore(at_once)

    async def post(event: dict[str, Any]) -> int:
        async with places:
            return (await service.post(event))[0]

    assert Counter(await asyncio.gather(*(post(event) for event in events))) == {200: len(events)}


def going_on(event: dict[str, Any], text: str) -> dict[str, Any]:
    """The same chat, ended once more after one more message."""
    messages = event["chat"]["messages"]
    later = {**messages[-1], "message": text, "timestamp": messages[-1]["timestamp"] + 100}
    return {**event, "chat": {**event["chat"], "messages": [*messages, later]}}


async def five_times(service: Service, crm: Crm, *, chats: int) -> None:
    service.config["targets"]["sales"] |= {"deal": "new_client", "missed": "task"}
    await service.start()
    chance = random.Random(5)
    ended = [finished(5000 + number, missed=number % 3 == 0) for number in range(chats)]
    # of every fourth chat there is a second end, and which of the two comes first is not said
    again = [going_on(event, f"И ещё: вопрос номер {event['chat_id']}") for event in ended[::4]]
    at_once = (ended + again) * 3
    chance.shuffle(at_once)
    await post_all(service, at_once)
    await service.at_rest()
    later = (ended + again) * 2
    chance.shuffle(later)
    await post_all(service, later)
    await service.at_rest()

    audit = await nothing_twice(crm)
    assert (audit["clients"], audit["deals"]) == (chats, chats)
    told = "\n".join(row["text"] for row in crm.rows("SELECT text FROM notes"))
    for event in ended:
        assert told.count(f"Мой номер {event['chat']['messages'][0]['message'].split()[-1]}") == 1
    for event in again:
        assert told.count(event["chat"]["messages"][-1]["message"]) == 1
    assert chats <= audit["notes"] <= chats + len(again)
    assert audit["tasks"] == len(ended[::3])
    assert await service.stop() == 0


@BOTH
async def test_every_delivery_five_times_at_once_and_later_in_any_order(service: Service, crm: Crm) -> None:
    await five_times(service, crm, chats=24)


@pytest.mark.torture
@BOTH
async def test_every_one_of_a_thousand_deliveries_five_times(service: Service, crm: Crm) -> None:
    await five_times(service, crm, chats=800)


async def few_people(service: Service, crm: Crm, *, chats: int, people: int, lag: float) -> None:
    await crm.faults(index_lag=lag)
    service.config["targets"]["sales"] |= {"consistency_delay": f"{lag + 1}s", "deal": "new_client"}
    await service.start()
    await post_all(service, [
        finished(chat_id=7000 + number, phone=f"+7916555{number % people:04d}") for number in range(chats)
    ])  # fmt: skip
    await service.at_rest(patience=100 + 10 * lag)

    audit = await nothing_twice(crm)
    assert (audit["clients"], audit["deals"], audit["notes"]) == (people, people, chats)
    assert await service.stop() == 0


@BOTH_IN_THE_LONG_RUN
async def test_sixty_chats_of_six_new_persons_at_once_make_six_clients(service: Service, crm: Crm) -> None:
    await few_people(service, crm, chats=60, people=6, lag=2.0)


@pytest.mark.torture
@BOTH
async def test_two_hundred_chats_of_twenty_new_persons_at_once_make_twenty_clients(service: Service, crm: Crm) -> None:
    await few_people(service, crm, chats=200, people=20, lag=30.0)


async def older_backup(service: Service, crm: Crm, *, chats: int) -> None:
    service.config["targets"]["sales"] |= {"deal": "new_client", "missed": "task"}
    await service.start()
    events = [finished(8000 + number, missed=number % 2 == 0) for number in range(chats)]
    await post_all(service, events[: chats // 2])
    await service.at_rest()
    await asyncio.to_thread(backup, service.store, service.folder / "older.db")
    # some of the chats that the backup knows go on after it was made
    continued = [going_on(event, f"Ещё вопрос {event['chat_id']}") for event in events[: chats // 4]]
    await post_all(service, events[chats // 2 :] + continued)
    await service.at_rest()
    before = await nothing_twice(crm)
    await service.killed()

    restore(service.folder / "older.db", service.store)
    await service.start()
    everything = events + continued
    random.Random(3).shuffle(everything)
    await post_all(service, everything)
    await service.at_rest()

    after = await nothing_twice(crm)
    assert {name: after[name] for name in ("clients", "deals", "notes", "tasks")} == {
        name: before[name] for name in ("clients", "deals", "notes", "tasks")
    }
    assert before["notes"] == chats + len(continued)
    assert await service.stop() == 0


async def test_back_to_an_older_backup_and_every_delivery_again(service: Service, crm: Crm) -> None:
    await older_backup(service, crm, chats=16)


@pytest.mark.torture
async def test_back_to_an_older_backup_and_a_thousand_deliveries_again(service: Service, crm: Crm) -> None:
    await older_backup(service, crm, chats=800)


@BOTH_IN_THE_LONG_RUN
async def test_an_emptied_chat_that_goes_on_tells_only_what_is_new(service: Service, crm: Crm) -> None:
    service.config["retention"] = {"raw": "1s", "chats": "1s"}
    await service.start()
    event = finished(9000)
    await post_all(service, [event])
    await service.at_rest()
    await asyncio.sleep(1.1)  # what retention keeps is over
    pruned = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bridge", "-c", str(service.folder / "config.yaml"), "prune"],
        capture_output=True, text=True, check=True, env=environ(),
    )  # fmt: skip
    assert not pruned.stdout.startswith("0 ")
    assert service.rows("SELECT body FROM deliveries") == [{"body": None}]

    await post_all(service, [event, going_on(event, "И ещё вопрос: есть ли гарантия?")])
    await service.at_rest()

    texts = [row["text"] for row in crm.rows("SELECT text FROM notes ORDER BY id")]
    assert len(texts) == 2
    assert "есть ли гарантия?" in texts[1]
    assert "есть доставка?" not in texts[1]
    await nothing_twice(crm)
