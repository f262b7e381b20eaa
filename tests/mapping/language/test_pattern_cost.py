"""The bound holds: what is let through is quick on the worst of texts, what is refused can run away."""

from __future__ import annotations

import re
import time

import pytest

from bridge.mapping.language.pattern_cost import choices
from bridge.mapping.language.patterns import LONGEST_TEXT, MOST_CHOICES

USEFUL = [
    r"Existing ID: (?P<id>\d+)",
    r"^blocked$",
    r"V\d{5,}",
    r"^\[(?P<at>[^\]]+)\] \[(?P<role>[^\]]*)\] (?P<text>.*)$",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"(?i)guest[-_ ]?\d+",
    r"[a-z]+-[a-z]+-\d+",
    r"error.*code (\d+)",
    r"^(?:Visitor|Guest|Клиент)$",
    r"^(?P<at>\d\d:\d\d) (?P<role>[^:]{1,80}): (?P<text>.*)",
    r".*z",
    r"(?:foo|bar)+x",
    r"^\s*\S+\s*$",
    r"(?s)^.*?z",
    r"a(?=b+)c",
    r"(?>a+)b",
    r"a++b",
    r"^(?:[a-z]{2,10} ){1,2}x",
    r"(?P<q>['\"]).*(?P=q)",
]
RUNAWAY = [
    r"(a+)+b",
    r"(a|a)*b",
    r"a.*b.*c",
    "a?" * 60 + "a" * 60,
    r"(x+x+)+y",
    r"(?P<q>a)(?(q)b|c)*",
    r"\d+.*\d+$",
    r"(?:a|b|ab)*c",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(.*,){11}P",
    r"(?m)^.*x.*y",
    r"(?i)(?:ab|Abc?)*d",
    r"\s*\s*\s*x",
]


@pytest.mark.parametrize("source", USEFUL)
def test_useful_patterns_are_let_through_and_quick_on_hostile_texts(source: str) -> None:
    assert choices(source, LONGEST_TEXT) <= MOST_CHOICES
    pattern = re.compile(source)
    for unit in ("a", "1", " ", "foo", "[a] ", "error", "ab ", "a-", "x'", "1.", "aaaaaaaa "):
        text = (unit * LONGEST_TEXT)[:LONGEST_TEXT]
        began = time.process_time()
        pattern.search(text)
        assert time.process_time() - began < 5, unit


@pytest.mark.parametrize("source", RUNAWAY)
def test_patterns_that_can_run_away_are_not(source: str) -> None:
    assert choices(source, LONGEST_TEXT) > MOST_CHOICES
