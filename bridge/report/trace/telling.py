"""Everything that is known about one job, as plain data, whole or fit to be shown to strangers."""

from __future__ import annotations

import json
import platform
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bridge.config import Settings
from bridge.connections.sources import Source
from bridge.extract import contact_points
from bridge.extract.result import Candidate
from bridge.log import mask
from bridge.model import Chat, ContactPoint
from bridge.report.words.explanations import explain

Told = dict[str, Any]

#: what a person's record may hold of them that is longer than a word by chance
_SHORTEST_NAME = 3


def told(row: Mapping[str, Any], source: Source | None, settings: Settings) -> Told:
    """A job as the store's reading gives it, with the words for where it stands and the contact points explained.

    `source` None: it is not in the config any more.
    """
    chat = Chat.model_validate(row["chat"])
    kept = row["plan"] or row["rehearsed"]
    words = explain(row["state"], row["reason"], "en")
    target = settings.targets.get(row["target"])
    region, own = (source.settings.region, source.own) if source else (None, None)
    found = contact_points(chat, region=region, explain=True, **({"own": own} if own else {}))
    return {
        **{key: row[key] for key in ("id", "source", "target", "chat_id", "kind", "revision", "generation", "state", "reason")},
        "why": words.why if row["reason"] else "", "todo": words.todo, "detail": row["detail"], "error_code": row["error_code"],
        "provider": source.mapping.title if source else None, "crm": target.crm if target else None,
        "created_at": _time(row["created_at"]), "updated_at": _time(row["updated_at"]), "next_at": _time(row["next_at"]),
        "deliveries": [_delivery(one) for one in row["deliveries"]],
        "chat": row["chat"],
        "contacts": [_point(point) for point in found.points],
        "considered": [_candidate(one) for one in found.trace if one.claim is None],
        "region": found.region,
        "rehearsed": row["plan"] is None and row["rehearsed"] is not None,
        "match": _match(kept["match"]) if kept else None,
        "operations": list(_operations(kept, row)),
        "attempts": [_attempt(one) for one in row["tried"]],
        "versions": [one for one in row["lane"] if one["id"] != row["id"]],
        "program": {"chat2crm": _own_version(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version},
    }  # fmt: skip


def _own_version() -> str:
    try:
        return version("chat2crm")
    except PackageNotFoundError:  # run from a checkout that was never set up
        return "unknown"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _delivery(row: Mapping[str, Any]) -> Told:
    kept = {key: row[key] for key in ("id", "state", "event", "reason", "repeats", "size")}
    return {**kept, "received_at": _time(row["received_at"]), "findings": json.loads(row["findings"] or "[]")}


def _point(point: ContactPoint) -> Told:
    told = point.model_dump(mode="json", exclude={"span"})
    return {key: value for key, value in told.items() if value not in (None, [], ())}


def _candidate(candidate: Candidate) -> Told:
    return {"kind": candidate.kind.value, "as_written": candidate.as_written, "message": candidate.message,
            "field": candidate.field, "rule": candidate.rule}  # fmt: skip


def _match(match: Mapping[str, Any]) -> Told:
    def person(client: Mapping[str, Any]) -> Told:
        return {"id": client["id"], "entity": client.get("entity") or "client", "name": client.get("name")}

    return {
        "verdict": match["verdict"], "reason": match.get("reason", ""), "from_map": match.get("from_map", False),
        "client": person(match["client"]) if match.get("client") else None,
        "others": [person(other) for other in match.get("others", ())],
    }  # fmt: skip


def _operations(plan: Mapping[str, Any] | None, row: Mapping[str, Any]) -> Iterator[Told]:
    planned = list(plan["operations"]) if plan else []
    journal = {one["position"]: one for one in row["operations"] if one["generation"] == row["generation"]}
    for position, operation in enumerate(planned):
        done = journal.get(position, {})
        note = (operation.get("scope") or {}).get("note") or {}
        yield {
            "kind": operation["kind"], "part": operation.get("part", 1), "parts": operation.get("parts", 1),
            "marker": operation.get("marker", ""), "state": done.get("state", "planned"), "record_id": done.get("record_id", ""),
            "sent_at": _time(done.get("sent_at")), "title": note.get("title"), "text": note.get("text"),
            "new": (operation.get("scope") or {}).get("new"),
        }  # fmt: skip


def _attempt(row: Mapping[str, Any]) -> Told:
    kept = {key: row[key] for key in ("number", "outcome", "error_code", "detail", "steps")}
    return {**kept, "started_at": _time(row["started_at"]), "ms": round((row["ended_at"] - row["started_at"]) * 1000)}


# -- for strangers -----------------------------------------------------------------------------------------------------


def shared(known: Told) -> Told:
    """The same without anybody's data: made of what is known to be harmless, not by taking out what is known to harm.

    Of texts only their shape is left (letters as x, digits as 0), of contact points their kind, claim and rule; names of
    people and their data are taken out of our own sentences and the CRM's.
    """
    clean = _Cleaner(_personal(known))
    chat = known["chat"]
    return {
        **{key: known[key] for key in ("id", "source", "target", "kind", "revision", "generation", "state", "reason", "why",
                                       "todo", "error_code", "provider", "crm", "created_at", "updated_at", "next_at",
                                       "region", "rehearsed", "program", "versions")},
        "chat_id": shape(known["chat_id"]),
        # the names of those who might have been meant stand in it
        "detail": "" if known["reason"] == "ambiguous" else clean(known["detail"]),
        "deliveries": [{**one, "reason": clean(one["reason"]), "findings": [clean(text) for text in one["findings"]]}
                       for one in known["deliveries"]],
        "chat": {
            "channel": chat.get("channel"), "started_at": chat.get("started_at"), "ended_at": chat.get("ended_at"),
            "visitor": sorted(key for key, value in (chat.get("visitor") or {}).items() if value),
            "operators": len(chat.get("operators") or ()),
            "messages": [{"role": one.get("role"), "at": one.get("at"), "text": shape(one.get("text") or ""),
                          "files": len(one.get("files") or ())} for one in chat.get("messages") or ()],
        },
        "contacts": [_shared_point(point) for point in known["contacts"]],
        "considered": [_shared_point(point) for point in known["considered"]],
        "match": _shared_match(known["match"], clean),
        "operations": [
            {**{key: one[key] for key in ("kind", "part", "parts", "marker", "state", "sent_at")},
             "record_id": one["record_id"], "title": None, "text": shape(one["text"]) if one["text"] else None,
             "new": sorted(one["new"]) if one["new"] else None}
            for one in known["operations"]
        ],
        "attempts": [{**one, "detail": "" if known["reason"] == "ambiguous" else clean(one["detail"]),
                      "steps": [_shared_step(step, clean) for step in one["steps"]]} for one in known["attempts"]],
    }  # fmt: skip


def shape(text: str) -> str:
    """What a text looks like, without what it says: `+7 916 …` → `+0 000 …`, `Мария` → `Xxxxx`."""
    return "".join(_SHAPES.get(unicodedata.category(sign), sign) for sign in text)


_SHAPES = {"Lu": "X", "Lt": "X", "Ll": "x", "Lo": "x", "Lm": "x", "Nd": "0", "Nl": "0", "No": "0"}


def _shared_point(point: Told) -> Told:
    kept: Told = {key: point[key] for key in ("kind", "claim", "message", "field", "rule", "confidence", "flags") if key in point}
    return {**kept, "as_written": shape(point["as_written"])}


def _shared_match(match: Told | None, clean: _Cleaner) -> Told | None:
    if match is None:
        return None

    def person(client: Told) -> Told:
        return {"id": client["id"], "entity": client["entity"], "name": None}

    return {**match, "reason": clean(match["reason"]), "client": person(match["client"]) if match["client"] else None,
            "others": [person(other) for other in match["others"]]}  # fmt: skip


def _shared_step(step: Told, clean: _Cleaner) -> Told:
    return {key: clean(value) if isinstance(value, str) and key in ("detail", "path", "error") else value
            for key, value in step.items()}  # fmt: skip


class _Cleaner:
    """Takes people's data out of a sentence."""

    def __init__(self, personal: Iterable[str]) -> None:
        forms = sorted({re.escape(text) for text in personal if len(text) >= _SHORTEST_NAME}, key=len, reverse=True)
        self._personal = re.compile("|".join(forms), re.IGNORECASE) if forms else None

    def __call__(self, text: str) -> str:
        return mask(self._personal.sub("…", text) if self._personal else text)


def _personal(known: Told) -> Iterator[str]:
    """Every text that says who somebody is."""
    chat = known["chat"]
    people = [chat.get("visitor") or {}, *(chat.get("operators") or ())]
    match = known["match"]
    if match:
        people += [match["client"] or {}, *match["others"]]
    for person in people:
        for key in ("name", "first_name", "last_name", "company", "city", "external_id", "email", "phone"):
            if person.get(key):
                yield str(person[key])
                if "name" in key:
                    yield from str(person[key]).split()
        for key in ("phones", "emails"):
            yield from map(str, person.get(key) or ())
    for point in (*known["contacts"], *known["considered"]):
        yield point["as_written"]
        if point.get("value"):
            yield point["value"]
    for message in chat.get("messages") or ():
        if message.get("author"):
            yield str(message["author"])
