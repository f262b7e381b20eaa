"""Decides, request by request, which fault happens: the switches, and what of them has been used up."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from bridge.sandbox.switches import CLASSES, RateLimit, Rule, Switches

R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, slots=True)
class Asked:
    """What rules can look at."""

    method: str
    path: str
    #: such as "note.create"
    operation: str
    #: one of CLASSES
    kind: str

    @property
    def writes(self) -> bool:
        return self.kind == "write"


class Faults:
    """The switches in force. `clock` is monotonic."""

    def __init__(self, switches: Switches | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: how often each fault has happened
        self.happened: Counter[str] = Counter()
        self.set(switches or Switches())

    def set(self, switches: Switches) -> None:
        """Put these switches in place of all that were there; counts of `times` begin anew."""
        self.switches = switches
        self._set_at = self._clock()
        self._random = random.Random(switches.seed)  # noqa: S311  # a test double's dice
        self._used: Counter[int] = Counter()
        self._window: deque[float] = deque()

    def describe(self) -> dict[str, Any]:
        return {"switches": self.switches.model_dump(mode="json"), "happened": dict(self.happened)}

    def pick(self, name: str, rules: Sequence[R], asked: Asked) -> R | None:
        """Give the first of these rules that holds for this request, and count it."""
        for rule in rules:
            if self._holds(rule, asked):
                self._used[id(rule)] += 1
                self.happened[name] += 1
                return rule
        return None

    def wait(self, asked: Asked) -> float:
        """Give the seconds by which this request is late."""
        rule = self.pick("latency", self.switches.latency, asked)
        if rule is None:
            return 0
        return self._random.uniform(*rule.seconds) if isinstance(rule.seconds, tuple) else rule.seconds

    def over_limit(self, limit: RateLimit) -> float | None:
        """Count a request; None if it is within the limit, else the seconds until one more is."""
        now = self._clock()
        while self._window and self._window[0] <= now - limit.seconds:
            self._window.popleft()
        if len(self._window) >= limit.requests:
            self.happened["rate_limit"] += 1
            return self._window[0] + limit.seconds - now
        self._window.append(now)
        return None

    def remaining(self, limit: RateLimit) -> int:
        return limit.requests - len(self._window)

    def _holds(self, rule: Rule, asked: Asked) -> bool:
        return (
            (rule.method is None or rule.method.upper() == asked.method)
            and (rule.path is None or fnmatchcase(asked.path, rule.path))
            and (rule.operation is None or _is_of(rule.operation, asked))
            and (rule.times is None or self._used[id(rule)] < rule.times)
            and (rule.for_seconds is None or self._clock() - self._set_at < rule.for_seconds)
            and (rule.probability >= 1 or self._random.random() < rule.probability)
        )


def _is_of(operation: str, asked: Asked) -> bool:
    return asked.kind == operation if operation in CLASSES else fnmatchcase(asked.operation, operation)
