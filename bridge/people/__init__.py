"""Everything that is kept of one person: found, handed out, erased.

Nobody's number stands in an index, so everything is looked through: chats by the same rules that find contacts in them, bytes
and plans by the digits and letters themselves. What the CRM holds is not ours to erase; where it stands is said.
`forgotten` knows what was erased when it is told once more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import phonenumbers

from bridge.connections.sources import Source
from bridge.extract import contact_points
from bridge.model import Chat, Claim, ContactPoint, PointKind
from bridge.people.forgotten import Marks
from bridge.phone_digits import number_of, same_email, same_phone
from bridge.store import Erased, Forgetting, Store
from bridge.store.reading import Row

#: what people put between the digits of a number
_BETWEEN = re.compile(r"(?<=\d)[\s().·•+\-\u2010-\u2015\u200b-\u200f\u2060\u00ad]{1,4}(?=\d)")
_RUN = re.compile(r"\d{7,20}")

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is looked for: phones in E.164, e-mail addresses."""

    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    def is_point(self, point: ContactPoint) -> bool:
        same = {PointKind.PHONE: self.is_phone, PointKind.EMAIL: self.is_email}.get(point.kind)
        return same is not None and (same(point.value) or same(point.as_written))

    def is_phone(self, written: str) -> bool:
        return any(same_phone(phone, written) for phone in self.phones)

    def is_email(self, written: str) -> bool:
        return any(same_email(email, written) for email in self.emails)

    def stands_in(self, text: str) -> bool:
        """Whether one of them is written there, with whatever between the digits."""
        if self.emails and any(email.casefold() in text.casefold() for email in self.emails):
            return True
        return bool(self.phones) and any(self.is_phone(run) for run in _RUN.findall(_BETWEEN.sub("", text)))

    def points(self) -> list[tuple[str, str]]:
        """As the map of identities keeps them."""
        return [*((PointKind.PHONE.value, phone) for phone in self.phones),
                *((PointKind.EMAIL.value, email.casefold()) for email in self.emails)]  # fmt: skip


@dataclass(slots=True)
class Kept:
    """All that is kept of a person. Rows as the store has them."""

    chats: dict[int, Row] = field(default_factory=dict)
    deliveries: dict[int, Row] = field(default_factory=dict)
    visitors: list[Row] = field(default_factory=list)
    identities: list[Row] = field(default_factory=list)
    jobs: list[Row] = field(default_factory=list)
    operations: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    #: jobs of other people's chats whose plan names this person
    plans: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.chats or self.deliveries or self.visitors or self.identities or self.plans)

    def clients(self) -> list[tuple[str, str, str]]:
        """(target, entity, client id) of the cards that our memory leads to, or that were made or found for the chats."""
        found = {(row["target"], row["entity"], row["client_id"]): None for row in self.identities if row["client_id"]}
        for job in self.jobs:
            client = ((json.loads(job["plan"]) if job["plan"] else {}).get("match") or {}).get("client")
            if client:
                found[job["target"], client.get("entity", "client"), client["id"]] = None
        return list(found)

    def written(self) -> list[Row]:
        """Operations that the CRM carried out, or may have."""
        return [row for row in self.operations if row["state"] in {"done", "sent"}]


async def find(store: Store, sources: Mapping[str, Source], wanted: Wanted, progress: Progress = lambda: None) -> Kept:
    """Look through everything. `progress` is called for each row; `Personal.counts` says how many there are."""
    asked, kept = store.personal(), Kept()
    their_visitors = await _chats(store, sources, wanted, kept, progress)
    async for row in asked.deliveries():
        progress()
        if row["chat"] in kept.chats or any(map(wanted.stands_in, _readings(row))):
            kept.deliveries[row["id"]] = row
    async for row in asked.plans():
        progress()
        if row["chat"] not in kept.chats and wanted.stands_in(f"{row['plan'] or ''}\n{row['rehearsed'] or ''}"):
            kept.plans.append(row["id"])
    for row in await asked.deliveries_of(kept.chats):
        kept.deliveries.setdefault(row["id"], row)
    kept.jobs = await asked.jobs_of(kept.chats)
    kept.operations = await asked.operations_of(kept.chats)
    kept.attempts = await asked.attempts_of(kept.chats)
    await _identities(store, wanted, kept, their_visitors)
    return kept


async def _chats(
    store: Store, sources: Mapping[str, Source], wanted: Wanted, kept: Kept, progress: Progress
) -> set[tuple[str, str]]:
    """Fills in the person's chats and visitors; gives the visitors ((source, visitor id)) that are the person."""
    asked = store.personal()
    their_visitors: set[tuple[str, str]] = set()
    others: list[Row] = []
    async for row in asked.chats():
        progress()
        claim = _claim(row, sources.get(row["source"]), wanted)
        if claim is None:
            others.append({key: row[key] for key in ("id", "source", "visitor_id")})
            continue
        kept.chats[row["id"]] = row
        if claim is not Claim.OTHER and row["visitor_id"]:
            their_visitors.add((row["source"], row["visitor_id"]))
    for row in await asked.visitors():
        progress()
        theirs = any(map(wanted.is_phone, json.loads(row["phones"]))) or any(map(wanted.is_email, json.loads(row["emails"])))
        if theirs or (row["source"], row["visitor_id"]) in their_visitors:
            kept.visitors.append(row)
            their_visitors.add((row["source"], row["visitor_id"]))
    same_visitor = {row["id"] for row in others if (row["source"], row["visitor_id"]) in their_visitors}
    if same_visitor:
        async for row in asked.chats():
            if row["id"] in same_visitor:
                kept.chats[row["id"]] = row
    return their_visitors


