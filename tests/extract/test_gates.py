from __future__ import annotations

import re

import pytest
from chat_corpus import CORPUS, chat_of, records
from hypothesis import given
from hypothesis import strategies as st

from bridge.extract.after import AFTER
from bridge.extract.before import BEFORE
from bridge.extract.cues import Cue
from bridge.extract.gates import gate, gated
from bridge.extract.patterns import has_any


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
