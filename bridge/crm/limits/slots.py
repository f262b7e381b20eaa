"""When calls may go out, if several replicas share a target's limits: the arithmetic, without any clock or store of its own.

A replica takes *slots*: times, by the database's clock, each good for one call that goes out within `slack` of it. For "N in any
W seconds" slots are spaced by T, and `burst` of them may be had at once after a rest (a generic cell rate algorithm: what is kept
of a rate is one number, the time at which it is as if nothing had been taken). Of slots in a span of length L there are at most
burst + L / T. Calls of a window of W seconds come from slots of a span of W + slack, so T is (W + slack) / (N - burst + 1), and
a little more: then no window sees more than N, wherever the calls of the replicas fall in their slacks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import floor

#: a slot is handed out at most so many seconds before its time, so that whoever is in a hurry waits for few of them
HORIZON = 0.3
#: so many where requests under way are counted: until then the slot holds one of their places
HORIZON_OF_PLACES = 0.1
#: and for whoever is in a hurry at most so many: an operator's window does not wait longer
URGENT_HORIZON = 2.0
#: of a window's length, how much later than its slot a call may reach the CRM; in seconds at least … and at most …
SLACK_PART, LEAST_SLACK, MOST_SLACK = 0.14, 0.1, 0.5
#: of the slack, how much is for whoever holds the slot; the rest is for the way to the CRM, longer for one call than for another
OURS = 0.4
#: how much of a rate is kept for those who always want more; what the slack leaves of the rest may be had at once
KEPT = 0.86
#: seconds: what is less far ahead is now, as exactly as such a number can say it
_NOW = 1e-3
#: T has to be more than the quotient
_MORE = 1 + 1e-6
#: seconds after which a rate that nobody counted by is not kept any more (another configuration's)
_FORGOTTEN = 86_400.0
_NO_NAMES: Iterator[str] = iter(())


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any `seconds`; for the named kinds of operation, or all where none is named."""

    requests: int
    seconds: float
    operations: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return f"{self.requests}/{self.seconds:g}/{','.join(sorted(self.operations))}"

    @property
    def burst(self) -> int:
        return max(1, floor(self.requests + 1 - KEPT * self.requests * (self.seconds + self.slack) / self.seconds))

    @property
    def slack(self) -> float:
        return max(LEAST_SLACK, min(SLACK_PART * self.seconds, MOST_SLACK))

    @property
    def spacing(self) -> float:
        return (self.seconds + self.slack) / (self.requests - self.burst + 1) * _MORE

    def counts(self, operation: str) -> bool:
        return not self.operations or operation in self.operations


@dataclass(frozen=True, slots=True)
class Want:
    """A call that waits. `kinds` are the numbers of the rates that count it."""

    kinds: tuple[int, ...]
    urgent: bool = False
    #: nobody waits yet: only if its time is now
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """By the database's clock: the call may go out from `at` to `until`. It holds one of the places under way, if those are
    counted.
    """

    kinds: tuple[int, ...]
    at: float
    until: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    slots: tuple[Slot, ...] = ()
    #: for wants that got none, by their kinds: when it makes sense to ask again
    again: dict[tuple[int, ...], float] = field(default_factory=dict)


