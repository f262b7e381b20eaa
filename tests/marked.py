"""The sandbox with another way to find again what was written: one mapping for each kind of marker, laid over the shipped one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).resolve().parents[1] / "mappings" / "crms" / "sandbox.yaml"
KINDS = ("field", "text", "scan", "external_id", "conflict", "header", "none")
#: what is written, and where its list is
TABLES = {"create": "clients", "note": "notes", "deal": "deals", "task": "tasks"}
NOTHING = dict.fromkeys(("get", "query", "records", "text", "of", "id"))
#: the fields in which a text search finds the marker; notes bear it in their last line
SEARCHED = {
    "create": {"description": "{marker}"}, "note": {}, "deal": {"description": "{note.text} {marker}"},
    "task": {"text": "{note.title} {marker}"},
}  # fmt: skip


def overlay(kind: str) -> dict[str, Any]:
    """Client, note, deal and task are all found again by this kind."""
    told: dict[str, Any] = {"mapping_language": "1", "extends": "sandbox", "title": f"Sandbox, {kind}"}
    if kind == "conflict":
        told["errors"] = [{"status": 409, "then": "conflict"}]
    for operation, table in TABLES.items():
        told[operation] = {"json": _sent(kind, operation), "marker": _marker(kind, operation, table)}
    return told


def _sent(kind: str, operation: str) -> dict[str, Any]:
    """How the marker goes out, in the place of the shipped mapping's own way."""
    without = {"external_id": None} if operation == "create" else {"marker": None}
    return without | {
        "field": {"marker": "{marker}"}, "scan": {"marker": "{marker}"}, "text": SEARCHED[operation],
        "external_id": {"external_id": "{marker}"}, "conflict": {"code": "{marker}"}, "header": {}, "none": {},
    }[kind]  # fmt: skip


def _marker(kind: str, operation: str, table: str) -> dict[str, Any]:
    owner = {} if operation == "create" else {"of": "client_id"}
    listed = "/clients" if operation == "create" else "/clients/{client.id}/" + table
    text = {"create": "description", "note": "text", "deal": "description", "task": "text"}[operation]
    found = {**NOTHING, "records": "items", "id": "id", **owner}
    return {"kind": kind} | {
        "field": {**found, "get": f"/{table}", "query": {"marker": "{marker}"}, "text": "marker"},
        "text": {**found, "get": f"/{table}", "query": {"q": "{marker}", "marker": None}, "text": text},
        "scan": {
            **found, "get": listed, "query": {"limit": "50", "marker": None}, "text": "marker", "at": "created_at",
            "pages": {"next": "next_after", "into": "query.after", "most": "20"},
        },
        "external_id": {**NOTHING, "get": f"/{table}/external/{{marker}}", "text": "external_id", "id": "id"},
        "conflict": {**NOTHING, "match": r"Existing ID: (?P<id>\d+)"},
        "header": {**NOTHING, "name": "Idempotency-Key", "valid_for": "1h"},
        "none": dict(NOTHING),
    }[kind]  # fmt: skip


def write_mappings(folder: Path) -> None:
    """`by_<kind>` for each kind, in the folder of one's own mappings."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for kind in KINDS:
        # ~ takes away what the mapping underneath has, also within json:, where null is a value
        text = json.dumps(_needed(overlay(kind), shipped)).replace("null", "~")
        (folder / f"by_{kind}.yaml").write_text(text, encoding="utf-8")


def _needed(laid_over: Any, shipped: Any) -> Any:
    """Without what takes away something that is not there."""
    if not isinstance(laid_over, dict):
        return laid_over
    known = shipped if isinstance(shipped, dict) else {}
    return {key: _needed(value, known.get(key)) for key, value in laid_over.items() if value is not None or key in known}
