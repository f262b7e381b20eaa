from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.faults import Asked, Faults
from bridge.sandbox.switches import RateLimit, read_switches

NOTE = Asked("POST", "/api/v1/clients/1/notes", "note.create", "write")
SEARCH = Asked("GET", "/api/v1/clients", "client.search", "search")


def drops(faults: Faults, asked: Asked) -> bool:
    return faults.pick("drop", faults.switches.drop, asked) is not None


@pytest.mark.parametrize(
    ("rule", "note", "search"),
    [
        ({}, True, True),
        ({"method": "post"}, True, False),
        ({"path": "/api/v1/clients/*"}, True, False),
        ({"path": "/api/v1/clients"}, False, True),
        ({"operation": "note.create"}, True, False),
        ({"operation": "*.search"}, False, True),
        ({"operation": "write"}, True, False),
        ({"operation": "search", "method": "POST"}, False, False),
        ({"probability": 0}, False, False),
    ],
)
def test_a_rule_holds_for(rule: dict[str, Any], note: bool, search: bool) -> None:
    faults = Faults(read_switches({"drop": rule}))
    assert (drops(faults, NOTE), drops(faults, SEARCH)) == (note, search)


def test_a_rule_holds_so_many_times_of_what_it_is_about() -> None:
    faults = Faults(read_switches({"drop": {"times": 2, "operation": "write"}}))
    assert [drops(faults, asked) for asked in (NOTE, SEARCH, NOTE, NOTE)] == [True, False, True, False]
    faults.set(faults.switches)
    assert drops(faults, NOTE)
    assert faults.happened == {"drop": 3}


def test_a_rule_holds_for_its_time() -> None:
    now = [100.0]
    faults = Faults(read_switches({"drop": {"for_seconds": 5}}), clock=lambda: now[0])
    now[0] += 4.9
    assert drops(faults, NOTE)
    now[0] += 0.1
    assert not drops(faults, NOTE)


def test_the_same_seed_gives_the_same_faults() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(read_switches({"drop": 0.3, "seed": seed}))
        return [drops(faults, NOTE) for _ in range(200)]

    assert run(1) == run(1) != run(2)
    assert 30 < sum(run(1)) < 90


def test_latency_is_fixed_or_between_two_bounds() -> None:
    assert Faults(read_switches({"latency": {"write": 0.5}})).wait(NOTE) == 0.5
    assert Faults(read_switches({"latency": {"write": 0.5}})).wait(SEARCH) == 0
    faults = Faults(read_switches({"latency": [0.1, 0.2], "seed": 3}))
    waits = [faults.wait(NOTE) for _ in range(50)]
    assert 0.1 <= min(waits) < max(waits) <= 0.2


def test_the_window_of_the_rate_limit_slides() -> None:
    now = [0.0]
    faults, limit = Faults(clock=lambda: now[0]), RateLimit(requests=2, seconds=1)
    waits = []
    for at in (0.0, 0.5, 0.9, 1.0, 1.2, 1.5):
        now[0] = at
        waits.append(faults.over_limit(limit))
    assert waits == [None, None, pytest.approx(0.1), None, pytest.approx(0.3), None]
