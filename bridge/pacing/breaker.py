"""A breaker for each target: after a row of failures it rests, then one job probes whether the CRM is back.

Without it every waiting chat would knock at a CRM that is down; with it one does, and the others follow when it was let in. Where
there are replicas, they rest together and one job of one of them probes: each holds what is agreed on in memory, takes its own
part in it at once, and hears of the others' within a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace

from bridge.clock import Clock
from bridge.pacing.board import Board

#: failures in a row after which a target rests
FAILURES = 5
#: seconds of the first rest; each further one is twice as long …
FIRST_REST = 2.0
#: … up to this
LONGEST_REST = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a target; times by the clock that all who share it go by."""

    failures: int = 0
    rests: int = 0
    until: float = 0.0
    #: its CRM said "too fast", and it has brought no job to its end since
    crowded: bool = False
    #: who alone may try now, and until when
    probe: str = ""
    probe_until: float = 0.0

    @classmethod
    def read(cls, text: str) -> State:
        """What `text` wrote; all is well by anything else, so that another version's words stop nobody."""
        try:
            failures, rests, until, crowded, probe, probe_until = json.loads(text)
            return cls(int(failures), int(rests), float(until), bool(crowded), str(probe), float(probe_until))
        except (ValueError, TypeError):
            return WELL

    def text(self) -> str:
        return "" if self == WELL else json.dumps(astuple(self), separators=(",", ":"))

    def failed(self, now: float) -> State:
        failures = self.failures + 1
        # attempts that were under way when the rest began do not prolong it
        if failures < FAILURES or now < self.until:
            return replace(self, failures=failures)
        rest = min(LONGEST_REST, FIRST_REST * 2.0 ** min(self.rests, 16))
        return replace(self, failures=failures, rests=self.rests + 1, until=now + rest, probe="", probe_until=0.0)

    def answered(self, _: float) -> State:
        return replace(WELL, crowded=self.crowded, probe=self.probe if self.crowded else "",
                       probe_until=self.probe_until if self.crowded else 0.0)  # fmt: skip

    def crowd(self, now: float) -> State:
        return replace(self.answered(now), crowded=True)

    def ease(self, _: float) -> State:
        return replace(self, crowded=False, probe="", probe_until=0.0) if self.crowded else self

    def probed_by(self, owner: str, seconds: float, now: float) -> State:
        """One that has the right keeps it; it is had by nobody for longer than so many seconds."""
        if self.probe not in {"", owner} and 0.0 < self.probe_until - now <= seconds:
            return self
        return replace(self, probe=owner, probe_until=now + seconds)

    def named(self, now: float) -> str:
        if self.failures < FAILURES:
            return "closed"
        return "open" if now < self.until else "half_open"


WELL = State()


class Breakers:
    """Args:
    board: where there are replicas, what they agree on; else nobody else is asked.
    kind: of what these are, in the agreements' names.
    """

    def __init__(self, clock: Clock, board: Board | None = None, kind: str = "target") -> None:
        self._board = board
        self._now: Callable[[], float] = clock.monotonic if board is None else board.now
        self._prefix = f"breaker:{kind}:"
        self._states: dict[str, State] = {}
        if board is not None:
            board.follow(self._prefix, lambda name, text: self._set(name.removeprefix(self._prefix), State.read(text)))

    def failed(self, target: str) -> None:
        """The CRM gave no answer, or one that says it is broken."""
        self._change(target, State.failed)

    def answered(self, target: str) -> None:
        """The CRM works, whatever it said."""
        self._change(target, State.answered)

    def crowd(self, target: str) -> None:
        """The CRM works, and was asked too much: until a job has come to its end, one goes at a time."""
        self._change(target, State.crowd)

    def ease(self, target: str) -> None:
        """A job has come to its end."""
        self._change(target, State.ease)

    def forget(self) -> None:
        """Each target is tried as if nothing had happened."""
        for target in list(self._states):
            self._change(target, lambda _state, _now: WELL)

    def state(self, target: str) -> str:
        """Closed (all well), open (resting) or half_open (a job probes)."""
        return self._states.get(target, WELL).named(self._now())

    def closed_to_new(self) -> set[str]:
        """Targets of which no job is to be claimed now."""
        return {target for target in self._states if self.state(target) == "open"}

    def to_be_probed(self) -> set[str]:
        """Targets of which one job goes at a time: they have rested, or were asked too much."""
        return {name for name, state in self._states.items() if state.crowded or self.state(name) == "half_open"}

    async def may_probe(self, target: str, seconds: float) -> bool:
        """Whether it is us who may try, at most for so long. Raises what a store raises."""
        board, state = self._board, self._states.get(target, WELL)
        if board is None:
            return True
        if state.probe not in {"", board.owner} and state.probe_until > board.now():
            return False
        if state.probe == board.owner and state.probe_until - board.now() > seconds / 2:
            return True

        def change(held: str, now: float) -> tuple[str, State]:
            ours = State.read(held).probed_by(board.owner, seconds, now)
            return ours.text(), ours

        agreed = await board.agree(self._prefix + target, change)
        self._set(target, agreed)
        return agreed.probe == board.owner

    def _change(self, target: str, step: Callable[[State, float], State]) -> None:
        before = self._states.get(target, WELL)
        after = step(before, self._now())
        self._set(target, after)
        if self._board is not None and (before, after) != (WELL, WELL):
            self._board.soon(self._prefix + target, lambda held, now: step(State.read(held), now).text())

    def _set(self, target: str, state: State) -> None:
        if state == WELL:
            self._states.pop(target, None)
        else:
            self._states[target] = state
