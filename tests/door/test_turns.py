"""Who is looked at next when more come without proof than are to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from bridge.door import turns as turns_module
from bridge.door.turns import ALL, AT_ONCE, LONGEST_REST, PROVED_FOR, THEIRS, Turns


@dataclass(eq=False)
class Caller:
    name: str
    went: list[str]
    is_there: bool = True

    def go(self) -> bool:
        if self.is_there:
            self.went.append(self.name)
        return self.is_there


@dataclass
class Street:
    """Turns, with a clock of their own."""

    turns: Turns
    went: list[str] = field(default_factory=list)
    now: float = 1000.0

    def ask(self, address: str, name: str = "?") -> Caller:
        caller = Caller(name, self.went)
        if self.turns.ask(address, caller):
            self.went.append(name)
        return caller

    def later(self, seconds: float) -> list[str]:
        """Who goes in that time."""
        before = len(self.went)
        for _ in range(max(1, round(seconds / turns_module.ROUND))):
            self.now += turns_module.ROUND
            self.turns.give_turns()
        return self.went[before:]


@contextmanager
def street(rate: float = 10.0, burst: float = 100.0) -> Iterator[Street]:
    times: list[Street] = []
    made = Street(Turns(rate, burst, time=lambda: times[0].now if times else 1000.0))
    times.append(made)
    yield made
    made.turns.close()


async def test_of_one_address_only_so_many_are_looked_at() -> None:
    with street(rate=10, burst=20) as at:
        for _ in range(60):
            at.ask("a")
        assert len(at.went) == 20
        assert 9 <= len(at.later(1.0)) <= 11


async def test_many_asked_at_once_pay_before_they_are_looked_at() -> None:
    """Counted only once they are refused, all that come in one moment would be looked at."""
    with street(rate=10, burst=5) as at:
        for _ in range(300):
            at.ask("a")
        assert len(at.went) == 5


async def test_all_addresses_together_have_a_limit() -> None:
    with street(rate=10, burst=20) as at:
        for number in range(1000):
            at.ask(f"a{number}")
        assert len(at.went) == 2 * ALL * 10
        assert 0.9 * ALL * 10 <= len(at.later(1.0)) <= 1.1 * ALL * 10


async def test_in_one_round_no_more_go_than_can_be_served_at_once() -> None:
    with street(rate=1000, burst=1) as at:
        for number in range(30_000):
            at.ask(f"a{number}")
        at.now += 10.0
        before = len(at.went)
        at.turns.give_turns()
        assert len(at.went) - before == AT_ONCE


async def test_whoever_has_proved_it_goes_at_once_through_any_crowd() -> None:
    with street() as at:
        at.ask("honest", "first")
        at.turns.proved("honest")
        for number in range(1000):
            at.ask(f"a{number}")
        for _ in range(500):
            at.ask("honest", "again")
            at.turns.proved("honest")
        assert at.went.count("again") == 500


async def test_a_proof_counts_for_a_day() -> None:
    with street(rate=0.001, burst=1) as at:
        at.turns.proved("a")
        at.now += PROVED_FOR
        at.ask("a", "first")
        at.turns.refused("a")
        at.ask("a", "second")
        assert at.went == ["first"]


async def test_whoever_was_never_refused_goes_before_whoever_was() -> None:
    with street(rate=1, burst=2) as at:
        for number in range(10):
            at.ask(f"bad{number}")
            at.turns.refused(f"bad{number}")
        while at.turns._all.left(at.now) >= 1:
            at.turns._all.take(at.now)
        for number in range(10):
            at.ask(f"bad{number}", "bad")
        at.ask("new", "new")
        assert "new" in at.later(0.3)[:2]


async def test_whoever_was_refused_gets_some_turns_however_many_new_ones_come() -> None:
    with street(rate=10, burst=20) as at:
        at.ask("bad")
        at.turns.refused("bad")
        for number in range(1000):
            at.ask(f"new{number}", "new")
        at.ask("bad", "bad")
        assert "bad" in at.later(THEIRS / (ALL * 10) + 0.1)


async def test_addresses_take_turns_whatever_crowd_each_has() -> None:
    with street(rate=10, burst=20) as at:
        for number in range(1000):
            at.ask(f"a{number}")
        at.went.clear()
        for _ in range(200):
            at.ask("crowd", "crowd")
        at.ask("one", "one")
        at.turns._new.by_address.move_to_end("crowd", last=False)
        at.turns._new.by_address.move_to_end("one", last=False)
        assert "one" in at.later(0.1)


async def test_of_one_address_the_last_goes_first() -> None:
    """A crowd that waits for its answers sends nothing new meanwhile; an honest sender among it is the last that came."""
    with street(rate=10, burst=1) as at:
        at.ask("a", "first")
        for _ in range(200):
            at.ask("a", "crowd")
        at.ask("a", "honest")
        assert at.later(0.2)[0] == "honest"


async def test_whoever_has_gone_costs_no_look() -> None:
    with street(rate=10, burst=1) as at:
        at.ask("a", "first")
        at.ask("a", "there")
        for _ in range(50):
            at.ask("a", "gone").is_there = False
        assert at.later(0.15) == ["there"]


async def test_whoever_leaves_the_line_is_not_called() -> None:
    with street(rate=10, burst=1) as at:
        at.ask("a", "first")
        leaving = at.ask("a", "leaving")
        at.turns.leave("a", leaving)
        assert at.later(1.0) == []
        assert at.turns._next_round is None


async def test_at_an_address_that_has_proved_itself_refusals_make_the_rest_wait_a_bounded_time() -> None:
    with street(rate=10, burst=20) as at:
        at.turns.proved("a")
        for _ in range(1000):
            at.turns.refused("a")
        for _ in range(200):
            at.ask("a", "bad")
        assert at.went == []
        at.later(LONGEST_REST + 0.1)
        assert len(at.went) == 200


async def test_what_was_nobodys_fault_is_given_back() -> None:
    with street(rate=0.001, burst=3) as at:
        for _ in range(20):
            at.ask("a")
            at.turns.give_back("a")
        assert len(at.went) == 20


async def test_the_first_proof_opens_the_way_for_all_who_wait_there() -> None:
    with street(rate=0.001, burst=1) as at:
        for _ in range(5):
            at.ask("a")
        assert len(at.went) == 1
        at.turns.proved("a")
        assert len(at.went) == 5


async def test_no_more_addresses_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "ADDRESSES", 10)
    with street() as at:
        at.turns.proved("honest")
        for number in range(100):
            at.ask(f"a{number}")
        assert len(at.turns._shares) <= 11
        at.ask("honest", "honest")
        assert at.went[-1] == "honest"  # whoever proves nothing drives out nobody who has
        for number in range(100):
            at.turns.proved(f"b{number}")
        assert len(at.turns._proved) == 10
