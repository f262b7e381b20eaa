"""What the API answers, as models: they cut it to what is promised, and describe it.

Times are seconds since 1970 (UTC).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Told(BaseModel):
    """What is answered: what a page needs beside it is left out."""

    model_config = ConfigDict(extra="ignore")


State = Literal["pending", "running", "retrying", "waiting", "held", "dead", "done", "skipped"]


class JobLine(Told):
    id: int
    source: str
    chat_id: str
    kind: str
    target: str
    revision: int
    state: State
    reason: str
    detail: str
    error_code: str
    attempts: int
    created_at: float
    updated_at: float
    next_at: float
    generation: int
    visitor_name: str | None
    channel: str


class Jobs(Told):
    jobs: list[JobLine]
    after: str | None = Field(description="where the next page begins; null: this is the last")
    cut: bool = Field(description="only the newest few thousand that could fit were looked at; go on from `after`")


class CandidateLine(Told):
    client_id: str
    name: str
    card_url: str | None


class JobWhole(JobLine):
    failing_since: float | None
    chosen: str | None = Field(description="the client that a person chose")
    for_real: bool = Field(description="a person wants it written, although its target rehearses")
    chat: dict[str, Any]
    corrected: dict[str, Any] | None = Field(description="what a person has put right about its contact points")
    plan: dict[str, Any] | None
    rehearsed: dict[str, Any] | None
    operations: list[dict[str, Any]]
    tried: list[dict[str, Any]] = Field(description="attempts with their steps")
    deliveries: list[dict[str, Any]]
    lane: list[dict[str, Any]] = Field(description="other versions and targets of the same chat")
    contacts: list[dict[str, Any]] = Field(description="phones and e-mails that were found, whose they are, and by which rule")
    card_url: str | None = Field(description="the client's card in the CRM")
    candidates: list[CandidateLine] = Field(description="clients among whom a person is to choose")
    can: list[str] = Field(description="what a person can do with it now: replay, now, skip, again, write, written, choose, "
                                       "correct")


class DeliveryLine(Told):
    id: int
    source: str
    received_at: float
    state: str
    event: str
    reason: str
    findings: str = Field(description="a list, as JSON")
    repeats: int
    repeated_at: float | None
    size: int | None = Field(description="bytes; null: emptied after its time")
    job: int | None


class Deliveries(Told):
    deliveries: list[DeliveryLine]
    before: int | None


class DeliveryWhole(DeliveryLine):
    method: str
    query: str
    headers: dict[str, Any]
    body: str | None = Field(description="base64; null: emptied after its time")


class TroubleLine(Told):
    kind: str
    name: str
    cause: str
    state: str
    reason: str
    code: str
    count: int
    since: float | None
    until: float | None
    subject: str
    what: str
    todo: str


class SourceLine(Told):
    name: str
    title: str
    last_at: float | None
    not_understood: int
    hours: list[int] = Field(description="received in each of the last hours, the oldest first")
    skew: float | None = Field(description="seconds by which its clock is behind ours; null: not known, or hardly any")
    unproved: int = Field(description="refused for want of the right secret, since the last one that had it")


class TargetLine(Told):
    name: str
    title: str
    mode: str
    last_at: float | None
    breaker: str
    stop: dict[str, Any] | None
    hours: list[int] = Field(description="written in each of the last hours, the oldest first")
    use: float | None = Field(description="of the CRM's tightest limit, 0…1")
    paused: float
    token_until: float | None
    token_ended: str
    open: dict[str, int]


class Overview(Told):
    troubles: list[TroubleLine]
    ended: list[str]
    counts: dict[str, int]
    more: bool
    hours: list[int] = Field(description="chats that came in in each of the last hours, the oldest first")
    sources: list[SourceLine]
    targets: list[TargetLine]
    latest: list[JobLine]


class CauseLine(Told):
    state: str
    target: str
    reason: str
    code: str
    key: str = Field(description="`cause` of a group")
    words: str = Field(description="the CRM's own, without anybody's data")
    count: int
    since: float
    latest: int


class Causes(Told):
    causes: list[CauseLine]


class OperationLine(Told):
    kind: str
    part: int
    parts: int
    title: str
    text: str


class PreviewLine(Told):
    job: int
    name: str
    begun: bool
    verdict: str | None
    reason: str
    card_url: str | None
    operations: list[OperationLine]


class Previews(Told):
    count: int = Field(description="jobs of the group; the first of them are shown")
    previews: list[PreviewLine]


class RehearsalLine(Told):
    target: str
    mode: str
    create: int
    attach: int
    told: int
    hold: int
    upto: int
    more: bool
    previews: list[PreviewLine]


class Rehearsals(Told):
    targets: list[RehearsalLine]


class MappingLine(Told):
    kind: str = Field(description="providers or crms")
    name: str
    used: list[str] = Field(description="connections that use it")


class Mappings(Told):
    mappings: list[MappingLine]


class EntryLine(Told):
    key: str
    value: str
    origin: str = Field(description="the mapping that says so: itself, or one that it extends")
    line: int
    inherited: bool


class MappingWhole(MappingLine):
    title: str
    extends: str | None
    entries: list[EntryLine]


class ChangeLine(Told):
    key: str
    was: str | None = Field(description="null: it was not there")
    becomes: str | None = Field(description="null: it is gone")


class DifferenceLine(Told):
    path: str
    expected: Any = Field(description="as it was")
    actual: Any = Field(description="as it becomes")


class ChangedLine(Told):
    delivery: int
    source: str
    received_at: float
    differences: list[DifferenceLine]


class MappingDiff(Told):
    read: int = Field(description="deliveries that were read with both")
    keys: list[ChangeLine]
    changed: list[ChangedLine]


class Done(Told):
    done: bool = Field(description="false (with 409): the job has moved on, or there is no such")


class Count(Told):
    jobs: int


class Sent(Told):
    sent: int


class Failure(Told):
    error: str
    message: str
