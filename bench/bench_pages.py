"""How fast the ops page answers, and what the search costs the intake.

    python bench/bench_pages.py [--rows 1000000] [--keep FOLDER] [--postgres]

A store with so many chats (made up, each with its words, phone and e-mail in the index), the pages asked over HTTP one after
another: median and worst of some tries, in ms. Then the commit that makes chats of deliveries, with the index and without it, by
turns in the same run, in µs of processor time a chat. `--postgres` moves the store into a server that is started for the run, as
`chat2crm store copy` does, and asks the pages there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import structlog
from bench_store import database
from desk import Desk, desk_of, dialogue, settings
from fakes import FakeClock

from bridge.clock import Clock
from bridge.config import Site
from bridge.config.sites import under_its_name
from bridge.model import Chat, Delivery, Message, Role, Visitor
from bridge.store import Sorted, Store, open_store
from bridge.store.moving import copy
from bridge.store.records import ChatChange, NewJob
from bridge.store.search_words import points_of, words_of
from bridge.store.statements import searching

COMMON = [
    "здравствуйте", "подскажите", "доставка", "цена", "наличие", "гриль", "телефон", "заказ", "спасибо", "когда", "можно",
    "сколько", "стоит", "оплата",
]  # fmt: skip
NAMES = ["Анна Иванова", "Олег Петров", "Мария Сидорова", "Daniel Reed", "Игорь Кузнецов"]
ROUNDS = 7
BATCH = 5_000


def chat_of(number: int, chance: random.Random) -> Chat:
    words = [*chance.sample(COMMON, 8), *(f"слово{chance.randrange(40_000)}" for _ in range(12))]
    phone, mail = f"8 9{chance.randrange(10**9):09}", f"user{number}@example.com"
    texts = (" ".join(words[:10]), "Минутку, сейчас уточню", " ".join(words[10:]), f"мой номер {phone}, {mail}")
    roles = (Role.VISITOR, Role.OPERATOR, Role.VISITOR, Role.VISITOR)
    return Chat(
        source="shop", chat_id=f"c-{number}", channel=chance.choice(("site", "telegram")),
        visitor=Visitor(name=chance.choice(NAMES)),
        messages=tuple(Message(role=role, text=text) for role, text in zip(roles, texts, strict=True)),
    )  # fmt: skip


def fill(path: Path, rows: int, now: float) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    chance = random.Random(7)
    span = 180 * 86400.0
    for begin in range(1, rows + 1, BATCH):
        numbers = range(begin, min(begin + BATCH, rows + 1))
        made = [(number, chat_of(number, chance), now - span * (rows - number) / rows) for number in numbers]
        db.executemany(
            "INSERT INTO deliveries (id, source, dedupe_key, received_at, method, query, headers, body, state, event, chat) "
            "VALUES (?, ?, ?, ?, 'POST', '', '{}', NULL, 'sorted', 'chat_finished', ?)",
            [(number, of_site(number, "shop"), f"k-{number}", at, number) for number, _, at in made],
        )
        db.executemany(
            "INSERT INTO chats (id, source, chat_id, visitor_id, revision, kind, channel, visitor_name, updated_at, chat) "
            "VALUES (?, ?, ?, ?, 1, 'chat_finished', ?, ?, ?, ?)",
            [(number, of_site(number, "shop"), one.chat_id, f"v-{number}", one.channel, one.visitor.name, at,
              one.model_dump_json(exclude_defaults=True)) for number, one, at in made],
        )  # fmt: skip
        db.executemany(
            "INSERT INTO jobs (id, chat, source, chat_id, kind, target, revision, state, reason, error_code, created_at, "
            "updated_at, next_at) VALUES (?, ?, ?, ?, 'chat_finished', ?, 1, ?, ?, ?, ?, ?, ?)",
            [(number, number, of_site(number, "shop"), one.chat_id, of_site(number, "sales"), *state_of(number), at, at, at)
             for number, one, at in made],
        )
        words = [(number, words_of(one)) for number, one, _ in made]
        db.executemany("INSERT INTO chats_text (rowid, words) VALUES (?, ?)", words)
        points = [(value, number) for number, one, _ in made for value in points_of(one)]
        db.executemany("INSERT OR IGNORE INTO chat_points VALUES (?, ?)", points)
        db.commit()
        print(f"\r{numbers[-1]} chats", end="", file=sys.stderr, flush=True)
    db.close()
    print(file=sys.stderr)


def of_site(number: int, name: str) -> str:
    """Most chats are of one service; one in ten is a large customer's, one in ten thousand a small one's."""
    site = "bakery." if number % 10 == 3 else "florist." if number % 10_000 == 5 else ""
    return f"{site}{name}"


def state_of(number: int) -> tuple[str, str, str]:
    if number % 20_000 == 0:
        return "dead", "crm_rejected", "crm_rejected"
    if number % 30_000 == 0:
        return "held", "ambiguous", ""
    return ("skipped", "no_contact", "") if number % 5 == 0 else ("done", "found", "")


def addresses(rows: int) -> Iterator[tuple[str, str]]:
    middle = chat_of(rows // 2, random.Random(1))
    yield "overview", "/"
    yield "chats, first page", "/jobs"
    yield "chats, a page in the middle", f"/jobs?after=0.{rows // 2}"
    yield "chats, not written", "/jobs?state=dead"
    yield "chats, another connection (none)", "/jobs?source=other"
    yield "chats of a channel", "/jobs?channel=telegram"
    yield "chats of a week, long ago", "/jobs?from=2026-07-01&to=2026-07-07"
    yield "search: chat number", f"/jobs?q={middle.chat_id}"
    yield "search: e-mail", f"/jobs?q=user{rows // 2}@example.com"
    yield "search: last four digits", "/jobs?q=4567"
    yield "search: a word in half of the chats", "/jobs?q=доставка"
    yield "search: a name and two words", "/jobs?q=иванова доставка гриль"
    yield "search: a rare word", "/jobs?q=слово31337"
    yield "search: a frequent and a rare word", "/jobs?q=доставка слово31337"
    yield "search: two letters of most words", "/jobs?q=сл"
    yield "search: those, and a rare word", "/jobs?q=сл слово31337"
    yield "search: an e-mail's beginning of all", "/jobs?q=user@"
    yield "search: a frequent word, not written", "/jobs?q=доставка&state=dead"
    yield "search: a frequent word, long ago", "/jobs?q=доставка&from=2026-07-01&to=2026-07-07"
    yield "not written, by cause", "/stuck"
    yield "rehearsal", "/rehearsal"
    yield "received", "/deliveries"
    yield "one chat", f"/jobs/{rows // 2}"
    yield "reports", "/reports"
    for site in ("bakery", "florist"):
        size = "large" if site == "bakery" else "small"
        yield f"a {size} customer: overview", f"/?site={site}"
        yield f"a {size} customer: chats", f"/jobs?site={site}"
        yield f"a {size} customer: chats, not written", f"/jobs?site={site}&state=dead"
        yield f"a {size} customer: chats of a channel", f"/jobs?site={site}&channel=telegram"
        yield f"a {size} customer: a word of many", f"/jobs?site={site}&q=доставка"
        yield f"a {size} customer: a rare word", f"/jobs?site={site}&q=слово31337"
        yield f"a {size} customer: a name and two words", f"/jobs?site={site}&q=иванова доставка гриль"
        yield f"a {size} customer: four digits", f"/jobs?site={site}&q=4567"
        yield f"a {size} customer: by cause", f"/stuck?site={site}"
        yield f"a {size} customer: received", f"/deliveries?site={site}"
        yield f"a {size} customer: reports", f"/reports?site={site}"


async def measure(desk: Desk, rows: int) -> None:
    print(f"{'page':40}{'median ms':>12}{'worst ms':>12}")
    for name, address in addresses(rows):
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = await desk.web.get(address)
            await answer.read()
            took.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise SystemExit(f"{address}: {answer.status}")
        print(f"{name:40}{statistics.median(took):12.0f}{max(took):12.0f}", flush=True)


async def intake(store: Store, clock: Clock, first: int, count: int) -> float:
    """µs of the commit that makes a chat of a delivery, in batches of twenty."""
    chance, spent = random.Random(first), 0.0
    for begin in range(first, first + count, 20):
        results = []
        for number in range(begin, begin + 20):
            accepted = await store.accept(Delivery(source="shop", dedupe_key=f"n-{number}", received_at=clock.now(), body=b"{}"))
            chat = chat_of(number, chance)
            change = ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target="sales", next_at=1e12),))
            results.append(Sorted(delivery=accepted.id, state="sorted", changes=(change,)))
        began = time.process_time()
        await store.record_sorted(results)
        spent += time.process_time() - began
    return spent / count * 1e6


async def cost(store: Store, clock: Clock, rows: int) -> None:
    print(f"\n{'making chats of deliveries':40}{'µs a chat':>12}")
    first = rows + int(time.time()) * 100_000  # new ones also in a store that is used again
    for name in ("with the index", "without it", "with the index", "without it"):
        with mock.patch.object(searching, "index") if name == "without it" else contextlib.nullcontext():
            print(f"{name:40}{await intake(store, clock, first, 2_000):12.0f}", flush=True)
        first += 2_000


async def run(rows: int, keep: Path | None, *, postgres: bool) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    clock = FakeClock()
    with tempfile.TemporaryDirectory() as folder:
        place = keep or Path(folder)
        place.mkdir(exist_ok=True)
        path = place / "chat2crm.db"
        if not path.exists():
            store = open_store(f"sqlite:///{path}", clock=clock)
            await store.open()
            await store.close()
            fill(path, rows, clock.time())
        print(f"{rows} chats, {path.stat().st_size / 2**20:.0f} MiB\n")
        ours = settings(password=None)
        parts = {site: Site(site, place, part=under_its_name(ours, site)) for site in ("bakery", "florist")}
        with moved(path) if postgres else contextlib.nullcontext("") as url:
            async with desk_of(place, clock, ours.with_sites(parts), url) as desk:
                await desk.job(dialogue(chat_id="newest"))
                while await desk.store.index_older(BATCH):  # chats that were moved, as the service does in smaller pieces
                    pass
                await measure(desk, rows)
                if not postgres:
                    await cost(desk.store, clock, rows)


@contextlib.contextmanager
def moved(path: Path) -> Iterator[str]:
    """Where the same chats stand in a database. The file stays as it is: one that was moved is marked as such."""
    with tempfile.TemporaryDirectory() as made, database(Path(made), None) as url:
        twin = Path(made) / "twin.db"
        shutil.copyfile(path, twin)
        began = time.monotonic()
        copied = copy(twin, url)
        twin.unlink()
        print(f"{sum(one.rows for one in copied):,} rows moved in {time.monotonic() - began:.0f} s\n", flush=True)
        yield url


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--keep", type=Path, help="a folder for the store, used again the next time")
    parser.add_argument("--postgres", action="store_true", help="the pages over a database instead of over the file")
    given = parser.parse_args()
    asyncio.run(run(given.rows, given.keep, postgres=given.postgres))
