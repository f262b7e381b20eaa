"""One person's data, found whatever way it is written, handed out and erased for good."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.model import Delivery, JobState
from bridge.people import Wanted, erase, find, handed_out, normal_phone
from bridge.people.forgotten import Marks
from bridge.store import Erased

PHONE, OTHER = "+79161234567", "+79169999999"
IVAN = Wanted((PHONE,), ("ivan@example.com",))


def said(way: Way, number: int, text: str, *, visitor: str = "", **more: Any) -> dict[str, Any]:
    """A chat of five minutes ago by the test's clock."""
    event = finished(number, text=text, **more)
    event["visitor"]["number"] = visitor or f"v{number}"
    for place, message in enumerate(event["chat"]["messages"]):
        message["timestamp"] = int(way.clock.time()) - 300 + place
    return event


async def forget(way: Way, wanted: Wanted = IVAN) -> Erased:
    kept = await find(way.store, way.sources, wanted)
    return await erase(way.store, Marks(way.settings.key.get_secret_value()), wanted, kept)


def bytes_of_the_store(folder: Path) -> bytes:
    """Everything on disk: the file, its log, what lies beside."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("chat2crm.db*")) if not path.name.endswith(".lock"))


def tables(folder: Path) -> str:
    """Every cell of every table."""
    with contextlib.closing(sqlite3.connect(folder / "chat2crm.db")) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return repr([(name, db.execute(f"SELECT * FROM {name}").fetchall()) for name in names])


@pytest.mark.parametrize("text", [
    "Мой номер 8 (916) 123-45-67", "перезвоните: +7.916.123.45.67", "89161234567", "восемь девятьсот шестнадцать 123 45 67",
    "пишите на ivan@example.com", "IVAN@Example.COM",
])  # fmt: skip
async def test_a_chat_is_found_whatever_way_the_contact_is_written(tmp_path: Path, clock: FakeClock, text: str) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, text))
        await way.post(said(way, 2, f"другой человек {OTHER}"))

        kept = await find(way.store, way.sources, IVAN)

        assert [json.loads(row["chat"])["chat_id"] for row in kept.chats.values()] == ["1"]
        assert len(kept.deliveries) == 1


async def test_nothing_of_an_erased_person_is_left_on_disk_and_others_are_whole(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, "Здравствуйте! Иван Секретов, 8 916 123-45-67, ivan@example.com", name="Иван Секретов"))
        await way.post(said(way, 2, f"я Пётр Другов, {OTHER}", name="Пётр Другов"))
        await way.work()
        assert "Секретов" in tables(tmp_path)

        erased = await forget(way)

        assert erased == Erased(swept=True)
        left = bytes_of_the_store(tmp_path)
        for secret in ("Секретов", "9161234567", "123-45-67", "ivan@example.com"):
            assert secret.encode() not in left, secret
        assert "секретов" not in tables(tmp_path).lower()
        assert "Другов".encode() in left
        assert not await find(way.store, way.sources, IVAN)
        assert await find(way.store, way.sources, Wanted((OTHER,)))


async def test_the_same_chat_told_once_more_writes_nothing_and_leaves_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        event = said(way, 1, "8 916 123-45-67, это Иван")
        await way.post(event)
        await way.work()
        assert len(way.rows("notes")) == 1
        await forget(way)

        await way.post(event)  # under another dedupe key: a list that is read again, another webhook of the same chat
        await way.work()

        assert len(way.rows("notes")) == len(way.rows("clients")) == 1
        [row] = await way.store.reading().deliveries(state="skipped")
        assert row["reason"] == "forgotten"
        assert not await find(way.store, way.sources, IVAN)


async def test_the_very_same_delivery_writes_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        one = Delivery(source="shop", dedupe_key="79161234567/1", received_at=clock.now(),
                       body=json.dumps(said(way, 1, "8 916 123-45-67")).encode())  # fmt: skip
        await way.store.accept(one)
        await way.sorter.sort()
        await way.work()
        await forget(way)
        assert "79161234567" not in tables(tmp_path)

        await way.store.accept(one)
        await way.sorter.sort()
        await way.work()

        assert len(way.rows("notes")) == 1
        assert "9161234567" not in tables(tmp_path)


async def test_who_comes_back_is_written_like_anybody(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, "8 916 123-45-67"))
        await way.work()
        await forget(way)
        await clock.advance(3600)

        await way.post(said(way, 2, "это снова я, 8 916 123-45-67"))
        await way.work()

        assert (len(way.rows("clients")), len(way.rows("notes"))) == (1, 2)


async def test_what_a_person_adds_to_an_erased_chat_is_written_alone(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        event = said(way, 1, "первое: мой номер 8 916 123-45-67")
        await way.post(event)
        await way.work()
        await forget(way)
        await clock.advance(3600)
        event["chat"]["messages"].append(
            {"message": "новое: жду звонка 8 916 123-45-67", "timestamp": int(clock.time()), "type": "visitor"}
        )

        await way.post(event)
        await way.work()

        notes = [note["text"] for note in way.rows("notes")]
        assert len(notes) == 2
        assert "новое" in notes[1]
        assert "первое" not in notes[1]
        assert "первое" not in tables(tmp_path)


async def test_jobs_that_are_not_over_are_left_out(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, "8 916 123-45-67"))
        assert (await way.states())[0][0] is JobState.PENDING

        await forget(way)

        assert await way.states() == [(JobState.SKIPPED, "forgotten")]


async def test_nothing_is_erased_while_it_is_being_written(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, "8 916 123-45-67"))
        [job] = await way.store.claim(owner="w", lease=60.0, room={"sales": 1})

        erased = await forget(way)

        assert erased == Erased(busy=(job.id,), swept=False)
        assert await find(way.store, way.sources, IVAN)


async def test_all_chats_of_a_visitor_go_with_the_one_that_has_the_number(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, "8 916 123-45-67", visitor="v-same"))
        await way.post(said(way, 2, "есть ли доставка?", visitor="v-same"))
        await way.post(said(way, 3, "есть ли доставка?", visitor="v-other"))

        kept = await find(way.store, way.sources, IVAN)

        assert sorted(json.loads(row["chat"])["chat_id"] for row in kept.chats.values()) == ["1", "2"]


async def test_somebody_who_only_mentions_the_number_does_not_take_their_other_chats_along(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, f"мой {OTHER}, а номер мужа 8 916 123-45-67", visitor="wife"))
        await way.post(said(way, 2, "есть ли доставка?", visitor="wife"))

        kept = await find(way.store, way.sources, IVAN)

        assert [json.loads(row["chat"])["chat_id"] for row in kept.chats.values()] == ["1"]


async def test_a_plan_of_somebody_else_that_names_the_person_is_emptied(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.ask("POST", "/clients", {"name": "Иван", "phones": [PHONE, OTHER], "emails": []})
        await way.post(said(way, 2, f"мой номер {OTHER}"))
        await way.work()
        assert "9161234567" in tables(tmp_path)  # the card that was found has both

        kept = await find(way.store, way.sources, IVAN)
        await forget(way)

        assert (len(kept.chats), len(kept.plans)) == (0, 1)
        assert "9161234567" not in tables(tmp_path)


async def test_what_is_handed_out_is_all_of_it(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        await way.post(said(way, 1, "8 916 123-45-67, это Иван"))
        await way.work()

        out = handed_out(IVAN, await find(way.store, way.sources, IVAN), [])

        assert out["chats"][0]["messages"][0]["text"] == "8 916 123-45-67, это Иван"
        assert {row["kind"] for row in out["contact_points"]} >= {"phone"}
        assert {row["kind"] for row in out["written"]} == {"create", "note"}
        assert "123-45-67" in out["deliveries"][0]["body"]
        json.dumps(out, default=str)


async def test_deliveries_that_nobody_could_read_are_found_by_their_bytes(tmp_path: Path, clock: FakeClock) -> None:
    async with on_the_way(tmp_path, clock) as way:
        bodies = [
            b'{"x": "+7 916 123-45-67"}',
            b"phone=%2B7916123%2D4567",
            b'{"x": "\\u0069van@example.com"}',
            b'{"x": "+7 916 000"}',
        ]
        for number, body in enumerate(bodies):
            await way.store.accept(Delivery(source="shop", dedupe_key=f"raw{number}", received_at=clock.now(), body=body))
        await way.sorter.sort()

        kept = await find(way.store, way.sources, IVAN)

        assert sorted(kept.deliveries) == [1, 2, 3]
        await forget(way)
        assert [row["state"] for row in await way.store.reading().deliveries()] == ["not_understood", *["skipped"] * 3]


@pytest.mark.parametrize(("written", "normal"), [
    ("8 916 123-45-67", PHONE), ("+7 (916) 1234567", PHONE), ("+1 202 555 0143", "+12025550143"),
])  # fmt: skip
def test_a_number_is_read_as_people_type_it(written: str, normal: str) -> None:
    assert normal_phone(written, ["RU"]) == normal


def test_what_is_no_number_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="country code"):
        normal_phone("123-45-67", [])


def test_a_long_text_is_looked_through_in_no_time() -> None:
    began = time.thread_time()
    assert not IVAN.stands_in("1 " * 50_000 + "9" * 50_000 + "a@" * 50_000)
    assert time.thread_time() - began < 1
