"""What a long past costs: intake and claims over an empty store and over one with a past, in one run.

    .venv/bin/python bench/bench_history.py [--rows 100000] [--posts 3000] [--claims 300] [--rounds 5] [--folder DIR]

Printed for both stores: how long a delivery took to be on disk (p50, p99), the processor time of a claim that finds a job and
of one that finds none, and of opening the store. The two take turns, since the machine is shared; medians over the rounds. A
figure that is more than a fifth worse over the full store is said; that ends with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from history import fill

from bridge.clock import Clock
from bridge.model import (
    Chat,
    Client,
    Delivery,
    JobState,
    Match,
    Message,
    Operation,
    OperationKind,
    OperationState,
    Plan,
    Role,
    Verdict,
    Visitor,
)
from bridge.store import Outcome, Sorted, Store, open_store
from bridge.store.records import ChatChange, NewJob

#: by so much more a figure may be over the full store
MORE = 1.2
#: bytes of a chat with a dozen messages
BODY = b'{"x": "' + b"y" * 2000 + b'"}'
Figures = dict[str, dict[str, list[float]]]
Note = Callable[[str, str, float], None]


async def come(store: Store, number: int) -> None:
    """A delivery that turns out to be a finished chat with a job."""
    accepted = await store.accept(_delivery(f"chat {number}"))
    chat = Chat(source="shop", chat_id=f"chat {number}", visitor=Visitor(id=f"v{number}"),
                messages=(Message(role=Role.VISITOR, text=f"My number is +7916{number:07d}"),))  # fmt: skip
    change = ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target="sales", next_at=time.time()),))
    await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", event="chat_finished", changes=(change,))])


def _delivery(key: str) -> Delivery:
    return Delivery(source="shop", dedupe_key=key, received_at=datetime.now(UTC), body=BODY)


async def one_that_is_done(store: Store) -> None:
    """What the past is made of."""
    await come(store, 0)
    [job] = await store.claim(owner="bench", lease=60.0, room={"sales": 1})
    plan = Plan(
        match=Match(verdict=Verdict.FOUND, client=Client(id="1"), reason="as before"), mapping="m", chat_marker="c2c-" + "a" * 16,
        operations=(Operation(kind=OperationKind.NOTE, marker="c2c-" + "b" * 16, message_keys=("m1", "m2")),),
    )  # fmt: skip
    [row] = await store.record_plan(job, plan)
    row = await store.record_sent(row, epoch=job.epoch)
    await store.settle(row, OperationState.DONE, record_id="n1", message_keys=("m1", "m2"))
    await store.remember("sales", [("phone", "+79160000000")], "1", "client")
    await store.finish(job, Outcome(state=JobState.DONE, reason="found"), None)


async def cpu_of(work: Callable[[], Awaitable[object]]) -> float:
    before = time.process_time()
    await work()
    return time.process_time() - before


async def measured(stores: Mapping[str, Store], asked: argparse.Namespace, first: int, note: Note) -> None:
    """Post by post in turn, for the disk is shared as well."""
    for name, store in stores.items():
        note("opening, ms of processor", name, 1000 * await cpu_of(store.open))
    took: dict[str, list[float]] = {name: [] for name in stores}
    for number in range(asked.posts):
        for name, store in stores.items():
            began = time.perf_counter()
            await store.accept(_delivery(f"post {first + number}"))
            took[name].append(time.perf_counter() - began)
    for name, store in stores.items():
        times = sorted(took[name])
        note("intake p50, ms", name, 1000 * times[len(times) // 2])
        note("intake p99, ms", name, 1000 * times[math.ceil(0.99 * len(times)) - 1])
        for number in range(asked.claims):
            await come(store, first + number)
        note("claim, µs of processor", name, 1e6 * await cpu_of(partial(_times, asked.claims, store)) / asked.claims)
        note("claim of nothing, µs of processor", name, 1e6 * await cpu_of(partial(_times, 1000, store)) / 1000)
        await store.close()


async def _times(count: int, store: Store) -> None:
    for _ in range(count):
        await store.claim(owner="bench", lease=60.0, room={"sales": 1})


async def contest(folder: Path, asked: argparse.Namespace) -> Figures:
    stores = {"empty": folder / "empty.db", "full": folder / "full.db"}
    for path in stores.values():
        store = open_store(f"sqlite:///{path}", clock=Clock())
        await store.open()
        await one_that_is_done(store)
        await store.close()
    began = time.monotonic()
    await asyncio.to_thread(fill, stores["full"], asked.rows)
    size = stores["full"].stat().st_size / 1e9
    print(f"{asked.rows:,} chats of the past: {size:.1f} GB, written in {time.monotonic() - began:.0f} s", flush=True)
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for turn in range(asked.rounds + 1):

        def note(figure: str, name: str, value: float, turn: int = turn) -> None:
            if turn:  # the first round fetches the file's pages from the disk
                figures[figure][name].append(value)

        order = sorted(stores, reverse=turn % 2 == 1)
        opened = {name: open_store(f"sqlite:///{stores[name]}", clock=Clock()) for name in order}
        await measured(opened, asked, 10_000_000 + 100_000 * turn, note)
    return figures


def report(figures: Figures) -> bool:
    print(f"{'':36}{'empty':>10}{'full':>10}{'ratio':>8}")
    well = True
    for figure, by_store in figures.items():
        empty, full = (statistics.median(by_store[name]) for name in ("empty", "full"))
        # opening looks through as much of the file as a fifth of a second allows, which a small one does not need
        missed = full > MORE * empty and not figure.startswith("opening")
        well = well and not missed
        print(f"{figure:36}{empty:10.3f}{full:10.3f}{full / empty:8.2f}{'  more than a fifth worse' if missed else ''}")
    return well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="chats of the past; a million take 5 GB")
    parser.add_argument("--posts", type=int, default=3000)
    parser.add_argument("--claims", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on a disk, not in memory")
    asked = parser.parse_args()
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        return 0 if report(asyncio.run(contest(Path(folder), asked))) else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
