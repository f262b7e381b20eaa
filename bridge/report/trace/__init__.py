"""One job's whole way, from what the store keeps of it: received, understood, found, matched, written, tried.

`telling` has it as plain data, fit for strangers, too · `sheet` as plain text · `marked` has the chat's messages cut into pieces,
so that contacts can be marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import nh3
from markupsafe import Markup

from bridge.connections.targets import Target
from bridge.model import Chat, Client, Correction, Match, Operation, OperationState, Plan, Step, Verdict
from bridge.report.deps import Desk
from bridge.report.trace.marked import Conversation, conversation
from bridge.store.reading import Row

#: in the words with which an ambiguous job is held: "Anna (id 17), Olga (id 4)"
_CANDIDATE = re.compile(r"(?P<name>[^,(]*?) \(id (?P<id>[^()\s]{1,200})\)")
_MOST_CANDIDATES = 10

#: what a note in HTML may hold on this page
_TAGS = {"a", "b", "blockquote", "br", "code", "div", "em", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "small", "span",
         "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One operation of the plan, and what became of it."""

    kind: str
    part: int
    parts: int
    marker: str
    #: planned, sent, done, void
    state: str
    record_id: str
    title: str
    text: str
    #: the text is ready for the page as it is (it was HTML, and was cleaned)
    html: Markup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    job: Row
    chat: Chat
    conversation: Conversation
    deliveries: list[Row]
    match: Match | None
    #: the client's page in the CRM
    card_url: str | None
    written: list[Written]
    #: nothing of it was sent: it is what a rehearsal would have written
    rehearsed: bool
    attempts: list[Row]
    #: other versions and other targets of the same chat
    lane: list[Row]
    candidates: list[tuple[str, str]]
    #: of those that have one, by their ids
    candidate_urls: dict[str, str]
    actions: frozenset[str] = field(default_factory=frozenset)


async def trace(desk: Desk, job_id: int) -> Trace | None:
    job = await desk.store.reading().job(job_id)
    if job is None:
        return None
    chat = Chat.model_validate(job["chat"])
    rehearsed = job["plan"] is None and job["rehearsed"] is not None
    kept = job["rehearsed"] if rehearsed else job["plan"]
    plan = Plan.model_validate(kept) if kept else None
    target = desk.targets.get(job["target"])
    rows = [row for row in job["operations"] if row["generation"] == job["generation"]]
    written = list(_written(plan, {row["position"]: row for row in rows})) if plan else []
    match = plan.match if plan and (plan.operations or plan.match.client) else None
    return Trace(
        job=job, chat=chat, conversation=conversation(
            chat, desk.sources.get(job["source"]), Correction.model_validate(job["corrected"]) if job["corrected"] else None
        ),
        deliveries=[{**row, "findings": json.loads(row["findings"])} for row in job["deliveries"]],
        match=match, card_url=_card_url(target, match, written), written=written, rehearsed=rehearsed,
        attempts=[{**row, "steps": [Step.model_validate(step) for step in row["steps"]]} for row in job["tried"]],
        lane=[row for row in job["lane"] if row["id"] != job_id],
        candidates=(candidates := _candidates(job, plan)), candidate_urls=_urls(target, candidates),
        actions=frozenset(_actions(job, written)),
    )  # fmt: skip


def _written(plan: Plan, rows: Mapping[int, Row]) -> Iterator[Written]:
    for position, planned in enumerate(plan.operations):
        yield as_written(planned, rows.get(position))


def as_written(planned: Operation, row: Row | None = None) -> Written:
    """`row`: of the journal; None: nothing of it was sent."""
    note = planned.scope.get("note") or {}
    text = str(note.get("text") or "")
    html = note.get("markup") == "html"
    return Written(
        kind=planned.kind.value, part=planned.part, parts=planned.parts, marker=planned.marker,
        state=row["state"] if row else OperationState.PLANNED.value, record_id=row["record_id"] if row else "",
        title=str(note.get("title") or _deal_title(planned) or (planned.scope.get("file") or {}).get("name") or ""),
        text="" if html else text or _new_values(planned),
        html=_cleaned(text) if html else None,
    )  # fmt: skip


def _deal_title(planned: Operation) -> str | None:
    deal = planned.scope.get("deal")
    return deal.get("title") if isinstance(deal, Mapping) else None


def _new_values(planned: Operation) -> str:
    """What an enrichment adds, a value a line."""
    new = planned.scope.get("new")
    if not isinstance(new, Mapping):
        return ""
    values = (value if isinstance(value, list) else [value] for value in new.values())
    return "\n".join(str(one) for value in values for one in value if one)


def _cleaned(html: str) -> Markup:
    return Markup(  # noqa: S704 - just cleaned
        nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"},
                  link_rel="noopener noreferrer nofollow")
    )  # fmt: skip


def _card_url(target: Target | None, match: Match | None, written: list[Written]) -> str | None:
    """Of the client that was found, or made by this very job."""
    if target is None or match is None:
        return None
    client = match.client
    if client is None:
        made = next((one.record_id for one in written if one.kind == "create" and one.record_id), None)
        if made is None:
            return None
        client = Client(id=made, entity=target.mapping.create.entity)
    url = target.crm.card_url(client)
    return url if url and url.startswith(("https://", "http://")) else None


def _urls(target: Target | None, candidates: list[tuple[str, str]]) -> dict[str, str]:
    if target is None:
        return {}
    found = ((id_, target.crm.card_url(Client(id=id_, entity=target.mapping.create.entity))) for id_, _ in candidates)
    return {id_: url for id_, url in found if url and url.startswith(("https://", "http://"))}


def _candidates(job: Row, plan: Plan | None) -> list[tuple[str, str]]:
    """(id, name) of the clients among whom a person is to choose."""
    if job["reason"] != Verdict.AMBIGUOUS:
        return []
    if plan is not None and plan.match.others:
        return [(client.id, client.name or "") for client in plan.match.others][:_MOST_CANDIDATES]
    # the first name follows the sentence that says why
    listed = job["detail"].partition(". ")[2]
    return [(found["id"], found["name"].strip(" ?")) for found in _CANDIDATE.finditer(listed)][:_MOST_CANDIDATES]


def _actions(job: Row, written: list[Written]) -> Iterator[str]:
    """What a person can do now."""
    state = job["state"]
    if state == "running":
        return
    if state == "held" and job["reason"] == Verdict.AMBIGUOUS:
        yield "choose"
    if state in {"held", "waiting", "skipped"} and any(one.state == OperationState.SENT for one in written):
        yield "written"
    if state in {"pending", "retrying", "waiting"}:
        yield "now"
    elif state != "done":
        yield "replay"
    if job["reason"] in {"rehearsed", "half_written"}:
        yield "write"
    if state != "done":
        yield "correct"
    if any(one.state in {OperationState.SENT, OperationState.DONE} for one in written):
        yield "again"
    if state not in {"done", "skipped"}:
        yield "skip"


def already_there(found: Trace) -> list[Any]:
    """What a second writing would double."""
    return [one for one in found.written if one.state == OperationState.DONE]
