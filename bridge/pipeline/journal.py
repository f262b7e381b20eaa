"""Once, and only once: how an operation that must not be repeated is carried out.

Before the request leaves, the journal says `sent`; after the answer, `done`. Who finds `sent` without `done` does not repeat
the request but looks for its marker in the CRM, and believes "not there" only when the request can have no effect any more:
`commits_within` after it was sent (unless the CRM had answered), and `consistency_delay` for the CRM's index. The wait is a
re-schedule; it keeps no worker and no lock, because the pending identity rows of a client that is being made guard it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bridge.clock import Clock
from bridge.connections.targets import Target
from bridge.crm.call import Guard
from bridge.crm.look import Look, Seen
from bridge.errors import AuthExpired, CrmError, EmptyExpression, StaleLease, TryLater, UnknownOutcome, WillNotWork
from bridge.mapping.schema import Enrich, Write
from bridge.model import FINAL, JobState, Operation, OperationKind, OperationState, client_key
from bridge.pipeline.attempt import Attempting, PlanAgain, Stop, held, waiting
from bridge.pipeline.leaving import Leaving
from bridge.store import Brake, OperationRow, Store

#: longest time after which a job that waits for another's settlement asks again, in seconds
ASK_AGAIN = 60.0
#: after a look that came to nothing because the journal had changed under it, in seconds
LOOK_AGAIN = 1.0
#: statuses of servers in between: the CRM behind them may still be at work
STILL_AT_WORK = frozenset({408, 502, 504, 524})


class Scopes(Protocol):
    """Gives what the mapping's templates see, for a job that is not the one at hand."""

    async def scope_of(self, row: OperationRow) -> tuple[Operation, Mapping[str, Any]] | None: ...


@dataclass(frozen=True, slots=True)
class Theirs:
    """What another job has left open, and what a person can do about it."""

    what: str
    remedy: str


_THEIRS: Mapping[OperationKind, Theirs] = {
    OperationKind.CREATE: Theirs(
        "a client of the same contact point",
        "If the client is in the CRM, choose it for this chat; if not, replay job {job} with --again.",
    ),
    OperationKind.NOTE: Theirs(
        "a note of this chat",
        "If the note is on the card, say `written` of job {job}; if not, replay job {job} with --again. Then replay this job.",
    ),
}


