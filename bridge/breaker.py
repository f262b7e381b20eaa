"""A breaker for each target: after a row of failures it rests, then one job probes whether the CRM is back.

Without it every waiting chat would knock at a CRM that is down; with it one does, and the others follow when it was let in.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import Clock

#: failures in a row after which a target rests
FAILURES = 5
#: seconds of the first rest; each further one is twice as long …
FIRST_REST = 2.0
#: … up to this
LONGEST_REST = 60.0


@dataclass(slots=True)
class _State:
    failures: int = 0
    rests: int = 0
    until: float = 0.0


class Breakers:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}

    def failed(self, target: str) -> None:
        """The CRM gave no answer, or one that says it is broken."""
        state = self._states.setdefault(target, _State())
        state.failures += 1
        # attempts that were under way when the rest began do not prolong it
        if state.failures >= FAILURES and self._clock.monotonic() >= state.until:
            state.until = self._clock.monotonic() + min(LONGEST_REST, FIRST_REST * 2.0 ** min(state.rests, 16))
            state.rests += 1

    def answered(self, target: str) -> None:
        """The CRM works, whatever it said."""
        self._states.pop(target, None)

    def state(self, target: str) -> str:
        """Closed (all well), open (resting) or half_open (a job probes)."""
        state = self._states.get(target)
        if state is None or state.failures < FAILURES:
            return "closed"
        return "open" if self._clock.monotonic() < state.until else "half_open"

    def closed_to_new(self) -> set[str]:
        """Targets of which no job is to be claimed now."""
        return {target for target in self._states if self.state(target) == "open"}

    def to_be_probed(self) -> set[str]:
        """Targets that have rested: one job at a time."""
        return {target for target in self._states if self.state(target) == "half_open"}
