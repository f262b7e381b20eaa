"""Each CRM's page says in one table what is possible, what is not, and how that is known; it agrees with the mapping."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.mapping.load import available, load_crm

DOCS = Path(__file__).parents[2] / "docs" / "crms"
ROWS = [
    "search", "kinds of records", "new client", "known client", "chat", "on an open deal", "figures", "deal", "task", "files",
    "owner", "tags", "own fields", "card link", "after a lost answer", "quiet", "sign-in",
    "names checked", "probe deleted",
]  # fmt: skip
KNOWN_FROM = {"recorded", "vendor's pages", "source", "inferred", "ours"}
#: row → the part of a mapping without which it is not possible
PARTS = {"known client": "enrich", "deal": "deal", "task": "task", "owner": "owner", "card link": "card_url"}
PAGES = sorted(name for name in available("crm") if load_crm(name).extends is None)
TWINS = sorted(page.name.split(".")[0] for page in DOCS.glob("*.ru.md"))


def matrix(page: str, heading: str) -> list[tuple[str, str, str]]:
    text = (DOCS / page).read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in text.splitlines() if line.startswith("|")][2:]
    assert [row for row in rows if len(row) != 3] == []
    return [(row[0], row[1], row[2]) for row in rows]


def possible(said: str) -> bool:
    return not said.startswith("no:")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_of_everything_whether_it_is_possible_and_how_that_is_known(name: str) -> None:
    table = matrix(f"{name}.md", "What is possible")

    assert [row for row, _, _ in table] == ROWS
    assert {known for _, _, known in table} <= KNOWN_FROM
    assert [row for row, said, _ in table if said in {"no", "no:"}] == []


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_says_is_what_the_mapping_does(name: str) -> None:
    mapping = load_crm(name)
    said = {row: what for row, what, _ in matrix(f"{name}.md", "What is possible")}

    assert {row: possible(said[row]) for row in PARTS} == {row: getattr(mapping, part) is not None for row, part in PARTS.items()}
    assert said["files"].startswith("copied" if mapping.file is not None else "links")
    assert possible(said["new client"]) == mapping.knows_clients
    assert possible(said["probe deleted"]) == (mapping.create.remove is not None)


@pytest.mark.parametrize("name", TWINS)
def test_the_russian_page_says_the_same_row_by_row(name: str) -> None:
    english, russian = matrix(f"{name}.md", "What is possible"), matrix(f"{name}.ru.md", "Что возможно")

    assert len(russian) == len(english)
    assert [theirs.startswith("нет:") for _, theirs, _ in russian] == [not possible(ours) for _, ours, _ in english]
    for (_, ours, _), (_, theirs, _) in zip(english, russian, strict=True):
        assert re.findall(r"`[^`]+`", theirs) == re.findall(r"`[^`]+`", ours)


def test_every_russian_crm_has_a_russian_page() -> None:
    assert set(TWINS) == {"amocrm", "bitrix24", "regionsoft", "retailcrm"}
