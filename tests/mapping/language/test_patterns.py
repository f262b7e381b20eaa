from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from bridge.mapping.language.patterns import Pattern, PatternProblem


def test_named_groups_of_the_first_hit() -> None:
    pattern = Pattern(r"Existing ID: (?P<id>\d+)")
    assert pattern.search("Contact already exists. Existing ID: 6001. Existing ID: 7") == {"id": "6001"}
    assert pattern.search("nothing") is None
    assert pattern.groups == {"id"}


@pytest.mark.parametrize("data", [None, 5, [], {"a": "Existing ID: 1"}])
def test_what_is_no_text_has_no_hit(data: object) -> None:
    assert Pattern(r"\d").search(data) is None
    assert Pattern(r"\d").fullmatch(data) is False


def test_only_the_first_8_kb_are_looked_at() -> None:
    assert Pattern("x").search("a" * 8191 + "x") == {}
    assert Pattern("x").search("a" * 8192 + "x") is None
    assert not Pattern("[a]*").fullmatch("a" * 8193)


@pytest.mark.parametrize(("name", "fits"), [("V1561719148780935", True), ("V15", False), ("xV1561719148780935", False)])
def test_a_placeholder_has_to_fit_as_a_whole(name: str, fits: bool) -> None:
    assert Pattern(r"V\d{9,}").fullmatch(name) is fits


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (r"(a+)+b", "for ever"),
        ("x" * 201, "at most 200"),
        ("(", "no regular expression"),
        (r"(?P<1>a)", "no regular expression"),
        ("a{99999999999}", "no regular expression"),
    ],
)
def test_what_cannot_be_used_says_why(source: str, message: str) -> None:
    with pytest.raises(PatternProblem, match=message):
        Pattern(source)


class Model(BaseModel):
    value: Pattern


def test_pydantic_reads_and_writes_them_as_text() -> None:
    assert Model.model_validate({"value": "^a$"}).model_dump() == {"value": "^a$"}
    assert Model(value=Pattern("^a$")) == Model.model_validate({"value": "^a$"})
    assert len({Pattern("a"), Pattern("a")}) == 1
    assert repr(Pattern("a")) == "Pattern('a')"
    for wrong in (["a"], "("):
        with pytest.raises(ValidationError):
            Model.model_validate({"value": wrong})
