from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config.document import Draft, Missing, read
from bridge.config.references import References
from bridge.config.values import Revealed
from bridge.errors import ConfigError


def draft(text: str, *, example: bool = False, **environ: str) -> Draft:
    return read(text, "config.yaml", References(environ, Path("/nowhere")), resolve_below={"free"}, example=example)


def test_references_are_filled_wherever_a_value_stands() -> None:
    value = draft("a: {b: [x, ${C}]}\nd: 'it is ${C}'\n", C="c").value
    assert value == {"a": {"b": ["x", "c"]}, "d": "it is c"}
    assert isinstance(value["a"]["b"][1], Revealed)


def test_a_value_keeps_its_kind_below_the_free_keys_alone() -> None:
    assert draft("a: 1\nfree: {b: 1, c: '1', d: [true, null, 0123]}\n").value == {
        "a": "1", "free": {"b": 1, "c": "1", "d": [True, None, "0123"]},
    }  # fmt: skip


def test_a_reference_that_leads_nowhere_is_reported_and_marked() -> None:
    found = draft("a: [${B}]\n")
    assert isinstance(found.value["a"][0], Missing)
    with pytest.raises(ConfigError, match=r"^config.yaml:1:5: a.0: the environment variable B is not set"):
        found.raise_if_wrong()


def test_what_is_wrong_is_said_in_the_files_order_each_thing_once() -> None:
    found = draft("a: 1\nb: 2\n")
    for key, message in (("b", "late"), ("a", "early"), ("b", "late")):
        found.report((key,), message)
    with pytest.raises(ConfigError) as caught:
        found.raise_if_wrong()
    assert str(caught.value) == "config.yaml:1:1: a: early\nconfig.yaml:2:1: b: late"


def test_nothing_wrong_is_nothing_raised() -> None:
    draft("a: 1\n").raise_if_wrong()


def test_a_place_that_is_not_there_is_the_place_it_should_stand_in() -> None:
    found = draft("a:\n  b: 1\n")
    assert found.place(("a", "b")) == "config.yaml:2:3"
    assert found.place(("a", "x", "y")) == "config.yaml:1:1"
    assert found.has(("a", "b"))
    assert not found.has(("a", "x"))


def test_placeholders_may_stay_in_the_example() -> None:
    text = "url: https://crm.example.com\n"
    assert draft(text, example=True).problems == []
    (message,) = [message for *_, message in draft(text).problems]
    assert message.startswith("config.yaml:1:1: url: 'https://crm.example.com' is a placeholder of the example; put your own in")


@pytest.mark.parametrize("text", ["https://www.firma-example.com", "counterexample.com", "https://exchange-me.ru"])
def test_a_name_that_only_looks_like_a_placeholder_is_let_through(text: str) -> None:
    assert draft(f"url: {text}\n").problems == []


@pytest.mark.parametrize(("text", "place"), [
    ("a: &x 1\n", "1:4"), ("a: 1\na: 2\n", "2:1"), ("a: !!str 1\n", "1:4"), ("a: {b\n", "1:4"), ("a: \ue000\n", " "),
])  # fmt: skip
def test_what_yaml_would_do_silently_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=f"^config.yaml:{place}"):
        draft(text)
