from __future__ import annotations

import pytest
from desk import EMAIL, PHONE, dialogue
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import ContactPoint, PointKind
from bridge.report.trace import marked as module
from bridge.report.trace.marked import conversation, pieces


def point(begin: int, end: int) -> ContactPoint:
    return ContactPoint(kind=PointKind.PHONE, value="+79161234567", as_written="x", message=0, span=(begin, end))


def cut(text: str, points: list[tuple[int, int]], hidden: list[tuple[int, int]] | None = None) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in pieces(text, [point(*span) for span in points], hidden or [])]


def test_contacts_are_marked_where_they_stand() -> None:
    found = conversation(dialogue(), None)
    marked = [(line.number, piece.text) for line in found.lines for piece in line.pieces if piece.kind == "point"]
    assert marked == [(1, PHONE), (3, EMAIL)]
    assert not found.failed


def test_somebody_elses_contact_is_marked_as_such() -> None:
    found = conversation(dialogue("позвоните мужу +7 916 123-45-67"), None)
    marks = [(piece.text, piece.point.claim) for line in found.lines for piece in line.pieces if piece.point]
    assert marks == [("+7 916 123-45-67", "other")]


def test_a_text_is_cut_at_its_marks() -> None:
    assert cut("ab12cd34", [(6, 8), (2, 4)]) == [("text", "ab"), ("point", "12"), ("text", "cd"), ("point", "34")]
    assert cut("12", [(0, 2)]) == [("point", "12")]
    assert cut("", []) == []


def test_what_is_hidden_wins_over_what_was_found_in_it() -> None:
    assert cut("card 4111 end", [(5, 9)], [(5, 9)]) == [("text", "card "), ("hidden", "••••"), ("text", " end")]
    assert cut("4111 1111", [(0, 6)], [(5, 9)]) == [("text", "4111 "), ("hidden", "••••")]


spans = st.lists(st.tuples(st.integers(-3, 30), st.integers(-3, 30)), max_size=6)


@given(st.text(max_size=20), spans, spans)
def test_no_mark_ever_loses_or_doubles_text(text: str, points: list[tuple[int, int]], hidden: list[tuple[int, int]]) -> None:
    found = cut(text, [one for one in points if one[0] >= 0], [one for one in hidden if one[0] >= 0])
    assert sum(len(piece) for _, piece in found) == len(text)
    at = 0
    for kind, piece in found:
        assert kind == "hidden" or text[at : at + len(piece)] == piece
        at += len(piece)


def test_a_fault_in_the_extraction_leaves_the_chat_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **more: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "contact_points", broken)
    found = conversation(dialogue("Здравствуйте"), None)
    assert found.failed
    assert [piece.text for line in found.lines for piece in line.pieces] == ["Здравствуйте"]
