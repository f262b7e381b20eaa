"""The tables of docs/extraction.md are run row by row, and name every rule there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_corpus import chat_of, records

from bridge.extract import contact_points, seen
from bridge.extract.reading import not_contacts
from bridge.extract.whose import after, before
from bridge.model import Chat, Claim, Message, Role

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extraction.md"
#: rules whose example would be a field, the config or a page rather than a line
NOT_LINES = {"form", "profile", "operator-field", "ours", "site"}
ROW = re.compile(r"^\| `([a-z -]+)` \|(?: (own|unclear|other) \|)? [^|]+ \| (?:`([^`]+)`)? ?\| ?([^|]*?) ?\|$", re.MULTILINE)
Row = tuple[str, str, str, str]


def rows() -> Iterator[Row]:
    for match in ROW.finditer(PAGE.read_text(encoding="utf-8")):
        yield match[1], match[2] or "", match[3] or "", match[4]


ROWS = list(rows())


def chat(example: str) -> tuple[Chat, str]:
    region = re.match(r"\[([A-Z]{2})\] ", example)
    lines = example[region.end() if region else 0 :].split(" ▸ ")
    messages = []
    for line in lines:
        role, colon, text = line.partition(": ")
        said = (Role(role), text) if colon and role in {"operator", "bot"} else (Role.VISITOR, line)
        messages.append(Message(role=said[0], text=said[1]))
    return Chat(source="page", chat_id="1", messages=tuple(messages)), region[1] if region else "RU"


def test_the_tables_are_read() -> None:
    assert len(ROWS) > 80


@pytest.mark.parametrize(
    ("rule", "claim", "example", "gives"), [row for row in ROWS if row[2]], ids=[row[0] for row in ROWS if row[2]]
)
def test_an_example_gives_what_its_row_says_by_its_rule(rule: str, claim: str, example: str, gives: str) -> None:
    said, region = chat(example)
    result = contact_points(said, region=region, explain=True)
    shown = [("~" if point.claim is Claim.OTHER else "") + point.value for point in result.points]
    assert shown == ([] if gives == "nothing" else gives.split())
    rules = {candidate.rule for candidate in result.trace} | {candidate.reading for candidate in result.trace}
    assert rule in rules
    if claim:
        assert {point.claim for point in result.points if point.rule == rule} == {Claim(claim)}


def test_only_rules_about_fields_and_config_have_no_example() -> None:
    assert {rule for rule, _, example, _ in ROWS if not example} == NOT_LINES


def test_every_rule_is_on_the_page() -> None:
    explained = {rule for rule, *_ in ROWS}
    used = {cue.rule for cue in (*before.BEFORE, *after.AFTER)}
    used |= {value.rule for value in vars(seen).values() if isinstance(value, seen.Verdict)}
    used |= (
        {rule for rule, *_ in not_contacts._SHAPES} | set(not_contacts._NAMED) | {rule for rule, _ in not_contacts._NAMED_AFTER}
    )
    for record in records():
        result = contact_points(chat_of(record), region=record["region"], explain=True)
        used |= {candidate.rule for candidate in result.trace} | {candidate.reading for candidate in result.trace}
    missing = {rule for rule in used - explained if rule and not rule.startswith("asked-")}
    assert missing == set()
