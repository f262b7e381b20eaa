"""The floor: the least Python that does the whole job durably. What it needs, the machine and the libraries cost.

    python bench/floor.py PORT STORE CRM_URL

A delivery is committed (SQLite, WAL, synchronous=FULL, waiting deliveries share a commit) before its 200; workers search, create
and note with a regular expression for a phone and one for an e-mail; what is not done is taken up again at the next start. No
mapping, no authenticity, no roles, no retries worth the name, no trace, no page: a reference, not a product.
"""

from __future__ import annotations

import asyncio
import json
import queue
import re
import sqlite3
import sys
import threading
from typing import Any

import aiohttp
from aiohttp import web

WORKERS = 16
LARGEST_COMMIT = 512
PHONE = re.compile(r"\+\d[\d ()-]{8,16}\d")
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")

Write = tuple[str, tuple[Any, ...], "asyncio.Future[int | None] | None"]


def connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, chat TEXT UNIQUE, body BLOB, done INTEGER DEFAULT 0)")
    return db


def write_for_ever(db: sqlite3.Connection, waiting: queue.SimpleQueue[Write], loop: asyncio.AbstractEventLoop) -> None:
    while True:
        writes = [waiting.get()]
        while len(writes) < LARGEST_COMMIT and not waiting.empty():
            writes.append(waiting.get_nowait())
        db.execute("BEGIN IMMEDIATE")
        rows = []
        for sql, values, future in writes:
            changed = db.execute(sql, values)
            rows.append((future, changed.lastrowid if changed.rowcount else None))
        db.execute("COMMIT")
        loop.call_soon_threadsafe(tell, rows)


def tell(rows: list[tuple[asyncio.Future[int | None] | None, int | None]]) -> None:
    for future, row in rows:
        if future is not None and not future.done():
            future.set_result(row)


async def ask(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> Any:
    """Until it works: a CRM that is down is waited for."""
    while True:
        try:
            async with session.request(method, url, **more) as answer:
                if answer.status < 300:
                    return await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            pass
        await asyncio.sleep(0.5)


async def deliver(session: aiohttp.ClientSession, crm: str, body: bytes) -> None:
    event = json.loads(body)
    messages = event["chat"]["messages"]
    said = "\n".join(message["message"] for message in messages if message["type"] == "visitor")
    phone, email = PHONE.search(said), EMAIL.search(said)
    client = {
        "name": event["visitor"]["name"], "phone": re.sub(r"[^+\d]", "", phone[0]) if phone else "",
        "email": email[0].lower() if email else "",
    }  # fmt: skip
    found = await ask(session, "GET", f"{crm}/clients", params={"phone": client["phone"], "email": client["email"]})
    known = found["items"] or [await ask(session, "POST", f"{crm}/clients", json=client)]
    text = "\n".join(f"{message['type']}: {message['message']}" for message in messages)
    await ask(session, "POST", f"{crm}/clients/{known[0]['id']}/notes", json={"chat": event["chat_id"], "text": text})


async def work(
    jobs: asyncio.Queue[tuple[int, bytes]], session: aiohttp.ClientSession, crm: str, waiting: queue.SimpleQueue[Write]
) -> None:
    while True:
        row, body = await jobs.get()
        await deliver(session, crm, body)
        waiting.put(("UPDATE inbox SET done = 1 WHERE id = ?", (row,), None))


async def application(store: str, crm: str) -> web.Application:
    loop = asyncio.get_running_loop()
    db, session = connect(store), aiohttp.ClientSession()
    jobs: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    for left_over in db.execute("SELECT id, body FROM inbox WHERE done = 0 ORDER BY id"):
        jobs.put_nowait(left_over)
    waiting: queue.SimpleQueue[Write] = queue.SimpleQueue()
    threading.Thread(target=write_for_ever, args=(db, waiting, loop), daemon=True).start()
    workers = [asyncio.create_task(work(jobs, session, crm, waiting)) for _ in range(WORKERS)]

    async def hook(request: web.Request) -> web.Response:
        body = await request.read()
        future: asyncio.Future[int | None] = loop.create_future()
        chat = json.loads(body)["chat_id"]
        waiting.put(("INSERT OR IGNORE INTO inbox (chat, body) VALUES (?, ?)", (chat, body), future))
        row = await future
        if row is not None:
            jobs.put_nowait((row, body))
        return web.Response(body=b'{"result":"ok"}', content_type="application/json")

    async def stop(_app: web.Application) -> None:
        for worker in workers:
            worker.cancel()
        await session.close()

    app = web.Application(client_max_size=8 << 20)
    app.add_routes([web.post("/hooks/shop/secret", hook)])
    app.on_cleanup.append(stop)
    return app


if __name__ == "__main__":
    web.run_app(application(sys.argv[2], sys.argv[3]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
