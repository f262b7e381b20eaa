from __future__ import annotations

import pytest

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.template_text import BRACES, CHEVRONS, TemplateProblem, by_line, pieces


def test_a_text_is_taken_apart_into_fixed_parts_and_expressions() -> None:
    assert pieces("a{b}c{{d}}", BRACES) == ("a", Expression("b"), "c{d}")
    assert pieces("", BRACES) == ("",)
    assert pieces("{a}{b}", BRACES) == (Expression("a"), Expression("b"))
    assert pieces("{x} << a >>}", CHEVRONS) == ("{x} ", Expression("a"), "}")


@pytest.mark.parametrize(("text", "at"), [("ab{c", 2), ("ab}", 2), ("a{b..c}", 4), ("{ x y}", 4), ("{'a}", 0)])
def test_a_problem_knows_its_place(text: str, at: int) -> None:
    with pytest.raises(TemplateProblem) as caught:
        pieces(text, BRACES)
    assert caught.value.at == at


def test_expressions_stay_on_their_line() -> None:
    lines = by_line(pieces("a {b}\n{c}\n", BRACES))
    assert [[piece for piece in line if piece] for line in lines] == [["a ", Expression("b")], [Expression("c")], []]
