"""What goes into a store and comes out of it. Times are seconds since 1970 (UTC), as the engines keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.model import Chat, Correction, Delivery, EventKind, JobState, OperationKind, OperationState, Plan, Step

DeliveryState = Literal["received", "fetching", "held", "sorted", "skipped", "not_understood"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A delivery is on disk, now or since an earlier time."""

    id: int
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    target: str
    #: not before this time (grace)
    next_at: float
    #: write without waking the CRM's robots
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChange:
    """A chat as it stands after an event, with the jobs that causes."""

    chat: Chat
    #: the revision this was made from (0: the chat is new); the engine refuses the change if it has moved on
    base_revision: int
    jobs: tuple[NewJob, ...] = ()
    #: jobs of this chat that wait for a contact are due now
    wake: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorContacts:
    """What is known of a visitor apart from any chat (form filled, card changed)."""

    source: str
    visitor_id: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToFetch:
    """What a delivery lacks, and when it is asked for."""

    #: numbers of the delivery's parts
    parts: tuple[int, ...]
    at: float
    #: deliveries of one source and lane are fetched one after another; empty: beside one another
    lane: str = ""
    attempts: int = 0
    #: the first failure of the present row of failures
    failing_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """A delivery whose turn it is to be fetched for."""

    delivery: Delivery
    wants: ToFetch
    #: kinds of the events that its other parts have given already
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a list has been read."""

    value: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """What a delivery turned out to mean, or (`fetching`, `held`) that something of it has to be fetched first."""

    delivery: int
    state: DeliveryState
    #: fetching, held: what is still to be fetched
    fetch: ToFetch | None = None
    #: the provider's own word for the event
    event: str = ""
    reason: str = ""
    changes: tuple[ChatChange, ...] = ()
    contacts: tuple[VisitorContacts, ...] = ()
    findings: tuple[str, ...] = ()
    #: something of it is of a person who was erased: its bytes are not kept
    erase: bool = False
    #: by what its dedupe key is replaced; empty: it stays
    alias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChat:
    row: int
    revision: int
    chat: Chat
    updated_at: float
    corrected: Correction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The work one chat revision causes for one target."""

    id: int
    chat_row: int
    source: str
    chat_id: str
    kind: EventKind
    target: str
    revision: int
    state: JobState
    reason: str
    detail: str
    attempts: int
    #: grows with every claim; a write under an older one is refused
    epoch: int
    #: grows with `replay --again`; part of every marker
    generation: int
    quiet: bool
    created_at: float
    updated_at: float
    next_at: float
    #: the first failure of the present row of failures, for `give_up_after`
    failing_since: float | None
    plan: Plan | None
    #: the client a person chose for this chat
    chosen: str | None = None
    #: a person has looked at the rehearsal and wants this chat written, although its target only rehearses
    for_real: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """One journalled operation."""

    id: int
    job: int
    chat_row: int
    target: str
    kind: OperationKind
    part: int
    generation: int
    marker: str
    state: OperationState
    #: when the request left; where it was answered with an error, when that came (seconds since 1970)
    sent_at: float | None
    #: the CRM answered with an error, so the request is not under way any more
    answered: bool
    record_id: str
    #: index into the plan's operations
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Our own memory of whose a contact point is: a client's id, or an operation that is making the client."""

    kind: str
    value: str
    client_id: str | None
    entity: str
    operation: int | None
    written_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """Access tokens of a target. Whoever uses them has sealed them; the store cannot read them."""

    name: str
    #: counts the pairs that were saved; 0: none yet
    version: int
    sealed: bytes = field(repr=False)
    expires_at: float | None
    saved_at: float | None
    #: why a person has to agree again; empty: no need
    ended: str
    #: of a consent that has been begun and not ended
    consent: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    number: int
    started_at: float
    ended_at: float
    outcome: str
    error_code: str = ""
    detail: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended, and what comes next."""

    state: JobState
    reason: str = ""
    detail: str = ""
    #: seconds since 1970; for retrying and waiting
    next_at: float | None = None
    error_code: str = ""
    #: the try counts (a wait the CRM asked for, or a shut-down, does not)
    uses_attempt: bool = True
    #: what would have been written (rehearsal)
    rehearsed: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What retention leaves: contents since these times, and the keys by which repetitions are known."""

    raw_since: float
    chats_since: float
    keys_since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Somebody looked at raw data, sent a job round, erased a person. Holds nobody's contact data."""

    at: float
    #: "cli:" and the user of this machine, or "ops:" and an address or the name a proxy gave
    who: str
    #: one of bridge.store.AUDITED
    what: str
    #: "job 4711", "delivery 12", a person's mark
    about: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """All that is kept of a person, to be erased in one commit."""

    #: row of a chat → by what its id is replaced
    chats: Mapping[int, str] = field(default_factory=dict)
    #: id of a delivery → by what its dedupe key is replaced
    deliveries: Mapping[int, str] = field(default_factory=dict)
    #: (source, visitor id)
    visitors: tuple[tuple[str, str], ...] = ()
    #: (target, kind, value)
    identities: tuple[tuple[str, str, str], ...] = ()
    #: jobs of other people's chats whose plan names the person
    plans: tuple[int, ...] = ()
    #: by which what was erased is known again
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What came of it."""

    #: jobs that are being written just now; if there are any, nothing was erased
    busy: tuple[int, ...] = ()
    #: nothing of it is left in the store's files either; False: until the running service writes over it
    swept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """At most so many new clients since that time."""

    most: int
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStop:
    """A target that a person, a ban or the brake has stopped."""

    target: str
    reason: str
    detail: str
    since: float
    #: goes on by itself then; None: only when a person says go
    until: float | None = None
