"""mappings/README.md and the program say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bridge.mapping import samples, schema
from bridge.mapping.functions import FUNCTIONS
from bridge.mapping.functions.phones import FORMS
from bridge.mapping.functions.texts import ESCAPES
from bridge.mapping.in_scope import EVERYWHERE
from bridge.mapping.language.expressions import Expression
from bridge.mapping.lint import traps
from bridge.mapping.schema.parts import CRM_RULES, PROVIDER_RULES, Part
from bridge.mapping.statements import PARAMETERS

README = (Path(__file__).parents[2] / "mappings" / "README.md").read_text(encoding="utf-8")


def tables() -> Iterator[tuple[str, list[list[str]]]]:
    """What stands in the remark before each table, and its rows."""
    for found in re.finditer(r"<!-- (.+?) -->\n((?:\|.*\n)+)", README):
        lines = found[2].splitlines()[2:]
        yield found[1], [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


TABLES = dict(tables())


def code(cell: str) -> str:
    """What stands in backticks, with the pipes that a table needs escaped."""
    found = re.fullmatch(r"(`+) ?(.+?) ?\1", cell)
    assert found, cell
    return found[2].replace("\\|", "|")


def keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items() if not field.exclude}


def model(name: str) -> type[BaseModel]:
    return getattr(schema, name, None) or getattr(samples, name)  # type: ignore[no-any-return] # looked up by name


KEY_TABLES = [name for name in TABLES if name.startswith("keys: ")]


@pytest.mark.parametrize("title", KEY_TABLES)
def test_every_key_has_its_row_and_every_row_its_key(title: str) -> None:
    name, _, besides = title.removeprefix("keys: ").partition(" - ")
    head = keys(schema.Mapped) if name in ("ProviderMapping", "CrmMapping") else set()
    expected = keys(model(name)) - (keys(model(besides)) if besides else set()) - head
    assert {code(row[0]) for row in TABLES[title]} == expected


def test_every_part_of_a_mapping_has_a_table() -> None:
    described = {title.removeprefix("keys: ").partition(" - ")[0] for title in KEY_TABLES}
    parts = {name for name in schema.__all__ if isinstance(kind := getattr(schema, name), type) and issubclass(kind, Part)}
    # without keys of their own, or described in the text
    assert parts - described == {"Part", "MaybeRequest", "Write", "Deal", "Words", "Grade"}


FUNCTION_ROWS = [row for title in ("functions: standard", "functions: ours") for row in TABLES[title]]


def test_every_function_has_its_row_and_every_row_its_function() -> None:
    assert sorted(code(row[0]).partition("(")[0] for row in FUNCTION_ROWS) == sorted(FUNCTIONS)


@pytest.mark.parametrize("row", FUNCTION_ROWS, ids=lambda row: row[0])
def test_the_example_of_a_function_gives_its_result(row: list[str]) -> None:
    name = code(row[0]).partition("(")[0]
    example = code(row[2])
    assert f"{name}(" in example
    assert Expression(example)({"": None}) == json.loads(code(row[3]))


@pytest.mark.parametrize(("title", "rules"), [("rules: provider", PROVIDER_RULES), ("rules: crm", CRM_RULES)])
def test_every_quality_rule_has_its_row_in_the_same_words(title: str, rules: dict[str, str]) -> None:
    assert {code(row[0]): row[1].replace("`", "") for row in TABLES[title]} == {
        name: text.replace("`", "") for name, text in rules.items()
    }


@pytest.mark.parametrize("row", TABLES["traps"], ids=lambda row: row[0])
def test_every_trap_is_one_and_its_remedy_is_none(row: list[str]) -> None:
    assert [level for level, _ in traps(Expression(code(row[0])))] == ["error"]
    for remedy in re.findall(r"`` (.+?) ``|(?<!`)`([^`]+)`", row[2]):
        assert traps(Expression("".join(remedy).replace("\\|", "|"))) == []


@pytest.mark.parametrize(
    "word", [*schema.FIELDS, *FORMS, *ESCAPES, *schema.SIGNED_NAMES, *(kind for kind in ("visitor", "operator"))]
)
def test_every_word_of_a_closed_list_is_named(word: str) -> None:
    assert re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", README)


def test_every_value_of_a_statement_has_its_row_in_the_same_words() -> None:
    assert {code(row[0]).removeprefix(":"): row[1] for row in TABLES["statement parameters"]} == {
        name: words for name, (_, words) in PARAMETERS.items()
    }


def test_no_key_of_the_tables_is_a_word_that_the_program_has_not_got() -> None:
    known: set[str] = set()
    for name in dir(schema):
        kind: Any = getattr(schema, name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            known |= keys(kind)
    known |= keys(samples.Exchange) | keys(samples.ExchangeStep) | keys(samples.Expected)
    assert {code(row[0]) for title in KEY_TABLES for row in TABLES[title]} <= known


def test_the_names_that_a_template_sees_are_those_of_the_reference() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| a CRM's templates |"))
    named = row.split("`")[1].split()
    assert sorted(named) == sorted(EVERYWHERE)
