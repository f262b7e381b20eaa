"""What is to be done: match → plan of operations → job and its attempts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bridge.model.clients import Client
from bridge.model.frozen import Frozen, Json


class Verdict(StrEnum):
    FOUND = "found"
    NEW = "new"
    #: the target is only told of chats: it has no clients that could be searched, read or made
    TOLD = "told"
    #: several, and the policy says that a person decides
    AMBIGUOUS = "ambiguous"


class Match(Frozen):
    verdict: Verdict
    client: Client | None = None
    #: the decision in words, for the job's page
    reason: str = ""
    #: clients that were hit too
    others: tuple[Client, ...] = ()
    #: True if nothing was asked of the CRM: our own map knew
    from_map: bool = False


class OperationKind(StrEnum):
    CREATE = "create"
    ENRICH = "enrich"
    NOTE = "note"
    DEAL = "deal"
    TASK = "task"
    FILE = "file"


class Operation(Frozen):
    """One thing to do in the CRM that must not be done twice. Planned once, stored, and carried out from the store."""

    kind: OperationKind
    #: 1… within a kind (note parts)
    part: int = 1
    parts: int = 1
    #: by which its result is found again in the CRM
    marker: str = ""
    #: what the mapping's templates find in scope for it (text, new values …)
    scope: dict[str, Json] = Field(default_factory=dict)
    #: keys of the messages that this note part carries
    message_keys: tuple[str, ...] = ()


class Plan(Frozen):
    match: Match
    operations: tuple[Operation, ...] = ()
    #: hash of the mapping with which it was made
    mapping: str = ""
    #: the chat's marker, by which a young store finds what has been delivered
    chat_marker: str = ""


class OperationState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    #: it is certain that the CRM did not do it
    VOID = "void"


class JobState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING = "waiting"
    HELD = "held"
    DEAD = "dead"
    DONE = "done"
    SKIPPED = "skipped"


#: states from which a job goes on by itself
ALIVE = (JobState.PENDING, JobState.RUNNING, JobState.RETRYING, JobState.WAITING)
#: states that are never left again, but by a replay
FINAL = (JobState.DONE, JobState.SKIPPED, JobState.DEAD)


class Step(Frozen):
    """One line of a job's trace: a decision or a call to the CRM. Never holds contact data in clear."""

    at: datetime
    what: str
    detail: str = ""
    method: str | None = None
    path: str | None = None
    status: int | None = None
    ms: int | None = None
    error: str | None = None
