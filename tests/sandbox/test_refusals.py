from __future__ import annotations

from bridge.sandbox import refusals
from bridge.sandbox.refusals import Refusal


def test_every_refusal_has_a_code_and_a_status_that_mean_the_same() -> None:
    kinds = [kind for kind in vars(refusals).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
    assert len(kinds) > 10
    statuses: dict[str, set[int]] = {}
    for kind in kinds:
        assert 400 <= kind.status < 500
        statuses.setdefault(kind.code, set()).add(kind.status)
    assert all(len(found) == 1 for found in statuses.values())
