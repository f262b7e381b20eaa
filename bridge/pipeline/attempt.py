"""One attempt of a job: its lease, its trace, and the ways it can end early."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bridge.clock import Clock
from bridge.errors import BridgeError, StaleLease
from bridge.model import Client, JobState, Plan, Step
from bridge.store.records import Job, Outcome
from bridge.store.tallies import Tally


class Stop(BridgeError):
    """The attempt ends here, with an outcome that is no failure."""

    code = "stop"

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail or outcome.reason)
        self.outcome = outcome


class PlanAgain(BridgeError):
    """What the plan rests on has changed and nothing of it was written: it is made anew, knowing a client perhaps."""

    code = "plan_again"

    def __init__(self, reason: str, client: Client | None = None) -> None:
        super().__init__(reason)
        self.client = client


def skipped(reason: str, detail: str = "") -> Stop:
    return Stop(Outcome(state=JobState.SKIPPED, reason=reason, detail=detail))


def held(reason: str, detail: str, *, seen: Plan | None = None) -> Stop:
    """A person has to look; `seen` is what the decision was to be made from."""
    return Stop(Outcome(state=JobState.HELD, reason=reason, detail=detail, rehearsed=seen))


def waiting(reason: str, until: float, detail: str = "") -> Stop:
    """Goes on by itself at `until` (seconds since 1970), or earlier on news. Uses up no attempt."""
    return Stop(Outcome(state=JobState.WAITING, reason=reason, detail=detail, next_at=until, uses_attempt=False))


async def in_step() -> None:
    """Go on once the attempts that were begun together with this one have come as far: what a step needs lies in the processor's
    cache then, and is not fetched anew for each chat.
    """
    await asyncio.sleep(0)


@dataclass(slots=True)
class Attempting:
    """What the stages of one attempt share."""

    job: Job
    clock: Clock
    #: by the monotonic clock; moved on by the worker as it renews the lease
    lease_until: float
    steps: list[Step] = field(default_factory=list)
    #: as stored, or as made anew in this attempt
    plan: Plan | None = None
    #: a client that turned out during this attempt to be the one
    known: Client | None = None
    #: no other job has ever told its target of the chat
    alone: bool = False
    #: what the chat adds to the figures; None: it could not be read
    tally: Tally | None = None

    def __post_init__(self) -> None:
        self.plan = self.job.plan

    @property
    def lock_owner(self) -> str:
        return f"job:{self.job.id}:{self.job.epoch}"

    def require_lease(self, seconds: float) -> None:
        """Right before a request that must not be repeated: what is left of the lease covers the whole time-out, so that
        nobody else can begin while this request is still under way. Raises StaleLease.
        """
        if self.clock.monotonic() + seconds > self.lease_until:
            raise StaleLease

    def say(self, what: str, detail: str = "") -> None:
        """Add a decision to the trace. Never contact data in clear."""
        self.steps.append(Step(at=self.clock.now(), what=what, detail=detail))
