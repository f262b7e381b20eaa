"""How long a report takes over very many chats, how large its table is, and what counting a chat costs.

    python bench/bench_reports.py [--rows 1000000] [--keep FILE]

So many chats over a year, of three connections, with pages (a few liked, thousands rarely seen), operators and campaigns, are
counted by the store's own code, as the worker does at the end of a job. Then every report is asked for, of a month, of the whole
year and of an odd span: median and worst of some tries in ms. Over HTTP: the page itself.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import structlog
from desk import desk_of, settings
from fakes import FakeClock

from bridge.report.reports import Wanted, report_of
from bridge.store import Store, Tally
from bridge.store.reports import BY
from bridge.store.statements import tallies

ROUNDS, BATCH = 7, 5_000
#: ms that a report may take
TARGET = 1000.0
SOURCES, CHANNELS, OPERATORS = ("shop", "wholesale", "service"), ("site", "telegram", "whatsapp", "vk"), 25
LAST = date(2026, 11, 20)
SPANS = {
    "a month": (date(2026, 10, 1), date(2026, 10, 31)), "a year": (date(2025, 11, 21), LAST),
    "an odd span": (date(2025, 12, 9), date(2026, 11, 11)),
}  # fmt: skip


def tally_of(chance: random.Random, day: date) -> Tally:
    answered = chance.random() < 0.8
    response = int(chance.lognormvariate(3.7, 1.3)) if answered else None
    # a hundred pages have half of the chats, thousands share the rest
    page = f"shop.example/goods/{chance.randrange(100) if chance.random() < 0.5 else chance.randrange(5_000)}"
    return Tally(
        source=chance.choice(SOURCES), day=day, open=chance.random() < 0.7, response_s=response,
        rating=chance.choice((None, None, "5", "4", "1")),
        values={
            "channel": (chance.choice(CHANNELS),), "page": (page,), "utm": (f"yandex / cpc / {chance.randrange(40)}",),
            "operator": (f"operator {chance.randrange(OPERATORS)}" if answered else "",),
        },
        counts={
            "chats": 1, "missed": int(not answered), "missed_n": 1, "abandoned": int(chance.random() < 0.4), "abandoned_n": 1,
            "answer_n": 1, "in_30": int((response or 99) <= 30), "in_60": int((response or 99) <= 60),
            "duration_s": chance.randrange(2_000), "duration_n": 1, "gap_s": chance.randrange(900), "gap_n": 1, "handoffs_n": 1,
            "contact": int(chance.random() < 0.4), "contact_n": 1,
        },
    )  # fmt: skip


def fill(path: Path, rows: int) -> float:
    """Gives the CPU ms that counting one chat cost, commits left out."""
    db = sqlite3.connect(path, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA cache_size=-65536")
    chance, spent = random.Random(7), 0.0
    for begin in range(1, rows + 1, BATCH):
        numbers = range(begin, min(begin + BATCH, rows + 1))
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO chats (id, source, chat_id, revision, kind, channel, updated_at, chat) "
            "VALUES (?, 'shop', ?, 1, 'chat_finished', 'site', 0, '{}')", [(number, f"c-{number}") for number in numbers],
        )  # fmt: skip
        db.executemany(
            "INSERT INTO jobs (id, chat, source, chat_id, kind, target, revision, state, reason, created_at, updated_at, next_at)"
            " VALUES (?, ?, 'shop', ?, 'chat_finished', 'sales', 1, 'done', 'found', 0, 0, 0)",
            [(number, number, f"c-{number}") for number in numbers],
        )
        made = [(number, tally_of(chance, LAST - timedelta(days=364 - number * 364 // rows))) for number in numbers]
        began = time.process_time()
        for number, tally in made:
            tallies.count_all(db, {number: tally})
        spent += time.process_time() - began
        db.execute("COMMIT")
        print(f"\r{numbers[-1]} chats", end="", file=sys.stderr, flush=True)
    db.close()
    print(file=sys.stderr)
    return spent / rows * 1000


def table(path: Path) -> None:
    db = sqlite3.connect(path)
    for dimension, lines in db.execute("SELECT dimension, count(*) FROM figures GROUP BY dimension ORDER BY 2 DESC"):
        print(f"  {dimension:10} {lines:>10,} lines")
    size = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%figures%'").fetchone()[0]
    kept = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'counted'").fetchone()[0]
    print(f"  {'figures':10} {size / 1e6:>10.1f} MB with its index")
    print(f"  {'counted':10} {kept / 1e6:>10.1f} MB, until the chats' contents are pruned")
    db.close()


async def asked(store: Store) -> bool:
    well = True
    for name, (since, until) in SPANS.items():
        for by in BY:
            wanted = Wanted.model_validate({"from": since, "to": until, "by": by})
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                made = await report_of(store.reading().reports, wanted)
                times.append((time.perf_counter() - began) * 1000)
            well &= statistics.median(times) <= TARGET
            told = f"{made.report.total.all.chats:,} chats, {len(made.report.lines):,} lines"
            print(f"  {name:12} by {by:9} median {statistics.median(times):7.1f}  worst {max(times):7.1f} ms   {told}")
    return well


async def run(rows: int, keep: Path | None) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep.parent if keep else Path(temporary)
        async with desk_of(folder, FakeClock(), settings(password=None)) as desk:
            path = folder / "chat2crm.db"
            cost = fill(path, rows)
            print(f"{rows:,} chats over a year; counting one costs {cost:.2f} ms of CPU")
            table(path)
            well = await asked(desk.store)
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await desk.page("/reports?from=2025-11-21&to=2026-11-20&by=page")
                times.append((time.perf_counter() - began) * 1000)
            print(f"  the page, a year by page: median {statistics.median(times):.1f}, worst {max(times):.1f} ms")
            well &= statistics.median(times) <= TARGET
    print("every report within" if well else "a report takes longer than", f"{TARGET:.0f} ms")
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="leave the store beside this name")
    given, _ = parser.parse_known_args()
    sys.exit(asyncio.run(run(given.rows, given.keep)))


if __name__ == "__main__":
    main()
