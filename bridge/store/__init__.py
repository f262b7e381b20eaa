"""STORE — what a store promises. Engines keep it; the same conformance suite runs over each of them.

* What a method has returned from is on disk: it survives `kill -9` and a power cut.
* Every write under a job's lease carries the job's epoch and raises StaleLease if another worker holds it by now.
* A store that cannot take a write raises NoRoom and has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from bridge.errors import ConfigError
from bridge.model import Correction, Delivery, OperationState, Plan
from bridge.store.records import (
    Accepted,
    Attempt,
    AuditEntry,
    Brake,
    Erased,
    Fetching,
    Forgetting,
    Identity,
    Job,
    Keep,
    OperationRow,
    Outcome,
    Position,
    Sorted,
    StoredChat,
    TargetStop,
    TokenRow,
    VisitorContacts,
)
from bridge.store.tallies import Tally

if TYPE_CHECKING:
    from bridge.clock import Clock
    from bridge.store.personal import Personal
    from bridge.store.reading import Reading

Result = TypeVar("Result")

__all__ = [
    "AUDITED",
    "Accepted",
    "Attempt",
    "AuditEntry",
    "Brake",
    "Erased",
    "Fetching",
    "Forgetting",
    "Identity",
    "Job",
    "Keep",
    "OperationRow",
    "Outcome",
    "Position",
    "Sorted",
    "Store",
    "StoredChat",
    "Tally",
    "TargetStop",
    "TokenRow",
    "VisitorContacts",
    "open_store",
]

#: what people do that is written down, and how it is called
AUDITED = {
    "raw_viewed": "looked at a delivery's bytes", "replayed": "sent round again", "written_again": "had it written again",
    "skipped": "left out", "chosen": "chose the client", "corrected": "corrected the contacts",
    "written": "said that it is written", "sorted_again": "had it read again",
    "released": "let a target go on", "exported": "took out a person's data", "erased": "erased a person's data",
}  # fmt: skip


class Store(Protocol):
    #: when this store was made or restored; chats older than that are looked for in the CRM before they are written
    born_at: float
    #: several processes may have it open, each with work under way: what they have to agree on stands in it
    several: bool

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    # -- intake --
    async def accept(self, delivery: Delivery) -> Accepted:
        """Keep a delivery, or find out that it is kept already. Raises NoRoom."""
        ...

    async def received(self, limit: int) -> list[Delivery]:
        """Deliveries that nobody has sorted yet, oldest first, with their bytes."""
        ...

    async def chat_of(self, source: str, chat_id: str) -> StoredChat | None: ...

    async def chats_of_visitor(self, source: str, visitor_id: str, *, waiting: bool = True) -> list[StoredChat]:
        """The visitor's chats; with `waiting` only those of which a job is not over yet, so that a contact still counts."""
        ...

    async def contacts_of(self, source: str, visitor_id: str) -> VisitorContacts | None: ...

    async def record_sorted(self, results: Sequence[Sorted]) -> list[int]:
        """Write what deliveries mean: chats (a revision each), their jobs, the deliveries' state; all or nothing for
        each delivery. A new job ends those of its lane that have sent nothing: `skipped: superseded`. A change whose
        base has moved on leaves its delivery as it was, to be sorted again: gives the ids of these. What is said of a
        delivery that is over is not written.
        """
        ...

    # -- fetching --
    async def claim_fetches(self, *, lease: float, room: Mapping[str, int]) -> list[Fetching]:
        """Take deliveries whose time to be fetched for has come, of each source at most so many, the first of each lane,
        those due longest first. They are taken again when the lease (seconds) is over without a result, or after a restart.
        """
        ...

    async def hold_fetches(self, known: Iterable[str]) -> int:
        """Hold what is to be fetched for sources that are not known; gives how many."""
        ...

    async def position(self, name: str) -> Position | None:
        """How far the list of that name has been read."""
        ...

    async def record_position(self, name: str, value: str) -> None: ...
    async def forget_position(self, name: str) -> None: ...

    async def sort_again(self, *, deliveries: Sequence[int] = (), source: str | None = None) -> int:
        """Let deliveries that were not understood be sorted once more (those named, or all of a source): the mapping
        was corrected, or the source is back. Gives how many; those whose bytes are gone stay.
        """
        ...

    # -- jobs --
    async def claim(self, *, owner: str, lease: float, room: Mapping[str, int]) -> list[Job]:
        """Take due jobs, of each target at most so many, its sources in turn, of each source the oldest due first, first in
        their lane; also those of workers that vanished.
        """
        ...

    async def next_due(self, targets: Iterable[str]) -> float | None: ...
    async def hold_strangers(self, known: Iterable[str]) -> int:
        """Hold the jobs of targets that are not known; gives how many."""
        ...

    async def renew(self, jobs: Mapping[int, int], lease: float) -> set[int]:
        """Prolong leases ({job id: epoch}); gives the ids that are still ours."""
        ...

    async def finish(self, job: Job, outcome: Outcome, attempt: Attempt | None, tally: Tally | None = None) -> None:
        """An attempt has ended. In the same commit its chat is counted for the figures as it stands now (`tally`), in the
        place of what it had added before.
        """
        ...

    async def job(self, job_id: int) -> Job | None: ...
    async def chat(self, row: int) -> StoredChat: ...
    async def delivered(self, chat_row: int, target: str) -> frozenset[str]:
        """Keys of this chat's messages that stand in notes which are done."""
        ...

    # -- the journal --
    async def record_plan(self, job: Job, plan: Plan) -> list[OperationRow]:
        """Store a plan and its operations, in place of an earlier plan of which nothing was ever sent."""
        ...

    async def operations(self, job_id: int) -> list[OperationRow]: ...
    async def operation(self, operation_id: int) -> OperationRow | None:
        """As it stands: nothing else happens between what is on disk and the answer."""
        ...

    async def twin(self, operation: OperationRow) -> OperationRow | None:
        """Another job's operation with the same marker, of the same chat and target, that is sent or done; done before sent."""
        ...

    async def is_alone(self, job: Job) -> bool:
        """There is no other job of its chat at its target. While it is ours none that comes later is begun, so what this says
        holds for as long as the lease.
        """
        ...

    async def left_open(self, job: Job) -> list[OperationRow]:
        """Notes of the job's chat at its target that other jobs have sent, and of which nobody knows what became."""
        ...

    async def deals(self, target: str, client: str, since: float) -> list[OperationRow]:
        """Of a client, given as by `record_sent`: the deals that are sent, and those done at `since` (seconds since 1970) or
        later.
        """
        ...

    async def record_sent(
        self, operation: OperationRow, *, epoch: int, client: str = "", pending: Sequence[tuple[str, str]] = (),
        brake: Brake | None = None, sent_at: float | None = None,
    ) -> OperationRow:
        """The request is about to leave, for a client's card (as `Client.key` names it), or has left at `sent_at` (seconds since
        1970). In the same commit the contact points ((kind, value)) of a client that is being made point to this operation.
        Raises BrakeReached where that would be one client too many.
        """
        ...

    async def record_answered(self, operation: OperationRow) -> None:
        """The CRM answered with an error: whatever it did, it has done it by now, and counts as sent now."""
        ...

    async def settle(
        self,
        operation: OperationRow,
        state: OperationState,
        *,
        record_id: str = "",
        entity: str = "",
        identities: Sequence[tuple[str, str]] = (),
        message_keys: Sequence[str] = (),
    ) -> OperationRow | None:
        """The outcome is known: done (with the id, what it says of identities, and the messages delivered) or void
        (its pending identities go). Needs no lease: whoever finds out may say so; a settled operation stays so. Void counts
        for the sending that `operation` was read or recorded with, not for one that followed it. Gives the operation as it
        stands then; None: it is there no more.
        """
        ...

    # -- identity --
    async def identities(self, target: str, points: Sequence[tuple[str, str]]) -> list[Identity]: ...
    async def remember(self, target: str, points: Sequence[tuple[str, str]], client_id: str, entity: str) -> None:
        """Insert what is absent; never move a row that is there."""
        ...

    async def forget_identities(self, target: str, points: Sequence[tuple[str, str]]) -> None: ...
    async def lock(self, keys: Sequence[str], owner: str, seconds: float) -> bool:
        """All of the keys or none; those of an owner that vanished can be taken."""
        ...

    async def unlock(self, owner: str) -> None: ...
    async def unlocked(self, keys: Sequence[str], seconds: float) -> bool:
        """Wait at most so long for locks to be given back; True if the keys look free."""
        ...

    # -- targets --
    async def stops(self) -> dict[str, TargetStop]: ...
    async def stop_target(self, stop: TargetStop) -> None: ...
    async def go(self, target: str) -> bool: ...
    async def clients_made(self, target: str, since: float) -> int: ...

    # -- tokens --
    async def token(self, name: str) -> TokenRow | None:
        """The access tokens of a target."""
        ...

    async def claim_token(self, name: str, *, version: int, owner: str, seconds: float) -> bool:
        """The right to renew it, for so long, if that version is still the newest and nobody else has the right."""
        ...

    async def release_token(self, name: str, owner: str) -> None: ...
    async def save_token(self, name: str, sealed: bytes, *, expires_at: float | None, replaces: int | None) -> bool:
        """Keep a new pair in the place of a version (None: whatever is there); False if that is not the newest any more.
        It ends claims, a begun consent, and `ended`.
        """
        ...

    async def end_token(self, name: str, *, version: int, reason: str) -> None:
        """This version is of no use any more: a person has to agree again. A newer one stays as it is."""
        ...

    async def keep_consent(self, name: str, sealed: bytes) -> None: ...

    # -- people --
    async def replay(self, job_ids: Sequence[int], *, again: bool = False, for_real: bool = False) -> list[int]:
        """Send jobs round again: what is not done, nothing twice. With `again` under a new generation of markers. With
        `for_real` they are written although their target only rehearses.
        """
        ...

    async def skip(self, job_ids: Sequence[int], reason: str) -> list[int]: ...
    async def written(self, job_id: int, record_id: str) -> bool:
        """A person says that the operation whose outcome is unknown was carried out."""
        ...

    async def choose(self, job_id: int, client_id: str) -> bool:
        """A person says whose chat this is."""
        ...

    async def correct(self, job_id: int, corrected: Correction) -> bool:
        """A person puts the chat's contact points right, in place of an earlier correction; the job is sent round again."""
        ...

    # -- people's data --
    async def forget(self, what: Forgetting) -> Erased:
        """Erase it, all of it or nothing: contents go, jobs that are not over are skipped, what was known stays known by its
        marks. Nothing is erased while one of the jobs is being worked on.
        """
        ...

    async def tombstones(self, marks: Iterable[str]) -> dict[str, float]:
        """Those of the marks that stand for something erased, and when it was."""
        ...

    async def any_tombstone(self) -> bool: ...
    async def record_audit(self, entry: AuditEntry) -> None: ...

    # -- notices --
    async def raise_alert(self, cause: str, text: str) -> bool:
        """True if this cause was not open yet."""
        ...

    async def resolve_alert(self, cause: str) -> bool: ...
    async def open_alerts(self) -> dict[str, str]: ...

    # -- what replicas agree on --
    async def agree(self, name: str, change: Callable[[str, float], tuple[str, Result]]) -> Result:
        """Change a text that all processes share, one after another: `change` gets what is held ('': nothing) and the time, by
        the store's own clock, which is the same for all of them; it gives what is to be held, and a result. It may be run again,
        so it does nothing else. What is agreed on outlives a process, and may be lost with the machine that the store runs on.
        Raises NoRoom; then nothing is changed, or nobody knows.
        """
        ...

    async def agreed(self, since: float) -> tuple[Mapping[str, str], float]:
        """All that has been agreed on after that time (by the store's own clock), and what time it is."""
        ...

    # -- upkeep --
    async def clock_moved(self, seconds: float) -> None:
        """The wall clock was set ahead by so much (less than 0: back): what is waited for keeps its distance from now."""
        ...

    async def prune(self, keep: Keep, limit: int) -> int:
        """Empty and delete what is older, at most so many rows of each kind; 0 when nothing is left to do."""
        ...

    async def index_older(self, limit: int) -> int:
        """Let at most so many chats be found that an older version has written; 0 when all of them are."""
        ...

    def reading(self, site: str | None = None) -> Reading:
        """What pages and commands ask; never in the way of a write. Of one customer of an agency: over no other's rows, whatever
        is asked. Raises ValueError for what cannot be a customer's name.
        """
        ...

    def personal(self) -> Personal:
        """What is asked to find everything that is kept of one person."""
        ...


