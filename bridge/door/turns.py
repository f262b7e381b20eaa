"""Says whose request is looked at next, when more come without proof than are to be looked at.

Whoever has proved lately that they are a chat service goes at once. All others share so many looks a second, and each address has
a share of its own; beyond them they stand in line: those first that were not refused lately, address by address, and of one
address whoever came last. So a crowd that waits for its answers, at the same address, leaves an honest sender the next turn but
one. Nobody is turned away here: who stands in line makes place for others like any connection that waits, and no sooner.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from bridge.door.allowance import Allowance

#: looks of all addresses together, for each that one address has
ALL = 10
#: seconds between two rounds of turns while anybody stands in line, how many go in one, and how many addresses are asked
ROUND = 0.02
AT_ONCE = 4
ASKED = 64
#: of so many turns one belongs to those who were refused lately, whoever else comes
THEIRS = 4
#: seconds for which whoever stands at an address that has proved itself waits at the most because of what else comes from there
LONGEST_REST = 2.0
#: seconds for which a proof counts
PROVED_FOR = 24 * 3600.0
#: addresses that are remembered, of either kind
ADDRESSES = 20_000


class Caller(Protocol):
    """Somebody with a request."""

    def go(self) -> bool:
        """It is their turn. False: they have gone, and no look was needed."""


class _Share(Allowance):
    """Looks that are left."""

    __slots__ = ("was_refused",)

    def __init__(self, rate: float, burst: float, now: float) -> None:
        super().__init__(rate, burst, now)
        #: since it was last whole
        self.was_refused = False

    def left(self, now: float) -> float:
        left = super().left(now)
        if left >= self.burst:
            self.was_refused = False
        return left

    def look(self, now: float) -> None:
        """What is owed is bounded, so that whoever comes to an address after a flood waits no longer than after a small one."""
        self.spend(now, owing=LONGEST_REST * self.rate)


class _Line:
    """Who waits, by address: the address whose turn is next stands first, and who came first stands first."""

    def __init__(self) -> None:
        self.by_address: OrderedDict[str, dict[Caller, float]] = OrderedDict()

    def add(self, address: str, caller: Caller, now: float) -> None:
        self.by_address.setdefault(address, {})[caller] = now

    def remove(self, address: str, caller: Caller) -> None:
        waiting = self.by_address.get(address)
        if waiting is not None and waiting.pop(caller, None) is not None and not waiting:
            del self.by_address[address]

    def last_of(self, address: str) -> Caller:
        caller, _ = self.by_address[address].popitem()
        if not self.by_address[address]:
            del self.by_address[address]
        return caller

    def all_of(self, address: str) -> list[Caller]:
        return list(self.by_address.pop(address, {}))

    def too_long(self, address: str, since: float) -> list[Caller]:
        """Who waits there since before that."""
        late = [caller for caller, came in self.by_address[address].items() if came < since]
        for caller in late:
            self.remove(address, caller)
        return late


class Turns:
    """`rate`, `burst`: requests without proof a second that one address is answered in the long run, and more in one go."""

    def __init__(self, rate: float, burst: float, *, time: Callable[[], float] | None = None) -> None:
        self._rate, self._burst = rate, burst
        self._loop = asyncio.get_running_loop()
        self._time = time or self._loop.time
        self._all = _Share(ALL * rate, max(2 * ALL * rate, burst), self._time())
        self._shares: OrderedDict[str, _Share] = OrderedDict()
        #: address → when it last proved something
        self._proved: OrderedDict[str, float] = OrderedDict()
        #: at addresses that have proved themselves · that were not refused lately · that were
        self._known, self._new, self._refused = _Line(), _Line(), _Line()
        self._turn = 0
        self._next_round: asyncio.TimerHandle | None = None

    def close(self) -> None:
        if self._next_round is not None:
            self._next_round.cancel()

    # -- who comes and goes --------------------------------------------------------------------------------------------

    def ask(self, address: str, caller: Caller) -> bool:
        """Whether they may go at once; else they are told when it is their turn."""
        now = self._time()
        if self._is_proved(address, now):
            share = self._shares.get(address)
            if share is None or (share.left(now) >= 0 and address not in self._known.by_address):
                return True
            self._known.add(address, caller, now)
        else:
            share = self._share_of(address, now)
            line = self._refused if share.was_refused else self._new
            if not line.by_address and self._may_look(share, now):
                self._spend(share, now)
                return True
            line.add(address, caller, now)
        if self._next_round is None:
            self._next_round = self._loop.call_later(ROUND, self.give_turns)
        return False

    def leave(self, address: str, caller: Caller) -> None:
        """They wait no more."""
        for line in (self._known, self._new, self._refused):
            line.remove(address, caller)

    # -- what became of a look -----------------------------------------------------------------------------------------

    def proved(self, address: str) -> None:
        """A request from there was authentic. All who wait there may go."""
        now = self._time()
        if not self._is_proved(address, now):
            self.give_back(address)
        self._proved[address] = now
        self._proved.move_to_end(address)
        while len(self._proved) > ADDRESSES:
            self._proved.popitem(last=False)
        for line in (self._new, self._refused):
            for caller in line.all_of(address):
                caller.go()

    def refused(self, address: str) -> None:
        now = self._time()
        share = self._share_of(address, now)
        share.was_refused = True
        if self._is_proved(address, now):  # all others have paid before
            share.look(now)

    def give_back(self, address: str) -> None:
        """What came of the look is not to be held against anybody."""
        share = self._shares.get(address)
        if share is not None and not self._is_proved(address, self._time()):
            share.give_back()
            self._all.give_back()

    # ------------------------------------------------------------------------------------------------------------------

    def _is_proved(self, address: str, now: float) -> bool:
        return now - self._proved.get(address, float("-inf")) < PROVED_FOR

    def _share_of(self, address: str, now: float) -> _Share:
        share = self._shares.get(address)
        if share is None:
            share = self._shares[address] = _Share(self._rate, self._burst, now)
            while len(self._shares) > ADDRESSES:
                self._shares.popitem(last=False)
        else:
            self._shares.move_to_end(address)
        return share

    def _may_look(self, share: _Share, now: float) -> bool:
        return self._all.left(now) >= 1.0 and share.left(now) >= 1.0

    def _spend(self, share: _Share, now: float) -> None:
        self._all.look(now)
        share.look(now)

    def give_turns(self) -> None:
        """One round. It calls itself while anybody stands in line."""
        now = self._time()
        self._to_known(now)
        for _ in range(AT_ONCE):
            self._turn += 1
            lines = (self._refused, self._new) if self._turn % THEIRS == 0 else (self._new, self._refused)
            if self._all.left(now) < 1.0 or not any(self._to_next(line, now) for line in lines):
                break
        self.close()
        waits = any(line.by_address for line in (self._known, self._new, self._refused))
        self._next_round = self._loop.call_later(ROUND, self.give_turns) if waits else None

    def _to_known(self, now: float) -> None:
        for address in list(self._known.by_address)[:ASKED]:
            self._known.by_address.move_to_end(address)
            share = self._share_of(address, now)
            for caller in self._known.too_long(address, now - LONGEST_REST):
                caller.go()
            left = share.left(now)
            while left >= 0 and address in self._known.by_address:
                if self._known.last_of(address).go():
                    left -= 1.0  # counted only if it is refused

    def _to_next(self, line: _Line, now: float) -> bool:
        """One of the next address that has something left. False: there is none among those asked."""
        for _ in range(min(ASKED, len(line.by_address))):
            address = next(iter(line.by_address))
            line.by_address.move_to_end(address)
            share = self._share_of(address, now)
            while self._may_look(share, now) and address in line.by_address:
                if line.last_of(address).go():
                    self._spend(share, now)
                    return True
        return False
