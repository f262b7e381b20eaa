"""Whatever a job can end with is said in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import errors
from bridge.model import JobState, Verdict
from bridge.report.doing import BY_HAND
from bridge.report.words.explanations import explain, is_explained

BRIDGE = Path(errors.__file__).parent
#: functions and classes of the pipeline that end an attempt, and the state in which they do
_ENDINGS = {"skipped": "skipped", "held": "held", "waiting": "waiting"}
_ENDS = re.compile(rf"\b(?:{'|'.join(_ENDINGS)}|Outcome|TargetStop)\(")
#: codes that can be a job's: not those at the door, nor those that stop the service before it begins
_OF_A_JOB = (errors.CrmError, errors.EmptyExpression, errors.NotUnderstood, errors.MappingError)


def reasons() -> Iterator[tuple[str, str]]:
    """Every reason that stands in the code as a word, with its state."""
    for text in (path.read_text(encoding="utf-8") for path in BRIDGE.rglob("*.py")):
        if not _ENDS.search(text):  # most modules end nothing, and a tree takes a hundred times as long as a look
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in _ENDINGS and node.args and isinstance(node.args[0], ast.Constant):
                yield _ENDINGS[name], str(node.args[0].value)
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if name == "Outcome" and isinstance(given.get("reason"), ast.Constant) and isinstance(given["state"], ast.Attribute):
                yield given["state"].attr.lower(), str(given["reason"].value)  # type: ignore[attr-defined]
            if name == "TargetStop" and isinstance(given.get("reason"), ast.Constant):
                yield "stopped", str(given["reason"].value)  # type: ignore[attr-defined]


def codes() -> Iterator[str]:
    def family(kind: type[errors.BridgeError]) -> Iterator[str]:
        yield kind.code
        for child in kind.__subclasses__():
            yield from family(child)

    for kind in _OF_A_JOB:
        yield from family(kind)


ELSEWHERE = {("skipped", BY_HAND), ("skipped", "superseded"), ("pending", "replayed"), ("retrying", "internal"),
             ("held", "target_unknown")}  # fmt: skip
FOUND = sorted(
    set(reasons()) | {("dead", code) for code in codes()} | {("done", verdict.value) for verdict in Verdict} | ELSEWHERE
)


def test_the_reasons_are_found_at_all() -> None:
    assert {("held", "ambiguous"), ("skipped", "rehearsed"), ("waiting", "no_contact"), ("held", "source_unknown"),
            ("stopped", "brake")} <= set(FOUND)  # fmt: skip


@pytest.mark.parametrize(("state", "reason"), FOUND)
def test_every_reason_is_explained_in_both_languages(state: str, reason: str) -> None:
    assert is_explained(state, reason)
    english, russian = explain(state, reason, "en"), explain(state, reason, "ru")
    assert english.why != reason.replace("_", " ")
    assert english.why != russian.why
    assert bool(english.todo) == bool(russian.todo)
    if state in {JobState.HELD, JobState.DEAD, "stopped"}:
        assert english.todo, "a person who is needed is told what to do"


def test_a_reason_that_nobody_foresaw_stands_as_it_is() -> None:
    assert explain("skipped", "out_of_hours", "ru") == ("out of hours", "")
