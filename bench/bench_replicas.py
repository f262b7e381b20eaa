"""What chats cost on one file, and on one PostgreSQL with one, two and three replicas: real processes, the same chats and CRM.

    python bench/bench_replicas.py [--chats 600] [--rounds 2] [--connections 16] [--folder DIR]

Printed for each, the median of the rounds, which take all in turn: chats a second to the last note, acknowledgements a second and
how long one takes, processor seconds for 1000 chats (all replicas; the database), memory, connections to the database. Everything
shares one machine, the CRM and the load included: chats a second say how much of it there is, processor seconds what a chat
needs. The database flushes to disk as it does in earnest. Ends with 1 if a chat was lost or written twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import psycopg
from contestants import SECRET, TICKS, Crm, Process, free_port
from load import Load, chat, drive
from real_postgres import Server, in_database

HERE = Path(__file__).resolve().parent
#: seconds for what is done after the last note is out
BOOKS = 0.5
Figures = dict[str, dict[str, list[float]]]


def replica(store: str, crm: Crm, folder: Path) -> Process:
    port = free_port()
    config = folder / f"config-{port}.yaml"
    config.write_text(json.dumps({
        "store": store, "key": "${BENCH_KEY}", "timezone": "Europe/Moscow", "language": "en",
        "receive": {"host": "127.0.0.1", "port": str(port)}, "ops": {"host": "127.0.0.1", "port": str(free_port())},
        "sources": {"shop": {"provider": "jivo", "secret": "${BENCH_SECRET}", "region": "RU", "target": "crm"}},
        "targets": {"crm": {"crm": str(HERE / "plain.yaml"), "url": crm.url, "token": "${BENCH_TOKEN}", "mode": "write"}},
    }), encoding="utf-8")  # fmt: skip
    environ = {"BENCH_KEY": "k" * 40, "BENCH_SECRET": SECRET, "BENCH_TOKEN": "bench"}
    command = [sys.executable, "-m", "bridge", "-c", str(config), "serve"]
    return Process(command, port, folder / f"replica-{port}.log", environ, HERE.parent)


def server_cpu(server: Server) -> float:
    """Of the database and all its processes, those that have ended included."""
    assert server.process is not None
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        itself = stat.parent.name == str(server.process.pid)
        if itself or int(parts[1]) == server.process.pid:
            total += int(parts[11]) + int(parts[12])
        if itself:  # of children that have ended
            total += int(parts[13]) + int(parts[14])
    return total / TICKS


def connections(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as admin:
        row = admin.execute("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()").fetchone()
    return int(row[0]) if row else 0


async def one(name: str, many: int, url: str | None, crm: Crm, server: Server, folder: Path, asked: argparse.Namespace,
              figures: Figures) -> None:  # fmt: skip
    store = url or f"sqlite:///{folder}/{uuid.uuid4().hex}.db"
    replicas = [replica(store, crm, folder) for _ in range(many)]
    await crm.forget()
    prefix = uuid.uuid4().hex[:8]
    try:
        for process in replicas:
            process.start()
        for number, process in enumerate(replicas):
            body = chat(number, f"{prefix}-first-{number}")
            head = f"POST /hooks/shop/{SECRET} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            await process.first_answer(head.encode() + body)
        await crm.until(many)
        await asyncio.sleep(BOOKS)
        cpu, database = sum(process.cpu_seconds() for process in replicas), server_cpu(server)
        began = time.monotonic()
        bodies = [chat(100 + number, f"{prefix}-{number}") for number in range(asked.chats)]
        loads: list[Load] = await asyncio.gather(*(
            drive(f"http://127.0.0.1:{process.port}/hooks/shop/{SECRET}", bodies[number::many], asked.connections // many)
            for number, process in enumerate(replicas)
        ))  # fmt: skip
        ended = await crm.until(many + asked.chats)
        held = connections(url) if url else 0
        await asyncio.sleep(BOOKS)
        told = await crm.figures()
        if told["second_notes"] or told["second_clients"] or told["notes_for_nobody"]:
            raise RuntimeError(f"{name}: {told}")
        latencies = sorted(latency for load in loads for latency in load.latencies)
        thousand = 1000 / asked.chats
        found = {
            "chats/s to the last note": asked.chats / (ended - began),
            "acks/s": asked.chats / max(load.seconds for load in loads),
            "ack p50, ms": 1000 * latencies[len(latencies) // 2],
            "ack p99, ms": 1000 * latencies[int(0.99 * (len(latencies) - 1))],
            "CPU s per 1000 chats, replicas": thousand * (sum(process.cpu_seconds() for process in replicas) - cpu),
            "CPU s per 1000 chats, database": thousand * (server_cpu(server) - database) if url else 0.0,
            "most RSS of a replica, MB": max(process.memory()[1] for process in replicas),
            "connections to the database": held,
        }
        for figure, value in found.items():
            figures[figure][name].append(value)
    finally:
        for process in replicas:
            process.stop()


async def rounds(folder: Path, server: Server, asked: argparse.Namespace) -> Figures:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    crm = Crm.of(folder)
    await crm.start()
    try:
        for _ in range(asked.rounds):
            for title, many in {"one file": 1, "1 replica": 1, "2 replicas": 2, "3 replicas": 3}.items():
                url = None if title == "one file" else _database(server)
                await one(title, many, url, crm, server, folder, asked, figures)
    finally:
        crm.process.stop()
    return figures


def main(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="chat2crm-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another user, where this one is root
        server = Server(folder / "server", durable=True)
        server.create()
        server.start()
        try:
            _print(asyncio.run(rounds(folder, server, asked)))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            server.stop()
    return 0


def _database(server: Server) -> str:
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")  # type: ignore[call-overload]
    return in_database(server.url, name)


def _print(figures: Figures) -> None:
    names: list[Any] = list(next(iter(figures.values())))
    print(f"{'':34}" + "".join(f"{name:>14}" for name in names))
    for figure, shown in figures.items():
        print(f"{figure:34}" + "".join(f"{statistics.median(shown[name]):14.2f}" for name in names))
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chats", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--folder", help="on a disk, not in memory")
    sys.exit(main(parser.parse_args()))
