"""What comes of an attempt's end, sorted by remedy: the job comes again, the whole target rests, or a person has to look."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.errors import AccessRefused, Blocked, BridgeError, Busy, CrmError, TryLater
from bridge.model import JobState, OperationState
from bridge.pacing.breaker import Breakers
from bridge.pacing.retry import RetryRules, gives_up, wait_after
from bridge.pipeline.attempt import Attempting, Stop
from bridge.store import Job, Outcome, Store, TargetStop

#: seconds a target rests after it has refused our key, before one job tries again
ACCESS_REST = 300.0


@dataclass(frozen=True, slots=True)
class Endings:
    store: Store
    clock: Clock
    #: as they are now: a reload replaces them
    rules: Callable[[], RetryRules]
    breakers: Breakers

    async def failed(self, attempt: Attempting, error: BridgeError) -> Outcome:
        if not isinstance(error, Busy):
            self.breakers.ease(attempt.job.target)
        if isinstance(error, Stop):
            return error.outcome
        if isinstance(error, AccessRefused):
            return await self._refused(attempt.job, error)
        if isinstance(error, TryLater):
            return await self._later(attempt, error)
        self.breakers.answered(attempt.job.target)
        detail = _with_status(error) if isinstance(error, CrmError) else error.message
        return await self._given_up(attempt.job, error.code, detail)

    async def broke(self, attempt: Attempting, error: Exception) -> Outcome:
        """By a fault of ours."""
        attempt.say("broke", type(error).__name__)
        return await self._retrying(
            attempt.job, "internal", f"A fault in chat2crm ({type(error).__name__}); please report it."
        )

    async def went_well(self, target: str, stop: TargetStop | None) -> None:
        """`stop`: why the target has rested, if it has."""
        self.breakers.answered(target)
        self.breakers.ease(target)
        if stop is not None and stop.until is not None:
            await self.store.go(target, rested=True)

    async def _refused(self, job: Job, error: AccessRefused) -> Outcome:
        """The whole target rests: every other job would be refused as well."""
        now = self.clock.time()
        ban = isinstance(error, Blocked)
        until = None if ban else now + ACCESS_REST
        await self.store.stop_target(
            TargetStop(target=job.target, reason=error.code, detail=error.message, since=now, until=until)
        )
        return Outcome(
            state=JobState.WAITING, reason="target_stopped", detail=error.message, error_code=error.code, uses_attempt=False,
            next_at=until or now,
        )

    async def _later(self, attempt: Attempting, error: TryLater) -> Outcome:
        job = attempt.job
        if isinstance(error, Busy):
            if error.status is not None:  # the CRM's own word, not our own pace
                self.breakers.crowd(job.target)
            wait = error.retry_after
            if wait is None:
                wait = wait_after(job.attempts + 1, self.rules(), random.random())  # noqa: S311 - jitter, not a secret
            # a wait the CRM asked for is no failure of the job
            return Outcome(
                state=JobState.RETRYING, reason=error.code, detail=error.message, error_code=error.code,
                next_at=self.clock.time() + min(wait, self.rules().longest), uses_attempt=error.retry_after is None,
            )
        self.breakers.failed(job.target)
        return await self._retrying(job, error.code, _with_status(error))

    async def _retrying(self, job: Job, code: str, detail: str) -> Outcome:
        now, number = self.clock.time(), job.attempts + 1
        failing_for = now - job.failing_since if job.failing_since is not None else 0.0
        if gives_up(number, failing_for, self.rules()):
            return await self._given_up(job, code, f"Tried {number} times. {detail}")
        wait = wait_after(number, self.rules(), random.random())  # noqa: S311 - jitter, not a secret
        return Outcome(state=JobState.RETRYING, reason=code, detail=detail, error_code=code, next_at=now + wait)

    async def _given_up(self, job: Job, code: str, detail: str) -> Outcome:
        rows = await self.store.operations(job.id)
        if any(row.state is OperationState.SENT for row in rows):
            # not over: what later chats of this visitor tell must not be written past what may or may not be there
            return Outcome(
                state=JobState.HELD, reason="unknown_outcome", error_code=code,
                detail=f"It is not known whether the last request was carried out. {detail}",
            )
        return Outcome(state=JobState.DEAD, reason=code, detail=detail, error_code=code)


def _with_status(error: CrmError) -> str:
    status = f" (HTTP {error.status})" if error.status is not None else ""
    return f"{error.message}{status}" + (f": {error.excerpt}" if error.excerpt else "")
