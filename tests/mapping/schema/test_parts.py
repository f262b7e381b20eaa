from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from bridge.mapping.schema.parts import BothLanguages, CrmScale, Duration, OneOrMany, Part, ProviderScale, seconds


class Example(Part):
    wait: Duration = 0.0
    words: BothLanguages | None = None
    several: Annotated[tuple[int, ...], OneOrMany] = ()
    scale: ProviderScale = Field(default_factory=dict)
    other: CrmScale = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("10 min", 600),
        ("24h", 86400),
        ("7 days", 604800),
        (" 1 m ", 60),
        (5, 5),
        (0.5, 0.5),
    ],
)
def test_durations_carry_their_unit(written: Any, value: float) -> None:
    assert seconds(written) == value
    assert Example.model_validate({"wait": written}).wait == value


@pytest.mark.parametrize("wrong", ["5", "1.5 parsecs", "", "-1s", None, True, ["1s"], "s"])
def test_what_is_no_duration_says_how_one_looks(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="is not a length of time; write a number and a unit"):
        Example.model_validate({"wait": wrong})


def test_one_thing_is_as_good_as_a_list_of_it() -> None:
    assert Example.model_validate({"several": "5"}).several == (5,)
    assert Example.model_validate({"several": ["5", "6"]}).several == (5, 6)


def test_words_may_be_the_same_in_both_languages() -> None:
    one = Example.model_validate({"words": "API"}).words
    assert one is not None
    assert (one.en, one.ru) == ("API", "API")
    with pytest.raises(ValidationError, match="ru"):
        Example.model_validate({"words": {"en": "x"}})


def test_grades_are_read_in_each_of_their_spellings() -> None:
    scale = Example.model_validate(
        {
            "scale": {
                "captured": "done",
                "authentic": "todo: nobody has a sample",
                "rotation": {"exempt": "one secret only"},
                "page": "exempt: no: page",
            }
        }
    ).scale
    assert {name: (grade.state, grade.why) for name, grade in scale.items()} == {
        "captured": ("done", ""),
        "authentic": ("todo", "nobody has a sample"),
        "rotation": ("exempt", "one secret only"),
        "page": ("exempt", "no: page"),
    }


def test_a_rule_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(ValidationError, match="no quality rule 'formats'; the rules are: captured"):
        Example.model_validate({"scale": {"formats": "done"}})
    with pytest.raises(ValidationError, match="done"):
        Example.model_validate({"other": {"formats": "finished"}})


@pytest.mark.parametrize("wrong", ["done", ["done"], {"captured": ["done"]}])
def test_a_scale_of_another_shape_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Example.model_validate({"scale": wrong})


def test_an_unknown_key_lists_the_known_ones_and_suggests_the_nearest() -> None:
    with pytest.raises(
        ValidationError, match=r"there is no key 'wiat' here \(did you mean wait\?\); the keys are: wait, words, several"
    ):
        Example.model_validate({"wiat": "1s"})
    with pytest.raises(ValidationError):
        Example.model_validate("text")


def test_parts_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example().wait = 1.0  # type: ignore[misc]
