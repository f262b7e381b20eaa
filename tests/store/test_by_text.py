"""Whatever way the chats are looked through, the same are found: every one that fits, once, newest first, and nobody else's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from fakes import BEGINNING
from store_materials import delivery

from bridge.model import Chat, Message, Role, Visitor
from bridge.store import Sorted, Store, by_text, finding
from bridge.store.finding import Found, Wanted
from bridge.store.records import ChatChange, NewJob

WORDS = ("доставка", "доставки", "гриль", "grün", "grun", "ёлка", "елка", "йод", "иод", "a1", "été", "zoë", "д", "доля")
QUESTIONS = ("доставка", "дос", "д", "гриль елка", "grün", "gru доля", "ете ё", "été", "йод", "a1", "zoe гриль дос", "c-3", "нет")
SOURCES = ("shop", "bakery.shop", "florist.shop", "florist.phone")


def chats(seed: int, count: int) -> Iterator[tuple[Chat, int]]:
    """Each with the number of its jobs."""
    chance = random.Random(seed)
    for number in range(count):
        text = " ".join(chance.sample(WORDS, chance.choice((1, 2, 5))))
        yield Chat(
            source=chance.choice(SOURCES), chat_id=f"c-{number}", channel=chance.choice(("site", "telegram")),
            visitor=Visitor(name=None), messages=(Message(role=Role.VISITOR, text=text),),
        ), chance.choice((1, 1, 2))  # fmt: skip


async def add(store: Store, chat: Chat, jobs: int = 1) -> None:
    accepted = await store.accept(delivery(f"{chat.source}-{chat.chat_id}", at=BEGINNING))
    made = tuple(NewJob(target=target, next_at=0.0) for target in ("sales", "vip")[:jobs])
    await store.record_sorted([Sorted(delivery=accepted.id, state="sorted",
                                      changes=(ChatChange(chat=chat, base_revision=0, jobs=made),))])  # fmt: skip


async def all_pages(store: Store, wanted: Wanted, site: str | None, limit: int) -> tuple[list[int], int]:
    """All that is found, and on how many pages."""
    found, ids, pages = Found(rows=[], next=None), list[int](), 0
    while True:
        found = await store.reading(site).finding.jobs(wanted, found.next, limit)
        ids += [row["id"] for row in found.rows]
        pages += 1
        assert len(found.rows) <= limit
        assert pages < 200
        if found.next is None:
            return ids, pages


#: how many are looked at: of the newest one by one, from when on a word is frequent, candidates of a page
WAYS = {
    "one by one": (2_000, 200, 100, 5_000), "by the index": (1, 200, 100, 5_000), "by the rarest word": (10, 10, 1, 5_000),
    "frequent words one by one": (10, 1, 0, 12), "few at a time": (2, 1, 1, 3),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_is_found_in_every_way(store: Store, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest, often, rarely, candidates = WAYS[way]
    monkeypatch.setattr(by_text, "NEWEST", newest)
    monkeypatch.setattr(by_text, "OFTEN", often)
    monkeypatch.setattr(by_text, "RARELY", rarely)
    for chat, jobs in chats(3, 40):
        await add(store, chat, jobs)
    await store.skip([2, 3, 17], "by_hand")
    filters: list[dict[str, object]] = [
        {}, {"states": ("skipped",)}, {"states": ("pending",)}, {"channel": "telegram"}, {"target": "vip"},
        {"source": "florist.phone", "states": ("pending",)}, {"until": BEGINNING.timestamp() + 1},
    ]  # fmt: skip
    plain = {}
    for question in QUESTIONS:
        for site in (None, "bakery", "florist"):
            for number, more in enumerate(filters if question in {"дос", "гриль елка", "c-3"} else filters[:1]):
                wanted = Wanted(text=question, **more)  # type: ignore[arg-type]
                monkeypatch.setattr(finding, "CANDIDATES", candidates)
                ids, _ = await all_pages(store, wanted, site, 4)
                plain[question, site, number] = ids
                monkeypatch.setattr(finding, "CANDIDATES", 5_000)
                everything = (await store.reading(site).finding.jobs(Wanted(**more), limit=1_000)).rows  # type: ignore[arg-type]
                rows = {row["id"]: row for row in everything}
                assert set(ids) <= set(rows), (question, site, more)
                expected = [row["id"] for row in sorted(everything, key=lambda row: (-row["chat_row"], -row["id"]))
                            if await fitting(store, row, question)]  # fmt: skip
                assert ids == expected, (question, site, more)
    assert len(plain["дос", None, 0]) > 10, "the test would show nothing"
    assert plain["дос", "bakery", 0]


async def fitting(store: Store, row: dict[str, object], question: str) -> bool:
    """As a person would say it: each word begins one of the chat's, signs on letters of the Latin alphabet aside."""
    if row["chat_id"] == question:
        return True
    stored = await store.chat(int(str(row["chat_row"])))
    said = [plainly(word) for word in stored.chat.messages[0].text.split()]
    asked = [plainly(word) for word in question.split()]
    asked = [word for word in asked if len(word) > 1] or asked
    # the last letters of a long Russian word are left open
    asked = [word[:-2] if len(word) >= 5 and word.isalpha() and word > "а" else word for word in asked]
    return all(any(word.startswith(one) for word in said) for one in asked)


def plainly(word: str) -> str:
    return word.translate(str.maketrans("ёüéë", "еuee"))


async def test_a_small_customers_chats_are_found_behind_thousands_of_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "CANDIDATES", 4)

    def chat(number: int, source: str) -> Chat:
        return Chat(source=source, chat_id=f"c-{number}", visitor=Visitor(name="Анна"),
                    messages=(Message(role=Role.VISITOR, text="доставка"),))  # fmt: skip

    for number in range(30):
        await add(store, chat(number, "florist.shop" if number == 0 else "bakery.shop"))
    found = await store.reading("florist").finding.jobs(Wanted(text="доставка"))
    assert ([row["chat_id"] for row in found.rows], found.cut) == (["c-0"], False)


async def test_what_somebody_types_letter_by_letter_is_answered_at_every_letter(store: Store) -> None:
    for chat, jobs in chats(5, 12):
        await add(store, chat, jobs)
    counts = [len((await all_pages(store, Wanted(text="доставка"[:length]), None, 50))[0]) for length in range(1, 9)]
    assert counts[0]
    assert all(fewer <= more for more, fewer in pairwise(counts[:5]))