async def _identities(store: Store, wanted: Wanted, kept: Kept, visitors: Iterable[tuple[str, str]]) -> None:
    asked = store.personal()
    points = [*wanted.points(), *(("visitor", f"{source}:{visitor_id}") for source, visitor_id in sorted(visitors))]
    direct = await asked.identities_by(points)
    cards = {(row["target"], row["entity"], row["client_id"]) for row in direct if row["client_id"]}
    same_card = await asked.identities_of(cards)
    unique = {(row["target"], row["kind"], row["value"]): row for row in (*direct, *same_card)}
    kept.identities = list(unique.values())


def _claim(row: Row, source: Source | None, wanted: Wanted) -> Claim | None:
    """Whose the contact in this chat is; None if it does not stand there."""
    chat = Chat.model_validate_json(row["chat"])
    found = contact_points(chat, region=source.settings.region, own=source.own) if source else contact_points(chat)
    claims = [point.claim for point in found.points if wanted.is_point(point)]
    if claims:
        return min(claims, key=list(Claim).index)
    visitor = chat.visitor
    if any(map(wanted.is_phone, visitor.phones)) or any(map(wanted.is_email, visitor.emails)):
        return Claim.OWN
    # the rules took it for somebody else's, or for none: it stands there all the same
    return Claim.OTHER if any(map(wanted.stands_in, _texts(chat.model_dump(mode="json")))) else None


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _readings(row: Row) -> Iterable[str]:
    """A delivery's bytes in every way in which a number or address may stand in them."""
    text = bytes(row["body"]).decode("utf-8", "replace")
    yield text
    yield unquote_plus(f"{text}\n{row['query']}")
    if "\\u" in text or "\\/" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


# -- erasing -----------------------------------------------------------------------------------------------------------


async def erase(store: Store, marks: Marks, wanted: Wanted, kept: Kept) -> Erased:
    """Erase all that was found, at once. What is told of it again is known by its marks."""
    known = {marks.point(kind, value) for kind, value in wanted.points()}
    known |= {marks.visitor(row["source"], row["visitor_id"]) for row in kept.visitors}
    for row in kept.chats.values():
        known.add(marks.chat(row["source"], row["chat_id"]))
        known |= marks.messages(Chat.model_validate_json(row["chat"])).keys()
    known |= {marks.delivery(row["source"], row["dedupe_key"]) for row in kept.deliveries.values()}
    return await store.forget(Forgetting(
        chats={row["id"]: marks.alias_of_chat(row["source"], row["chat_id"]) for row in kept.chats.values()},
        deliveries={row["id"]: marks.alias_of_delivery(row["source"], row["dedupe_key"]) for row in kept.deliveries.values()},
        visitors=tuple((row["source"], row["visitor_id"]) for row in kept.visitors),
        identities=tuple((row["target"], row["kind"], row["value"]) for row in kept.identities),
        plans=tuple(kept.plans), marks=frozenset(known),
    ))  # fmt: skip


# -- handing out -------------------------------------------------------------------------------------------------------


def handed_out(wanted: Wanted, kept: Kept, cards: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything as plain data: fit to be given to the person."""
    return {
        "asked_for": {"phones": list(wanted.phones), "emails": list(wanted.emails)},
        "cards": list(cards),
        "contact_points": [{key: row[key] for key in ("target", "kind", "value", "client_id")} for row in kept.identities],
        "visitors": [
            {**row, "phones": json.loads(row["phones"]), "emails": json.loads(row["emails"])} for row in kept.visitors
        ],
        "chats": [{"source": row["source"], **json.loads(row["chat"])} for row in kept.chats.values()],
        "written": [
            {key: row[key] for key in ("target", "kind", "part", "state", "sent_at", "record_id", "marker")}
            for row in kept.written()
        ],
        "jobs": [{key: row[key] for key in ("id", "target", "state", "reason", "created_at", "updated_at")} for row in kept.jobs],
        "plans": [json.loads(row["plan"]) for row in kept.jobs if row["plan"]],
        "attempts": [{**row, "steps": json.loads(row["steps"])} for row in kept.attempts],
        "deliveries": [
            {"id": row["id"], "source": row["source"], "received_at": row["received_at"],
             "body": None if row.get("body") is None else bytes(row["body"]).decode("utf-8", "backslashreplace")}
            for row in kept.deliveries.values()
        ],
        "named_in_jobs": kept.plans,
    }  # fmt: skip


def normal_phone(written: str, regions: Iterable[str]) -> str:
    """E.164 of a number as somebody types it. Raises ValueError with the remedy."""
    for region in (None, *regions):
        number = number_of(written[:64], region)
        if number is not None and phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise ValueError("this is no whole phone number; write it with its country code, like +7 916 123-45-67")