@dataclass(frozen=True, slots=True)
class Journal:
    store: Store
    clock: Clock

    async def carry_out(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, scope: Mapping[str, Any], *,
        pending: Sequence[tuple[str, str]] = (), perhaps_since: datetime | None = None,
        again_headers: Mapping[str, str] | None = None, brake: Brake | None = None,
    ) -> OperationRow:
        """Have this operation done, now or since an earlier attempt. Gives its row with the record's id.

        `pending`: the contact points of a client that is being made. `perhaps_since`: the store is younger than the
        chat, so this may have been written before, at that time or later. Raises CrmError, Stop (waiting, held) or PlanAgain.
        """
        row = await self.done_before(attempt, target, row, planned, scope, pending=pending, perhaps_since=perhaps_since)
        if row.state is OperationState.DONE:
            return row
        return await self.send(attempt, target, row, planned, scope, pending=pending, again_headers=again_headers, brake=brake)

    async def done_before(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, scope: Mapping[str, Any], *,
        pending: Sequence[tuple[str, str]] = (), perhaps_since: datetime | None = None,
    ) -> OperationRow:
        """What can be known of it without sending it: its row, done, or to be sent. Takes and raises what `carry_out` does."""
        if row.state is OperationState.SENT:
            row = await self.settle(attempt, target, row, planned, scope)
        if row.state is OperationState.DONE:
            return row
        twin = await self._twin(attempt, target, row, planned, scope)
        if twin is not None:
            return await self.take_over(attempt, target, row, planned, twin.record_id, pending=pending)
        if perhaps_since is not None and _can_be_seen(target, planned):
            found = await self._written_before(attempt, target, row, planned, scope, pending, perhaps_since)
            if found is not None:
                return found
        return row

    async def _written_before(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, scope: Mapping[str, Any],
        pending: Sequence[tuple[str, str]], since: datetime,
    ) -> OperationRow | None:
        """What an earlier store has written, lost with its journal; None: nothing, as far as it can be asked for at all."""
        look = await target.crm.look(planned, scope, attempt.steps, sent_at=since)
        if look.seen is Seen.FOUND:
            attempt.say("found.again", f"{planned.kind} had been written before this store was made")
            return await self.take_over(attempt, target, row, planned, look.id, pending=pending)
        person_said_again = row.generation > 0
        if look.seen is Seen.ABSENT or look.blind or person_said_again or target.settings.unknown_outcome == "repeat":
            return None
        # as that store's journal would have it: so a person can say what became of it, as of any other request
        await self.store.record_sent(
            row, epoch=attempt.job.epoch, client=_card(scope), pending=pending, sent_at=since.timestamp()
        )
        raise held("unknown_outcome", f"The chat is older than this store. {_decide(planned, look)}")

    async def take_over(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, record_id: str, *,
        pending: Sequence[tuple[str, str]] = (),
    ) -> OperationRow:
        """What this operation was to make is in the CRM, made by somebody else: it counts as done."""
        row = await self.store.record_sent(row, epoch=attempt.job.epoch, client=_card(planned.scope), pending=pending)
        return await self._done(row, planned, record_id, attempt, target)

    async def _twin(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, scope: Mapping[str, Any]
    ) -> OperationRow | None:
        """The very same thing as another job of the chat has had it done, or has sent it and left open what became of it: one
        marker is sent by one of them only. Raises as `settle` does.
        """
        twin = None if attempt.alone else await self.store.twin(row)
        if twin is not None and twin.state is OperationState.SENT:
            twin = await self.settle(attempt, target, twin, planned, scope)
        if twin is None or twin.state is not OperationState.DONE:
            return None
        attempt.say("found.twin", f"{planned.kind} was written by job {twin.job}")
        return twin

    async def send(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, scope: Mapping[str, Any], *,
        pending: Sequence[tuple[str, str]] = (), again_headers: Mapping[str, str] | None = None, brake: Brake | None = None,
    ) -> OperationRow:
        """Send what `done_before` says is to be sent. Takes and raises what `carry_out` does."""
        leaving = Leaving(self.store, self.clock, attempt, target, row, _card(scope), pending)
        await leaving.write(brake)
        try:
            record_id = await target.crm.perform(
                planned, scope, attempt.steps, guard=leaving.now, again_headers=again_headers
            )
        except (StaleLease, EmptyExpression):
            # raised before the first byte
            await self.store.settle(leaving.row, OperationState.VOID)
            raise
        except CrmError as error:
            await self._failed(leaving.row, error)
            raise
        return await self._done(leaving.row, planned, record_id, attempt, target)

    async def _failed(self, row: OperationRow, error: CrmError) -> None:
        unknown = isinstance(error, UnknownOutcome) or (
            isinstance(error, TryLater) and error.maybe_done and not isinstance(error, AuthExpired)
        )
        if not unknown:
            await self.store.settle(row, OperationState.VOID)
        elif error.status is not None and error.status not in STILL_AT_WORK:
            await self.store.record_answered(row)

    async def _done(
        self, row: OperationRow, planned: Operation, record_id: str, attempt: Attempting, target: Target
    ) -> OperationRow:
        settled = await self.store.settle(
            row, OperationState.DONE, record_id=record_id, entity=target.mapping.create.entity,
            message_keys=planned.message_keys,
        )
        attempt.say("operation.done", f"{planned.kind} {planned.part}/{planned.parts}: {record_id}")
        if settled is None or settled.state is not OperationState.DONE:
            raise StaleLease  # somebody who holds the job by now has taken another way
        return settled

    async def settle(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, scope: Mapping[str, Any]
    ) -> OperationRow:
        """Find out what became of a request that was sent. Gives the row as done or void; raises Stop where that cannot be
        known yet (waiting) or at all (held). What somebody else has settled meanwhile stays as they found it.
        """
        # as it stands now: if the clock was set since the row was read, the row was moved along
        row = await self.store.operation(row.id) or row
        if row.state is not OperationState.SENT:
            return row
        now = self.clock.time()
        left = self.settled_at(target, row) - now
        sent_at = datetime.fromtimestamp(row.sent_at or now, UTC)
        try:
            look = await target.crm.look(planned, scope, attempt.steps, sent_at=sent_at, guard=_guard(attempt, target))
        except WillNotWork:
            if not _can_be_seen(target, planned):
                # looking was sending it again, and it is refused: then it was not carried out the first time either
                await self.store.settle(row, OperationState.VOID)
            raise
        if look.seen is Seen.FOUND:
            attempt.say("outcome.settled", f"{planned.kind} {planned.part}/{planned.parts} is in the CRM: {look.id}")
            return await self._done(row, planned, look.id, attempt, target)
        if left > 0:
            until = self.clock.time() + left
            raise waiting("settling", until, f"It is not known yet whether the CRM carried out: {planned.kind}.")
        if look.seen is not Seen.ABSENT and target.settings.unknown_outcome != "repeat":
            raise held("unknown_outcome", _decide(planned, look))
        now_known = await self.store.settle(row, OperationState.VOID)
        if now_known is None:
            raise PlanAgain("settled meanwhile")
        if now_known.state is OperationState.SENT:
            # another sending than the one we looked for, or one that a clock that was set has moved: not ours to call void
            raise waiting("settling", self.clock.time() + LOOK_AGAIN, f"It is not known yet what became of it: {planned.kind}.")
        if now_known.state is OperationState.VOID:
            attempt.say("outcome.settled", f"{planned.kind} {planned.part}/{planned.parts} is not in the CRM")
        return now_known

    async def settle_foreign(self, attempt: Attempting, target: Target, operation_id: int, scopes: Scopes) -> None:
        """Settle another job's creation of a client that shares a contact point with ours, or its note of our chat. Returns
        once it is settled; raises as `settle` does.
        """
        row = await self.store.operation(operation_id)
        if row is None or row.state is not OperationState.SENT:
            return
        known = await scopes.scope_of(row)
        owner = await self.store.job(row.job)
        if known is None or owner is None:
            raise waiting("settling", self.clock.time() + ASK_AGAIN, f"Job {row.job} is writing {_THEIRS[row.kind].what}.")
        theirs = _THEIRS[row.kind]
        decided_there = waiting(
            "settling", self.clock.time() + ASK_AGAIN, f"Job {row.job} has perhaps written {theirs.what}; a person decides there."
        )
        if owner.reason == "unknown_outcome":
            raise decided_there
        planned, scope = known
        attempt.say("settling.other", f"job {row.job} was writing {theirs.what}")
        try:
            await self.settle(attempt, target, row, planned, scope)
        except Stop as stop:
            if stop.outcome.state is not JobState.HELD:
                raise
            if owner.state not in FINAL:
                raise decided_there from stop
            raise held(
                "left_open",
                f"Job {row.job} is over and has perhaps written {theirs.what}. {theirs.remedy.format(job=row.job)}",
            ) from stop

    def settled_at(self, target: Target, row: OperationRow) -> float:
        """From when on "not there" can be believed (seconds since 1970)."""
        sent_at = row.sent_at if row.sent_at is not None else self.clock.time()
        took_effect = 0.0 if row.answered else target.crm.may_wait + target.crm.commits_within
        return sent_at + took_effect + target.crm.consistency_delay


def _can_be_seen(target: Target, planned: Operation) -> bool:
    """Whether a look only looks. Where a CRM knows our key again, or refuses a second one, looking is sending it."""
    entity = str((planned.scope.get("client") or {}).get("entity") or "client")
    holder = target.mapping if planned.kind is OperationKind.CREATE else target.mapping.for_entity(entity)
    part = getattr(holder, str(planned.kind), None)
    return isinstance(part, Enrich) or (isinstance(part, Write) and bool(part.marker.method))


def _card(scope: Mapping[str, Any]) -> str:
    """Whose card an operation is for; empty for a client that is being made."""
    client = scope.get("client") or {}
    return client_key(client["id"], client.get("entity") or "client") if client.get("id") else ""


def _decide(planned: Operation, look: Look) -> str:
    """What a person is told who has to find out what became of a request."""
    return (
        f"It is not known whether the CRM carried out: {planned.kind}. {look.reason} Look at the client's card, then say "
        "`written` if it is there, or replay with --again if it is not."
    )


def _guard(attempt: Attempting, target: Target) -> Guard:
    """Of a request by which is looked, and which the CRM knows again: called right before the bytes leave."""

    async def guard() -> None:
        attempt.require_lease(target.settings.timeout)

    return guard
