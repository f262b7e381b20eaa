"""What every engine does alike, each write with what it is about (`roots`), for engines that have to lock that first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bridge.clock import Clock
from bridge.model import Correction, OperationState, Plan
from bridge.store.records import (
    AuditEntry,
    Brake,
    Identity,
    Job,
    OperationRow,
    Position,
    StoredChat,
    TargetStop,
    TokenRow,
    VisitorContacts,
)
from bridge.store.roots import NOTHING, Roots
from bridge.store.statements import fetches, intake, jobs, journal, notices, people, tokens
from bridge.store.statements.database import Database

Result = TypeVar("Result")


class Plain:
    """See bridge.store.Store for what each method promises."""

    _clock: Clock

    async def _write(self, does: Callable[[Database], Result], roots: Roots = NOTHING) -> Result:
        """Once it is on disk."""
        raise NotImplementedError

    async def _read(self, asks: Callable[[Database], Result]) -> Result:
        raise NotImplementedError

    async def chat_of(self, source: str, chat_id: str) -> StoredChat | None:
        return await self._read(lambda db: intake.chat_of(db, source, chat_id))

    async def chats_of_visitor(self, source: str, visitor_id: str, *, waiting: bool = True) -> list[StoredChat]:
        return await self._read(lambda db: intake.chats_of_visitor(db, source, visitor_id, waiting=waiting))

    async def contacts_of(self, source: str, visitor_id: str) -> VisitorContacts | None:
        return await self._read(lambda db: intake.contacts_of(db, source, visitor_id))

    async def hold_fetches(self, known: Iterable[str]) -> int:
        names = list(known)
        return await self._write(lambda db: fetches.hold_strangers(db, names))

    async def position(self, name: str) -> Position | None:
        return await self._read(lambda db: fetches.position(db, name))

    async def record_position(self, name: str, value: str) -> None:
        now = self._clock.time()
        await self._write(lambda db: fetches.record_position(db, name, value, now))

    async def forget_position(self, name: str) -> None:
        await self._write(lambda db: fetches.forget_position(db, name))

    async def sort_again(self, *, deliveries: Sequence[int] = (), source: str | None = None) -> int:
        return await self._write(lambda db: intake.sort_again(db, list(deliveries), source))

    async def next_due(self, targets: Iterable[str]) -> float | None:
        names = list(targets)
        return await self._read(lambda db: jobs.next_due(db, names))

    async def hold_strangers(self, known: Iterable[str]) -> int:
        now, names = self._clock.time(), list(known)
        return await self._write(lambda db: jobs.hold_strangers(db, names, now), Roots(chats_of=[jobs.strangers(names)]))

    async def job(self, job_id: int) -> Job | None:
        return await self._read(lambda db: jobs.job(db, job_id))

    async def chat(self, row: int) -> StoredChat:
        return await self._read(lambda db: intake.chat(db, row))

    async def delivered(self, chat_row: int, target: str) -> frozenset[str]:
        return await self._read(lambda db: journal.delivered(db, chat_row, target))

    async def operations(self, job_id: int) -> list[OperationRow]:
        return await self._read(lambda db: journal.operations(db, job_id))

    async def operation(self, operation_id: int) -> OperationRow | None:
        return await self._read(lambda db: journal.operation(db, operation_id))

    async def twin(self, operation: OperationRow) -> OperationRow | None:
        return await self._read(lambda db: journal.twin(db, operation))

    async def is_alone(self, job: Job) -> bool:
        return await self._read(lambda db: journal.is_alone(db, job))

    async def left_open(self, job: Job) -> list[OperationRow]:
        return await self._read(lambda db: journal.left_open(db, job))

    async def deals(self, target: str, client: str, since: float) -> list[OperationRow]:
        return await self._read(lambda db: journal.deals(db, target, client, since))

    async def record_plan(self, job: Job, plan: Plan) -> list[OperationRow]:
        now = self._clock.time()
        return await self._write(lambda db: journal.record_plan(db, job, plan, now), Roots(chats=[job.chat_row]))

    async def record_sent(
        self, operation: OperationRow, *, epoch: int, client: str = "", pending: Sequence[tuple[str, str]] = (),
        brake: Brake | None = None, sent_at: float | None = None,
    ) -> OperationRow:
        now = self._clock.time()
        guards = [f"brake:{operation.target}"] if brake is not None else []
        return await self._write(
            lambda db: journal.record_sent(
                db, operation, epoch=epoch, client=client, pending=pending, brake=brake,
                sent_at=now if sent_at is None else sent_at, now=now,
            ),
            Roots(chats=[operation.chat_row], guards=guards),
        )

    async def record_answered(self, operation: OperationRow) -> None:
        now = self._clock.time()
        await self._write(lambda db: journal.record_answered(db, operation, now), Roots(chats=[operation.chat_row]))

    async def settle(
        self, operation: OperationRow, state: OperationState, *, record_id: str = "", entity: str = "",
        identities: Sequence[tuple[str, str]] = (), message_keys: Sequence[str] = (),
    ) -> OperationRow | None:
        now = self._clock.time()
        return await self._write(
            lambda db: journal.settle(
                db, operation, state, record_id=record_id, entity=entity, identities=identities, message_keys=message_keys,
                now=now,
            ),
            Roots(chats=[operation.chat_row]),
        )

    async def identities(self, target: str, points: Sequence[tuple[str, str]]) -> list[Identity]:
        return await self._read(lambda db: journal.known(db, target, points))

    async def remember(self, target: str, points: Sequence[tuple[str, str]], client_id: str, entity: str) -> None:
        now = self._clock.time()
        await self._write(lambda db: journal.remember(db, target, points, client_id, entity, now))

    async def forget_identities(self, target: str, points: Sequence[tuple[str, str]]) -> None:
        await self._write(lambda db: journal.forget(db, target, points))

    async def stops(self) -> dict[str, TargetStop]:
        return await self._read(notices.stops)

    async def stop_target(self, stop: TargetStop) -> None:
        await self._write(lambda db: notices.stop_target(db, stop))

    async def go(self, target: str, *, rested: bool = False) -> bool:
        now = self._clock.time()
        return await self._write(lambda db: notices.go(db, target, now, rested=rested), Roots(chats_of=[notices.stopped(target)]))

    async def clients_made(self, target: str, since: float) -> int:
        return await self._read(lambda db: journal.clients_made(db, target, since))


    async def token(self, name: str) -> TokenRow | None:
        return await self._read(lambda db: tokens.token(db, name))

    async def claim_token(self, name: str, *, version: int, owner: str, seconds: float) -> bool:
        now = self._clock.time()
        return await self._write(
            lambda db: tokens.claim(db, name, version=version, owner=owner, until=now + seconds, now=now)
        )

    async def release_token(self, name: str, owner: str) -> None:
        await self._write(lambda db: tokens.release(db, name, owner))

    async def save_token(self, name: str, sealed: bytes, *, expires_at: float | None, replaces: int | None) -> bool:
        now = self._clock.time()
        return await self._write(
            lambda db: tokens.save(db, name, sealed, expires_at=expires_at, replaces=replaces, now=now)
        )

    async def end_token(self, name: str, *, version: int, reason: str) -> None:
        await self._write(lambda db: tokens.end(db, name, version=version, reason=reason))

    async def keep_consent(self, name: str, sealed: bytes) -> None:
        await self._write(lambda db: tokens.keep_consent(db, name, sealed))

    async def replay(self, job_ids: Sequence[int], *, again: bool = False, for_real: bool = False) -> list[int]:
        now = self._clock.time()
        return await self._write(
            lambda db: jobs.replay(db, job_ids, again=again, for_real=for_real, now=now), Roots(jobs=job_ids)
        )

    async def skip(self, job_ids: Sequence[int], reason: str) -> list[int]:
        now = self._clock.time()
        return await self._write(lambda db: jobs.skip(db, job_ids, reason, now), Roots(jobs=job_ids))

    async def written(self, job_id: int, record_id: str) -> bool:
        now = self._clock.time()

        def mark(db: Database) -> bool:
            if journal.written(db, job_id, record_id, now) is None:
                return False
            return bool(jobs.replay(db, [job_id], again=False, now=now))

        return await self._write(mark, Roots(jobs=[job_id]))

    async def choose(self, job_id: int, client_id: str) -> bool:
        now = self._clock.time()
        return await self._write(lambda db: jobs.choose(db, job_id, client_id, now), Roots(jobs=[job_id]))

    async def correct(self, job_id: int, corrected: Correction) -> bool:
        now = self._clock.time()
        return await self._write(lambda db: jobs.correct(db, job_id, corrected, now), Roots(jobs=[job_id]))

    async def tombstones(self, marks: Iterable[str]) -> dict[str, float]:
        wanted = list(marks)
        return await self._read(lambda db: people.tombstones(db, wanted))

    async def any_tombstone(self) -> bool:
        return await self._read(people.any_tombstone)

    async def record_audit(self, entry: AuditEntry) -> None:
        await self._write(lambda db: people.record_audit(db, entry))

    async def raise_alert(self, cause: str, text: str) -> bool:
        now = self._clock.time()
        return await self._write(lambda db: notices.raise_alert(db, cause, text, now))

    async def resolve_alert(self, cause: str) -> bool:
        now = self._clock.time()
        return await self._write(lambda db: notices.resolve_alert(db, cause, now))

    async def open_alerts(self) -> dict[str, str]:
        return await self._read(notices.open_alerts)
