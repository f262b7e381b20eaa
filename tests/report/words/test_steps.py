from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge
from bridge.report.words.steps import detail_of, said_of

BRIDGE = Path(bridge.__file__).parent


@pytest.mark.parametrize(("what", "english", "russian"), [
    ("find by phone", "find by phone", "поиск по телефону"),
    ("read what was find by phone", "read what was find by phone", "чтение найденного: поиск по телефону"),
    ("write note 2/3", "write note 2/3", "запись: заметка 2/3"),
    ("look for deal", "look for deal", "проверка, записано ли: сделка"),
    ("matched.new", "matched new", "новый клиент"),
    ("write something new", "write something new", "запись: something new"),
    ("nobody knows this", "nobody knows this", "nobody knows this"),
])  # fmt: skip
def test_a_step_is_said_in_the_pages_language(what: str, english: str, russian: str) -> None:
    assert said_of(what, "en") == english
    assert said_of(what, "ru") == russian


@pytest.mark.parametrize(("detail", "russian"), [
    ("12 found", "найдено: 12"),
    ("it is not there", "там этого нет"),
    ("note 2/3: 17", "заметка 2/3: 17"),
    ("create 1/1 is in the CRM: 5", "клиент 1/1 есть в CRM: 5"),
    ("crm_rejected: nobody: 0 found", "crm_rejected: nobody: 0 found"),
])  # fmt: skip
def test_what_stands_beside_a_step_is_said_in_the_pages_language(detail: str, russian: str) -> None:
    assert (detail_of(detail, "en"), detail_of(detail, "ru")) == (detail, russian)


#: what a job says of itself, as an expression of the code and as an example of it
EXAMPLES = {
    "planned.kind": "note", "planned.part": "1", "planned.parts": "2", "record_id": "17", "look.id": "17", "twin.job": "8",
    "row.job": "8", "row.kind": "phone", "len(hits)": "3", "theirs.what": "a note of this chat",
}  # fmt: skip
#: said in whatever language it was written in: of an error, or why a client is the one
FOREIGN = {"broke", "file.left", "settling.refused", "matched."}


def said_by_the_code() -> Iterator[tuple[str, str]]:
    """Of each `attempt.say` the step and, where there is one of ours, an example of what stands beside it."""
    files = [*(BRIDGE / "pipeline").glob("*.py"), *(BRIDGE / "worker").glob("*.py")]
    for call in (part for path in files for part in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "say":
            what, detail = (example(one) for one in call.args)
            yield what, "" if detail == "again.message" or any(map(what.startswith, FOREIGN)) else detail
        elif isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "PlanAgain":
            yield "planned.again", example(call.args[0])


def example(said: ast.expr) -> str:
    if isinstance(said, ast.Constant):
        return str(said.value)
    if isinstance(said, ast.JoinedStr):
        return "".join(map(example, said.values))
    if isinstance(said, ast.FormattedValue):
        return EXAMPLES.get(ast.unparse(said.value), "")
    return ast.unparse(said)


def test_whatever_a_job_says_of_itself_is_known_in_russian() -> None:
    said = set(said_by_the_code())
    assert {"operation.done", "outcome.settled", "searched"} <= {what for what, _ in said}
    assert [what for what, _ in said if said_of(what, "ru") == what and what != "matched."] == []
    assert [detail for _, detail in said if detail and detail_of(detail, "ru") == detail] == []
