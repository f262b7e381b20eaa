from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from bridge.mapping.explain import sentences
from bridge.mapping.strict import read


class Inner(BaseModel):
    flag: bool = False
    ratio: float = 0.0
    name: str = Field(default="x", min_length=1)


class Outer(BaseModel):
    kind: Literal["a", "b"] = "a"
    inner: Inner = Inner()
    either: Inner | list[Inner] | None = None
    count: int = Field(default=1, gt=0)
    least: int = Field(default=1, ge=1)
    several: list[int] = Field(default_factory=list, min_length=0)
    word: str = Field(default="x", pattern="^x+$")


def explained(text: str) -> list[str]:
    document = read(text, "f.yaml")
    try:
        Outer.model_validate(document.value)
    except ValidationError as problem:
        return sentences(problem, document)
    return []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: c", "f.yaml:1:7: kind: 'c' is not one of 'a' or 'b'"),
        ("inner:\n  flag: maybe", "f.yaml:2:9: inner.flag: true or false is expected here, not 'maybe'"),
        ("inner:\n  ratio: x", "f.yaml:2:10: inner.ratio: a number is expected here, not 'x'"),
        ("inner: text", "f.yaml:1:8: inner: an object (names with values) is expected here, not 'text'"),
        ("inner:\n  name: ''", "f.yaml:2:9: inner.name: the text is empty; write it or remove the key"),
        ("inner: [a]", "f.yaml:1:8: inner: an object (names with values) is expected here, not a list"),
        ("count: 0", "f.yaml:1:8: count: it must be more than 0"),
        ("least: 0", "f.yaml:1:8: least: it must be 1 or more"),
        ("count: many", "f.yaml:1:8: count: a whole number is expected here, not 'many'"),
        ("several: 5", "f.yaml:1:10: several: a list is expected here, not '5'"),
        ("word: y", "f.yaml:1:7: word: 'y' is not written right; it has to look like ^x+$"),
        ("kind:", "f.yaml:1:6: kind: there is no value; write one or remove the key"),
        ("word: {a: b}", "f.yaml:1:7: word: text is expected here, not an object; if it begins with [ or {, quote it: '…'"),
    ],
)
def test_each_kind_of_problem_in_words(text: str, sentence: str) -> None:
    assert sentence in explained(text)


def test_parts_of_the_place_that_the_file_has_not_got_are_passed_over() -> None:
    assert "f.yaml:2:9: either.flag: true or false is expected here, not 'maybe'" in explained("either:\n  flag: maybe")


def test_a_long_value_is_cut() -> None:
    assert explained(f"count: {'x' * 200}")[0].endswith("…")


def test_what_is_right_has_no_sentences() -> None:
    assert explained("kind: a") == []


def test_a_value_that_is_no_text_is_named_by_its_kind() -> None:
    document = read("a: b", "f.yaml")
    data: dict[str, Any] = {"kind": ["a"], "count": {"x": 1}}
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    found = sentences(caught.value, document)
    assert any("a list is not one of" in text for text in found)
    assert any("a whole number is expected here, not an object" in text for text in found)
