from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.refusals import BadRequest
from bridge.sandbox.switches import Switches, read_switches

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("given", "name", "rules"),
    [
        ({"drop": True}, "drop", [{}]),
        ({"drop": False}, "drop", []),
        ({"drop": None}, "drop", []),
        ({"drop": 0}, "drop", []),
        ({"drop": 0.05}, "drop", [{"probability": 0.05}]),
        ({"drop": 1}, "drop", [{}]),
        ({"drop": {"times": 2}}, "drop", [{"times": 2}]),
        ({"busy": [{"retry_after": 3}, {}]}, "busy", [{"retry_after": 3}, {}]),
        ({"latency": 0.5}, "latency", [{"seconds": 0.5}]),
        ({"latency": [0.1, 0.5]}, "latency", [{"seconds": (0.1, 0.5)}]),
        (
            {"latency": {"search": 0.2, "write": [1, 2]}},
            "latency",
            [{"operation": "search", "seconds": 0.2}, {"operation": "write", "seconds": (1, 2)}],
        ),
        ({"latency": {"seconds": 1, "times": 2}}, "latency", [{"seconds": 1, "times": 2}]),
        ({"latency": 0}, "latency", []),
    ],
)
def test_short_forms_mean_rules(given: dict[str, Any], name: str, rules: list[dict[str, Any]]) -> None:
    assert [rule.model_dump(exclude_unset=True) for rule in getattr(read_switches(given), name)] == rules


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"drop_after_comit": 1}, "there is no switch 'drop_after_comit'; known: seed, index_lag"),
        ({"busy": 3}, 'for a number of times write {"times": 3}'),
        ({"busy": {"time": 3}}, "there is no switch 'busy.0.time'"),
        ({"broken": {"status": 200}}, "broken.0.status"),
        ({"index_lag": -1}, "index_lag"),
        ({"latency": [2, 1]}, "first must not be larger"),
        ({"rate_limit": {"requests": 0}}, "rate_limit.requests"),
        ({"cut_answer": {"bytes": -1}}, "cut_answer.0.bytes"),
        ([], "switches"),
        ("down", "switches"),
    ],
)
def test_wrong_switches_are_refused_with_their_name(given: object, says: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_switches(given)
    assert says in str(refusal.value)


def test_what_is_shown_can_be_set_again() -> None:
    switches = read_switches({"latency": {"search": [0, 1]}, "busy": 0.5, "rate_limit": {"requests": 5}, "seed": 1})
    assert read_switches(switches.model_dump(mode="json")) == switches


def test_every_switch_is_in_the_manual() -> None:
    manual = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    assert [name for name in Switches.model_fields if f"`{name}`" not in manual and f'"{name}"' not in manual] == []
