from __future__ import annotations

import asyncio

import pytest

from bridge.crm.limits.slots import Slot
from bridge.crm.limits.waiting_line import Waiting, WaitingLine
from bridge.errors import Busy


def waiting(order: int, *kinds: int, later: bool = True) -> Waiting:
    return Waiting(later, order, kinds, asyncio.get_running_loop().create_future())


def slot(*kinds: int) -> Slot:
    return Slot(at=1.0, until=2.0, kinds=kinds)


async def test_whoever_is_in_a_hurry_is_first_then_whoever_came_first() -> None:
    line = WaitingLine()
    second, first, live = waiting(2), waiting(1), waiting(3, later=False)
    for one in (second, first, live):
        line.join(one)
    assert list(line) == [live, first, second]
    assert [line.give(slot()) for _ in range(4)] == [True, True, True, False]
    assert all(one.given.done() for one in (first, second, live))


async def test_a_slot_goes_to_the_first_whose_rates_it_counts_for() -> None:
    line = WaitingLine()
    note, find = waiting(1, 0, 1), waiting(2, 0)
    line.join(note)
    line.join(find)
    assert line.give(slot(0))
    assert (find.given.done(), note.given.done()) == (True, False)
    assert not line.give(slot(0))
    assert line.give(slot(0, 1))


async def test_nothing_is_given_to_those_who_went() -> None:
    line = WaitingLine()
    gone, there = waiting(1), waiting(2)
    line.join(gone)
    line.join(there)
    gone.given.cancel()
    assert line.give(slot())
    assert there.given.done()
    line.leave(there)  # once more, and nothing happens
    assert len(line) == 0


async def test_all_are_refused_each_with_an_error_of_its_own() -> None:
    line = WaitingLine()
    first, second = waiting(1), waiting(2)
    line.join(first)
    line.join(second)
    line.refuse(Busy("wait", retry_after=3.0))
    errors = [one.given.exception() for one in (first, second)]
    assert errors[0] is not errors[1]
    with pytest.raises(Busy, match="wait") as caught:
        first.given.result()
    assert caught.value.retry_after == 3.0
    assert len(line) == 0
