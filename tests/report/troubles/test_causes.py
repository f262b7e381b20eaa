from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from bridge.report.troubles.causes import causes, key_of


def row(detail: str, n: int = 1, **more: Any) -> dict[str, Any]:
    return {"state": "dead", "target": "sales", "reason": "crm_rejected", "error_code": "crm_rejected", "detail": detail, "n": n,
            "since": 5.0, "latest": 1, **more}  # fmt: skip


def test_words_that_differ_in_numbers_and_people_only_are_one_cause() -> None:
    found = causes([row("field UF_1 unknown (request 17), +79161234567", 2, latest=9), row("field UF_1 unknown (request 204), "
                    "+79031112233", 3, since=1.0)])  # fmt: skip
    assert [(cause.count, cause.since, cause.latest) for cause in found] == [(5, 1.0, 9)]
    assert "9161234567" not in found[0].words


def test_other_words_and_other_targets_are_other_causes_the_largest_first() -> None:
    found = causes([row("a"), row("b", 7), row("a", target="vip"), row("a", state="held")])
    assert len(found) == 4
    assert found[0].count == 7


def test_a_reason_that_says_it_all_is_one_cause_whatever_its_details() -> None:
    found = causes([row("Анна (id 1)", reason="ambiguous"), row("Олег (id 2)", reason="ambiguous")])
    assert [(cause.count, cause.words, cause.key) for cause in found] == [(2, "", "")]


def test_a_cause_is_named_in_its_address() -> None:
    [cause] = causes([row("no such field")])
    assert parse_qs(cause.query)["cause"] == [key_of("crm_rejected", "no such field")]
