"""Counts what must not happen: two cards of one person, one thing written twice, values overwritten."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from bridge.sandbox.entities import ENTITIES
from bridge.sandbox.points import MARKER, TAIL, digits_of, email_key
from bridge.sandbox.records import Records

#: so many examples of each finding are listed; all are counted
EXAMPLES = 20


def audit(records: Records, *, detail: bool = False) -> dict[str, Any]:
    """Count. `detail` adds every marker with the number of its notes, and every value overwritten."""
    clients, groups = _doubled_clients(records)
    told: dict[str, Any] = {"clients": clients}
    told |= {table: _count(records, table) for table in ("notes", "deals", "tasks", "files")}
    told["doubled_clients"] = sum(len(group) - 1 for group in groups)
    examples: dict[str, Any] = {"clients": groups[:EXAMPLES]}
    for table in ("notes", "deals", "tasks", "files"):
        doubles = _doubles(records, table)
        told[f"doubled_{table}"] = len(doubles)
        examples[table] = doubles[:EXAMPLES]
    notes = records.db.execute("SELECT text, operation_marker FROM notes").fetchall()
    told["notes_without_marker"] = sum(note["operation_marker"] is None for note in notes)
    told["notes_alike_but_for_markers"] = _alike(note["text"] for note in notes)
    lost = records.db.execute("SELECT * FROM overwritten ORDER BY at").fetchall()
    told["overwritten"] = len(lost)
    told["examples"] = examples
    if detail:
        told["notes_by_marker"] = Counter(note["operation_marker"] for note in notes if note["operation_marker"])
        told["overwritten_values"] = lost
    return told


def _count(records: Records, table: str) -> int:
    return int(records.db.execute(f"SELECT count(*) AS n FROM {ENTITIES[table].table}").fetchone()["n"])  # noqa: S608  # table names are ours


def _doubled_clients(records: Records) -> tuple[int, list[list[str]]]:
    """The number of live clients, and groups of them that are one person: linked by a phone's last digits or an e-mail."""
    rows = records.db.execute("SELECT id, phones, emails FROM clients WHERE gone = 0 ORDER BY id").fetchall()
    leader: dict[int, int] = {row["id"]: row["id"] for row in rows}

    def first_of(client_id: int) -> int:
        while leader[client_id] != client_id:
            leader[client_id] = leader[leader[client_id]]
            client_id = leader[client_id]
        return client_id

    holder: dict[str, int] = {}
    for row in rows:
        keys = [digits_of(phone)[-TAIL:] for phone in json.loads(row["phones"])]
        for key in keys + [email_key(email) for email in json.loads(row["emails"])]:
            one, other = first_of(holder.setdefault(key, row["id"])), first_of(row["id"])
            leader[max(one, other)] = min(one, other)
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for client_id in leader:
        groups[first_of(client_id)].append(str(client_id))
    return len(rows), [group for group in groups.values() if len(group) > 1]


def _doubles(records: Records, table: str) -> list[dict[str, str | None]]:
    """Records whose marker an earlier one bears, or that say the same as an earlier one on the same client."""
    still = {"deals": "AND open = 1", "tasks": "AND done = 0"}.get(table, "")
    rows = records.db.execute(
        f"SELECT id, client_id, operation_marker AS marker, CASE WHEN 1 {still} THEN likeness END AS likeness "  # noqa: S608  # table names are ours
        f"FROM {table} ORDER BY id"
    )
    seen: dict[object, int] = {}
    doubles: list[dict[str, str | None]] = []
    for row in rows:
        keys = [key for key in (row["marker"], row["likeness"] and (row["client_id"], row["likeness"])) if key]
        first = next((seen[key] for key in keys if key in seen), None)
        if first is not None:
            doubles.append({"id": str(row["id"]), "of": str(first), "marker": row["marker"]})
        for key in keys:
            seen.setdefault(key, row["id"])
    return doubles


def _alike(texts: Iterable[str]) -> int:
    """How many texts are those of an earlier note, markers apart: what a broken marker would hide from the count above."""
    counts = Counter(MARKER.sub("", text) for text in texts)
    return sum(count - 1 for count in counts.values())