@dataclass(slots=True)
class _Meter:
    """What is kept of one rate."""

    #: the time at which it will be as if nothing had been taken
    empty_at: float = 0.0
    #: for whoever wants to see it: number of the window, and how many were taken in the one before and in this one
    window: int = 0
    before: int = 0
    taken: int = 0

    def count(self, at: float, seconds: float) -> None:
        window = int(at // seconds)
        if window != self.window:
            self.before, self.taken, self.window = self.taken if window == self.window + 1 else 0, 0, window
        self.taken += 1

    def used(self, now: float, rate: Rate) -> float:
        window, into = int(now // rate.seconds), now / rate.seconds % 1.0
        if window == self.window:
            return (self.before * (1 - into) + self.taken) / rate.requests
        return self.taken * (1 - into) / rate.requests if window == self.window + 1 else 0.0


@dataclass(slots=True)
class Book:
    """All that the replicas keep of one target's limits."""

    #: nothing goes out before: the CRM said so
    quiet: float = 0.0
    meters: dict[str, _Meter] = field(default_factory=dict)
    #: requests under way → when they count as over, should nobody say so
    places: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Book:
        """What `text` wrote; an empty one of anything else, so that another version's words stop nobody."""
        try:
            kept = json.loads(text or "{}")
            meters = {str(key): _Meter(float(at), int(no), int(old), int(new)) for key, (at, no, old, new) in kept["m"].items()}
            places = {str(key): float(until) for key, until in kept["p"].items()}
            return cls(float(kept["q"]), meters, places)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def text(self, now: float) -> str:
        meters = {
            key: (round(one.empty_at, 6), one.window, one.before, one.taken)
            for key, one in self.meters.items() if one.empty_at > now - _FORGOTTEN
        }  # fmt: skip
        places = {key: round(until, 3) for key, until in self.places.items() if until > now}
        return json.dumps({"q": round(self.quiet, 3), "m": meters, "p": places}, separators=(",", ":"))

    def pause(self, until: float) -> None:
        self.quiet = max(self.quiet, until)

    def give_back(self, places: Iterable[str]) -> None:
        for place in places:
            self.places.pop(place, None)

    def used(self, rates: Sequence[Rate], now: float) -> float | None:
        """How much of the tightest rate is used up, 0…1; None: there is none."""
        return max((min(1.0, self.meters.get(rate.key, _Meter()).used(now, rate)) for rate in rates), default=None)

    def take(
        self, wants: Iterable[Want], rates: Sequence[Rate], now: float, *, at_once: int | None = None, hold: float = 0.0,
        names: Iterator[str] = _NO_NAMES,
    ) -> Given:  # fmt: skip
        """Slots for those of the wants that can have one, in their order. Where requests under way are counted (`at_once`), a
        place counts as taken for `hold` seconds if nobody gives it back, under the next of the names.
        """
        if self.quiet > now:
            return Given(again={want.kinds: self.quiet for want in wants})
        for place in [place for place, until in self.places.items() if until <= now]:
            del self.places[place]
        horizon = HORIZON if at_once is None else HORIZON_OF_PLACES
        slots: list[Slot] = []
        again: dict[tuple[int, ...], float] = {}
        for want in wants:
            counted = [(rates[number], self.meters.setdefault(rates[number].key, _Meter())) for number in want.kinds]
            if at_once is not None and len(self.places) >= at_once:
                again.setdefault(want.kinds, now)
                continue
            at = max([now, *(self._free_at(rate, meter, now) for rate, meter in counted)])
            if at > now + (_NOW if want.spare else URGENT_HORIZON if want.urgent else horizon):
                if not want.spare:
                    # when half of the horizon is open again: one question then brings several slots
                    again.setdefault(want.kinds, at - (URGENT_HORIZON if want.urgent else horizon / 2))
                continue
            for rate, meter in counted:
                meter.empty_at = max(meter.empty_at, at) + rate.spacing
                meter.count(at, rate.seconds)
            place = ""
            if at_once is not None:
                place = next(names)
                self.places[place] = at + hold
            until = at + OURS * min((rate.slack for rate, _ in counted), default=HORIZON / OURS)
            slots.append(Slot(want.kinds, at, until, place))
        return Given(tuple(slots), again)

    @staticmethod
    def _free_at(rate: Rate, meter: _Meter, now: float) -> float:
        full = now + rate.burst * rate.spacing
        if meter.empty_at > full + URGENT_HORIZON + 1.0:
            # no taking leads that far ahead: the database's clock was set back. As if all had been taken just now
            meter.empty_at = full
        return meter.empty_at - (rate.burst - 1) * rate.spacing
