"""Functions that are written line by line."""

from __future__ import annotations

from bridge.mapping.language.python_code import Body, Code


def test_a_function_knows_values_by_names_and_other_functions_by_theirs() -> None:
    code = Code({"given": 40})
    inner, body = Body(code), Body(code)
    inner.line(f"return given + {code.knows(2)}")
    with body.block("if True:"):
        found = body.variable(f"{code.function('', inner)}()")
    body.line(f"return {found}, {code.knows(None)}")
    assert code.made("answer", "", body)() == (42, None)
