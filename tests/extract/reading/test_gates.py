from __future__ import annotations

import re

import pytest
from chat_corpus import CORPUS, chat_of, records
from hypothesis import given
from hypothesis import strategies as st

from bridge.extract.reading.gates import gate, gated, matches_ascii
from bridge.extract.reading.patterns import has_any
from bridge.extract.whose.after import AFTER
from bridge.extract.whose.before import BEFORE
from bridge.extract.whose.cues import Cue, for_ascii


@pytest.mark.parametrize(
    ("source", "pieces"),
    [
        ("мой номер", {"мой номер"}),
        (r"(?:call|ring) me\b", {"call", "ring"}),
        (r"\d+ (?:и|and) номер", {" номер"}),
        ("(?:my )?phone", {"phone"}),
        ("(?:abc){1,3}", {"abc"}),
        ("(?:abc){0,3}", {""}),
        ("call|callback|ring", {"call", "ring"}),
        (r"\w+", {""}),
        ("a|номер", {""}),
        (r"\?$", {"?"}),
        ("(?=lost)found", {"found"}),
        ("(?i:Call)", {""}),
    ],
)
def test_what_has_to_stand_in_the_text_is_read_from_the_expression(source: str, pieces: set[str]) -> None:
    assert set(gate(re.compile(source))) == pieces


def test_without_its_pieces_an_expression_is_not_tried() -> None:
    one = gated("мой номер")
    assert one.search("вот мой номер")
    assert one.search("вот ваш номер") is None
    assert gate(re.compile("мой", re.IGNORECASE)) == ("",)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    chats = (chat_of(record) for record in records(*sorted(CORPUS.glob("*.jsonl"))))
    return [message.text.lower() for chat in chats for message in chat.messages]


@pytest.mark.parametrize("cue", [*BEFORE, *AFTER], ids=lambda cue: cue.rule)
def test_no_gate_hides_a_match_in_any_line_of_the_corpus(cue: Cue, lines: list[str]) -> None:
    assert not [line for line in lines if not has_any(line, cue.gate) and cue.pattern.search(line)]


@given(st.data())
def test_no_gate_hides_what_its_expression_makes_up(data: st.DataObject) -> None:
    cue = data.draw(st.sampled_from([*BEFORE, *AFTER]))
    text = data.draw(st.from_regex(cue.pattern))
    assert has_any(text, cue.gate)


@pytest.mark.parametrize(
    ("source", "may"),
    [
        ("call me", True), ("мой номер", False), ("call|мой", True), ("(?:позвоните )?at", True), ("(?:вам ){1,2}at", False),
        ("[а-яё]{2,4}", False), ("[а-яё]{0,4}", True), ("[а-яa-z]", True), ("[^a]", True), (r"[\dя]", True), (r"\w+", True),
        ("(?<!вам )at", True), ("(?=вам)", False), ("(?!вам)", True), ("(?>вам)", False), ("(?i:вам)", True), (".", True),
        ("é", False), ("a*+é++", False),
    ],
)  # fmt: skip
def test_what_no_ascii_text_can_hold_is_read_from_the_expression(source: str, may: bool) -> None:
    assert matches_ascii(source) is may


def test_in_ascii_the_cues_say_the_same_without_what_cannot_match_there(lines: list[str]) -> None:
    whole, short = {}, {}
    for seen, cues in ((whole, [*BEFORE, *AFTER]), (short, for_ascii([*BEFORE, *AFTER]))):
        for line in filter(str.isascii, lines):
            seen[line] = [(cue.rule, cue.strength, hit.span()) for cue in cues for hit in cue.pattern.finditer(line)]
    assert short == whole
    assert sum(map(bool, whole.values())) > 100
    assert sum(len(cue.pattern.pattern) for cue in for_ascii(BEFORE)) * 2 < sum(len(cue.pattern.pattern) for cue in BEFORE)


#: cues that an ASCII text may match, and each as it is searched in one
SHORTENED = [(cue, short) for cue in (*BEFORE, *AFTER) for short in for_ascii([cue])]


@given(st.data())
def test_so_they_do_in_what_an_expression_makes_up(data: st.DataObject) -> None:
    cue, short = data.draw(st.sampled_from(SHORTENED))
    text = data.draw(st.from_regex(cue.pattern, alphabet=st.characters(codec="ascii")))
    assert [hit.span() for hit in short.pattern.finditer(text)] == [hit.span() for hit in cue.pattern.finditer(text)]
