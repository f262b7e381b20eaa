"""A CRM in memory that answers at once: the far end of the benches.

    python bench/crm.py PORT

GET /clients?phone=&email=, POST /clients, POST /clients/{id}/notes are what a chat needs. GET /figures tells how many notes
of how many chats there are, when the last one came, and what went wrong: a second note of one chat, a second client with one
phone, a note for nobody. Reading a client or looking for a note by its marker is answered too; no chat should need it.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class Memory:
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_phone: dict[str, str] = field(default_factory=dict)
    by_email: dict[str, str] = field(default_factory=dict)
    #: chat → id of its (last) note
    notes: dict[str, str] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    finds: int = 0
    reads: int = 0
    second_notes: int = 0
    second_clients: int = 0
    notes_for_nobody: int = 0
    last_note_at: float = 0.0
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))


async def find(request: web.Request) -> web.Response:
    memory = request.app[MEMORY]
    memory.finds += 1
    ids = {memory.by_phone.get(request.query.get("phone", "")), memory.by_email.get(request.query.get("email", ""))} - {None}
    return _json({"items": [memory.clients[str(one)] for one in ids]})


async def create(request: web.Request) -> web.Response:
    memory = request.app[MEMORY]
    client = json.loads(await request.read())
    client["id"] = str(next(memory.ids))
    memory.second_clients += client.get("phone") in memory.by_phone
    memory.clients[client["id"]] = client
    memory.by_phone[client.get("phone") or ""] = client["id"]
    memory.by_email[client.get("email") or ""] = client["id"]
    return _json({"id": client["id"]}, 201)


async def note(request: web.Request) -> web.Response:
    memory = request.app[MEMORY]
    written = json.loads(await request.read())
    note_id = str(next(memory.ids))
    memory.notes_for_nobody += request.match_info["client"] not in memory.clients
    memory.second_notes += written["chat"] in memory.notes
    memory.notes[written["chat"]] = note_id
    if written.get("marker"):
        memory.markers[written["marker"]] = note_id
    memory.last_note_at = time.monotonic()
    return _json({"id": note_id}, 201)


async def read(request: web.Request) -> web.Response:
    memory = request.app[MEMORY]
    memory.reads += 1
    client = memory.clients.get(request.match_info["client"])
    return _json(client or {}, 200 if client else 404)


async def look(request: web.Request) -> web.Response:
    memory = request.app[MEMORY]
    memory.reads += 1
    marker = request.query.get("marker", "")
    found = memory.markers.get(marker)
    return _json({"items": [{"id": found, "marker": marker}] if found else []})


async def figures(request: web.Request) -> web.Response:
    """`since_last_note`, in seconds: processes need not agree on a clock."""
    memory = request.app[MEMORY]
    since = time.monotonic() - memory.last_note_at if memory.last_note_at else None
    return _json({
        "chats": len(memory.notes), "clients": len(memory.clients), "finds": memory.finds, "reads": memory.reads,
        "second_notes": memory.second_notes, "second_clients": memory.second_clients,
        "notes_for_nobody": memory.notes_for_nobody, "since_last_note": since,
    })  # fmt: skip


async def forget(request: web.Request) -> web.Response:
    """Begin anew, so that the next contestant meets the same empty CRM."""
    memory = request.app[MEMORY]
    for name, value in {name: getattr(Memory(), name) for name in Memory.__slots__}.items():
        setattr(memory, name, value)
    return _json({})


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")


MEMORY = web.AppKey("memory", Memory)


def application() -> web.Application:
    app = web.Application(client_max_size=8 << 20)
    app[MEMORY] = Memory()
    app.add_routes([
        web.get("/clients", find), web.post("/clients", create), web.get("/clients/{client}", read),
        web.post("/clients/{client}/notes", note), web.get("/notes", look), web.get("/figures", figures),
        web.post("/forget", forget),
    ])  # fmt: skip
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
