"""Looking for jobs: by text and by filters, page by page, in bounded time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import BEGINNING, FakeClock
from store_materials import delivery, finish_chat, raw

from bridge.model import Chat, Message, Role, Visitor
from bridge.store import Keep, Sorted, Store, finding
from bridge.store.finding import Found, Wanted
from bridge.store.records import ChatChange, NewJob


async def add(
    store: Store, chat_id: str, text: str = "Сколько стоит?", *, name: str = "Анна", targets: tuple[str, ...] = ("sales",),
    channel: str = "site", revision: int = 0,
) -> None:
    chat = Chat(source="shop", chat_id=chat_id, channel=channel, visitor=Visitor(name=name),
                messages=(Message(role=Role.VISITOR, text=text),))  # fmt: skip
    accepted = await store.accept(delivery(f"{chat_id}-{revision}", at=BEGINNING))
    jobs = tuple(NewJob(target=target, next_at=0.0) for target in targets)
    change = ChatChange(chat=chat, base_revision=revision, jobs=jobs)
    await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", changes=(change,))])


async def find(store: Store, text: str = "", **more: object) -> list[str]:
    found = await store.reading().finding.jobs(Wanted(text=text, **more))  # type: ignore[arg-type]
    return [row["chat_id"] for row in found.rows]


async def test_a_chat_is_found_by_name_words_phone_email_and_its_number(store: Store) -> None:
    await add(store, "A-1", "Есть доставка? 8 916 123-45-67, anna@example.com", name="Анна Иванова")
    await add(store, "B-2", "Нужен самовывоз", name="Олег")
    for text in ("иванов", "доставки", "ДОСТАВКА анна", "+7 916 123 45 67", "4567", "anna@ex", "A-1"):
        assert await find(store, text) == ["A-1"], text
    assert await find(store, "самовывоз") == ["B-2"]
    assert await find(store, "доставка самовывоз") == []
    assert await find(store, '"') == []


async def test_letters_are_found_without_their_signs_and_a_word_without_an_end_harms_nobody(store: Store) -> None:
    await add(store, "A-1", "Größe für die Terrasse, prix en été, ёлка, йод " + "х" * 3000, name="Zoë Müller")
    for text in ("große", "zoe", "MULLER", "été", "ete", "елка", "йод", "х" * 190):
        assert await find(store, text) == ["A-1"], text
    assert await find(store, "иод") == []


async def test_a_chat_that_went_on_is_found_by_what_it_says_now(store: Store) -> None:
    await add(store, "A-1", "старое слово")
    await add(store, "A-1", "новое слово", revision=1)
    assert await find(store, "старое") == []
    assert await find(store, "новое") == ["A-1", "A-1"]


async def test_an_emptied_chat_is_found_by_nothing(store: Store, clock: FakeClock) -> None:
    await add(store, "A-1", "Есть доставка? 8 916 123-45-67")
    await store.skip([1], "by_hand")
    later = clock.time() + 1
    await store.prune(Keep(raw_since=later, chats_since=later, keys_since=0.0), 10)
    assert await find(store, "доставка") == []
    assert await find(store, "4567") == []


async def test_every_filter_leaves_out_what_does_not_fit(store: Store, clock: FakeClock) -> None:
    await add(store, "A", "доставка", channel="telegram")
    await clock.advance(3600)
    await add(store, "B", "доставка", targets=("sales", "vip"))
    await store.skip([1], "by_hand")
    at = clock.time()
    for text in ("", "доставка"):
        assert await find(store, text) == ["B", "B", "A"]
        assert await find(store, text, target="vip") == ["B"]
        assert await find(store, text, states=("skipped",)) == ["A"]
        assert await find(store, text, reason="by_hand") == ["A"]
        assert await find(store, text, channel="telegram") == ["A"]
        assert await find(store, text, source="other") == []
        assert await find(store, text, since=at) == ["B", "B"]
        assert await find(store, text, until=at) == ["A"]
        assert await find(store, text, since=at + 1) == []


async def test_the_chats_of_one_customer_are_found_and_of_no_other_whose_name_begins_like_it(store: Store) -> None:
    for number, source in enumerate(("bakery.shop", "bakery.phone", "bakery2.shop", "shop")):
        await finish_chat(store, BEGINNING, str(number), "доставка", source=source)
    for text in ("", "доставка"):
        finding = store.reading("bakery").finding
        assert [row["chat_id"] for row in (await finding.jobs(Wanted(text=text))).rows] == ["1", "0"]
        assert [row["chat_id"] for row in (await finding.jobs(Wanted(text=text, source="bakery.shop"))).rows] == ["0"]
        found = await store.reading("shop").finding.jobs(Wanted(text=text))
        assert found.rows == [], "a connection of config.yaml itself is of no site"


async def pages(store: Store, wanted: Wanted, limit: int) -> list[list[int]]:
    found, seen = Found(rows=[], next=None), list[list[int]]()
    while True:
        found = await store.reading().finding.jobs(wanted, found.next, limit)
        seen.append([row["id"] for row in found.rows])
        if found.next is None:
            return seen


@pytest.mark.parametrize("text", ["", "доставка"])
async def test_pages_hold_every_job_once_newest_first(store: Store, text: str) -> None:
    for number in range(5):
        await add(store, f"c-{number}", "доставка", targets=("sales", "vip"))
    seen = await pages(store, Wanted(text=text), 3)
    assert [job for page in seen for job in page] == list(range(10, 0, -1))


@pytest.mark.parametrize("text", ["", "доставка"])
async def test_a_rare_kind_among_very_many_is_found_piece_by_piece(
    store: Store, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "CANDIDATES", 4)
    for number in range(10):
        await add(store, f"c-{number}", "доставка", targets=("vip",) if number == 0 else ("sales",))
    first = await store.reading().finding.jobs(Wanted(text=text, target="vip"))
    assert (first.rows, first.cut) == ([], True)
    seen = await pages(store, Wanted(text=text, target="vip"), 50)
    assert [job for page in seen for job in page] == [1]


async def test_chats_from_before_the_index_are_added_in_slices(store_url: str, store: Store) -> None:
    for number in range(5):
        await add(store, f"c-{number}", "доставка")
    raw(store_url, "DELETE FROM chats_text", "DELETE FROM chat_points", "DELETE FROM facts WHERE name = 'unsearched_below'",
        "INSERT INTO facts VALUES ('unsearched_below', '6')")  # fmt: skip
    assert await find(store, "доставка") == []
    assert await store.reading().finding.unsearched()
    assert [await store.index_older(3), await store.index_older(3), await store.index_older(3)] == [3, 2, 0]
    assert len(await find(store, "доставка")) == 5
    assert not await store.reading().finding.unsearched()


async def test_a_moment_is_found_among_jobs_with_gaps_in_their_numbers(store_url: str, store: Store, clock: FakeClock) -> None:
    began = clock.now()
    for number in range(9):
        await add(store, f"c-{number}")
        await clock.advance(60)
    raw(store_url, "DELETE FROM jobs WHERE id IN (1, 4, 5)")
    for minutes, expected in ((-1, 6), (2, 5), (3.5, 4), (5, 4), (8, 1), (9, 0)):
        since = (began + timedelta(minutes=minutes)).timestamp()
        assert len(await find(store, since=since)) == expected, minutes


async def test_chats_are_counted_in_the_hour_of_the_clock_in_which_they_came(store: Store, clock: FakeClock) -> None:
    begun = clock.time() // 3600 * 3600 + 3600
    for seconds in (0.0, 0.5, 3599.5, 3600.0, 7000.0):
        await clock.advance(begun + seconds - clock.time())
        await add(store, f"at-{seconds}")
    overviews = store.reading().overviews
    end = begun + 7200
    for rows in (await overviews.hourly_jobs(end, 2), await overviews.hourly_jobs(end, 48)):
        assert [(row["hour"], row["n"]) for row in rows] == [(0, 2), (1, 3)]
    assert [(row["hour"], row["n"]) for row in await overviews.hourly_jobs(end, 1)] == [(0, 2)]
