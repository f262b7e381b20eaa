"""What the service costs, beside the floor in the same run: see bench/README.md.

    python bench/bench_service.py [--rounds 3] [--chats 1000] [--history 0] [--connections 1 16 64]

Ends with 1 if a chat was lost or written twice; a figure that misses its target is said and ends nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from contestants import FLOOR, Contestant, Crm, Process, interpreter, url_of
from history import fill
from load import chat, drive

SERVICE = "chat2crm"
#: seconds for what a contestant does after the last note is out (its books)
BOOKS = 0.5

#: figure → what each contestant showed, round by round
Figures = dict[str, dict[str, list[float]]]


async def contest(
    contestant: Contestant, crm: Crm, folder: Path, asked: argparse.Namespace, first: int, figures: Figures
) -> None:
    """One contestant, from its start to its end, with the CRM to itself. Persons are numbered from `first`."""

    def note(figure: str, value: float) -> None:
        figures[figure][contestant.name].append(value)

    await crm.forget()
    process = contestant.process(crm, folder)
    began = time.monotonic()
    process.start()
    try:
        await process.first_answer(_one_request(process, contestant, chat(first, f"{contestant.name}-{first}")))
        note("start to the first 200, ms", 1000 * (time.monotonic() - began))
        await crm.until(1)
        sent = 1
        await asyncio.sleep(BOOKS)
        before = await crm.figures()
        note("RSS idle, MB", process.memory()[0])
        for connections in asked.connections:
            bodies = [chat(first + sent + n, f"{contestant.name}-{first + sent + n}") for n in range(asked.chats)]
            cpu, began = process.cpu_seconds(), time.monotonic()
            load = await drive(url_of(process, contestant), bodies, connections)
            if set(load.statuses) != {200}:
                raise RuntimeError(f"{contestant.name} answered {dict(load.statuses)}")
            sent += asked.chats
            ended = await crm.until(sent)
            await asyncio.sleep(BOOKS)
            cpu = process.cpu_seconds() - cpu
            note(f"acks/s, {connections} connections", load.acks_per_second)
            note(f"ack p50 ms, {connections} connections", 1000 * load.percentile(0.5))
            note(f"ack p99 ms, {connections} connections", 1000 * load.percentile(0.99))
            note(f"chats/s to the last note, {connections} connections", asked.chats / (ended - began))
            note(f"CPU s per 1000 chats, {connections} connections", 1000 * cpu / asked.chats)
        note("RSS peak, MB", process.memory()[1])
        told = await crm.figures()
    finally:
        process.stop()
    wrong = {name: told[name] for name in ("second_notes", "second_clients", "notes_for_nobody") if told[name]}
    calls = [told[name] - before[name] for name in ("finds", "clients", "chats", "reads")]
    if wrong or calls != [sent - 1, sent - 1, sent - 1, 0]:
        raise RuntimeError(f"{contestant.name}: not three calls for each of {sent} chats: {told}")


def _one_request(process: Process, contestant: Contestant, body: bytes) -> bytes:
    path = url_of(process, contestant).partition(str(process.port))[2]
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def with_history(folder: Path, crm: Crm, copies: int) -> Contestant:
    """The service over a store in which so many chats are done."""
    contestant = Contestant(f"{SERVICE}, {copies:,} done", folder / "history.db")
    process = contestant.process(crm, folder)
    process.start()
    try:
        await process.first_answer(_one_request(process, contestant, chat(9_999_999, "history")))
        await crm.until(1)
        await asyncio.sleep(BOOKS)
    finally:
        process.stop()
    began = time.monotonic()
    fill(contestant.store, copies)
    size, seconds = contestant.store.stat().st_size / 1e6, time.monotonic() - began
    print(f"a store with {copies:,} done jobs: {size:.0f} MB, made in {seconds:.0f} s", file=sys.stderr)
    return contestant


async def measure(asked: argparse.Namespace) -> Figures:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="chat2crm-bench-", dir=asked.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        crm = Crm.of(folder)
        await crm.start()
        try:
            past = [await with_history(folder, crm, asked.history)] if asked.history else []
            for number in range(asked.rounds):
                fresh = [
                    Contestant(FLOOR, folder / f"floor-{number}.db"), Contestant(SERVICE, folder / f"store-{number}.db"),
                    *(Contestant(str(other), folder / f"other-{at}-{number}.db", other) for at, other in enumerate(asked.beside)),
                ]  # fmt: skip
                # turn about, so that what the machine does meanwhile favours nobody
                order = [*fresh, *past][:: 1 if number % 2 == 0 else -1]
                for contestant in order:
                    first = number * (1 + asked.chats * len(asked.connections))
                    await contest(contestant, crm, folder, asked, first, figures)
                    print(f"round {number + 1} of {asked.rounds}: {contestant.name}", file=sys.stderr)
        finally:
            crm.process.stop()
    return figures


def table(figures: Figures) -> list[str]:
    """Medians, and the median of each round's ratio to the floor in the same round."""
    names = list(next(iter(figures.values())))
    names.sort(key=lambda name: (name != FLOOR, len(name)))
    heads = [*names, *(f"{name} / {FLOOR}" for name in names if name != FLOOR)]
    widths = [max(12, len(head) + 2) for head in heads]
    lines = [f"{'median':44}" + "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))]
    for figure, shown in figures.items():
        values = [statistics.median(shown[name]) for name in names]
        cells = [f"{value:,.{1 if value < 100 else 0}f}" for value in values]
        cells += [f"{ratio(shown[name], shown[FLOOR]):.2f}" for name in names if name != FLOOR]
        lines.append(f"{figure:44}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))
    return lines


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def verdicts(figures: Figures, connections: Sequence[int]) -> list[str]:
    most, usual = max(connections), 16 if 16 in connections else max(connections)
    acks, peak = figures[f"acks/s, {most} connections"], statistics.median(figures["RSS peak, MB"][SERVICE])
    share = 100 * ratio(acks[SERVICE], acks[FLOOR])
    cpu = statistics.median(figures[f"CPU s per 1000 chats, {usual} connections"][SERVICE])
    lines = [
        _verdict(share >= 60, f"acks/s at {most} connections: {share:.0f} % of the floor's (at least 60)"),
        _verdict(cpu <= 3, f"CPU seconds per 1000 chats at {usual} connections: {cpu:.2f} (at most 3)"),
        _verdict(peak <= 100, f"RSS: {peak:.0f} MB (at most 100)"),
    ]
    for name in (name for name in acks if name.startswith(f"{SERVICE},")):
        for figure, shown in figures.items():
            change = 100 * (ratio(shown[name], shown[SERVICE]) - 1)
            worse = -change if "/s" in figure else change
            lines.append(_verdict(worse <= 10, f"{name}: {figure}: {change:+.0f} % (at most 10 worse)"))
    return lines


def _verdict(met: bool, said: str) -> str:
    return f"{'met   ' if met else 'MISSED'}  {said}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chats", type=int, default=1000, help="for each number of connections")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--history", type=int, default=0, metavar="N", help="beside them a store in which N jobs are done")
    parser.add_argument("--beside", type=Path, nargs="+", default=[], metavar="CHECKOUT", help="other versions, in the same run")
    parser.add_argument("--folder", type=Path, help="where the stores are made: the disk is part of what is measured")
    asked = parser.parse_args()
    try:
        figures = asyncio.run(measure(asked))
    except RuntimeError as error:
        sys.exit(str(error))
    print("\n".join([f"{interpreter()}\n", *table(figures), "", *verdicts(figures, asked.connections)]))


if __name__ == "__main__":
    main()
