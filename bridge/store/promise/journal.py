"""What was sent, what is known of it, and whose a contact point is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bridge.model import OperationState, Plan
from bridge.store.records import Brake, Identity, Job, OperationRow


class Journal(Protocol):
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


class Identities(Protocol):
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