def open_store(url: str, *, clock: Clock, service: bool = True) -> Store:
    """The engine for a URL. `service=False` is for commands beside a running service: no exclusive lock is taken."""
    if is_postgres(url):
        from bridge.store.postgres import PostgresStore  # an engine is loaded only if it is used

        return PostgresStore(url, clock=clock, service=service)
    from bridge.store.sqlite import SqliteStore  # as above

    return SqliteStore(sqlite_path(url), clock=clock, service=service)


def is_current(url: str) -> bool:
    """Whether there is a store of this version, so that opening it changes nothing."""
    if is_postgres(url):
        from bridge.store.postgres import connecting, opening  # as above

        return opening.is_up_to_date(connecting.parameters(url))
    from bridge.store.sqlite.migrations import is_current  # as above

    return is_current(sqlite_path(url))


def is_postgres(url: str) -> bool:
    return url.partition(":")[0] in {"postgresql", "postgres"}


def sqlite_path(url: str) -> Path:
    """The file of an SQLite store. Raises ConfigError for any other URL."""
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.startswith("///"):
        return Path(rest[3:])
    if is_postgres(url):
        raise ConfigError("store: is a database of PostgreSQL, not a file")
    raise ConfigError(
        f"store: {scheme}: is not a kind of store; write sqlite:///data/chat2crm.db or postgresql://user:password@host/database"
    )
