"""YAML without surprises."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import ConfigError, MappingError
from bridge.mapping.strict import read


def value(text: str, **options: Any) -> Any:
    return read(text, "m.yaml", **options).value


def test_text_stays_text() -> None:
    assert value("a: no\nb: 12:30\nc: +79161234567\nd: 0123\ne: 5\nf: true\ng: 2026-11-21\nh: 1e3\nj: 0x10\n") == {
        "a": "no",
        "b": "12:30",
        "c": "+79161234567",
        "d": "0123",
        "e": "5",
        "f": "true",
        "g": "2026-11-21",
        "h": "1e3",
        "j": "0x10",
    }


def test_keys_are_text() -> None:
    assert value("roles: {0: visitor, 1: operator, true: internal, false: system, no: bot, on: x}") == {
        "roles": {"0": "visitor", "1": "operator", "true": "internal", "false": "system", "no": "bot", "on": "x"},
    }


def test_below_json_constants_are_jsons() -> None:
    assert value(
        "json: {a: true, b: 5, c: -1.5, d: null, e: 'true', f: 0123, g: no, h: +7, i: [false, 1]}\nquery: {a: true}"
    ) == {
        "json": {"a": True, "b": 5, "c": -1.5, "d": None, "e": "true", "f": "0123", "g": "no", "h": "+7", "i": [False, 1]},
        "query": {"a": "true"},
    }
    assert value("chat: {n: 5}\njson: {n: 5}", resolve_below=("chat",)) == {"chat": {"n": 5}, "json": {"n": "5"}}


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a: b\na: c", "2:1", "the key 'a' stands here twice; the first is on line 1"),
        ("x:\n  a: 1\n  a: 2", "3:3", "twice"),
        ("a: &x b", "1:4", "&x: names for values"),
        ("a: b\nc: *x", "2:4", r"\*x: repetition by name"),
        ("a: !!int 5", "1:4", r"tags \(!\)"),
        ("a: !x b", "1:4", "tags"),
        ("value: {client.name}", "1:8", r"quote it: '\{client.name\}'"),
        ("json:\n  a: {b}", "2:6", r"quote it: '\{b\}'"),
        ("a: {b, c}", "1:4", "quote it"),
        ("? [a]\n: b", "1:1", "a key must be plain text"),
        ("a: {{name}}", "1:4", "quoted"),
        ("a: b\n---\nc: d", "2:1", "a second document"),
        ("a: [b", "1:", "YAML"),
        ("records: @", "1:10", "quote the value"),
        ("when: `x`", "1:7", "quote the value"),
        ("a: 'x' == b", "1:8", "quote the value"),
        ("a: %x", "1:4", "quote the value"),
        ("a:\n\tb: c", "2:1", "not with tabs"),
        ("a: b: c", "1:5", "look at the indentation"),
        ("a: b\n c: d", "2:3", "look at the indentation"),
        ("{get: /a/{id}}", "1:", "quote"),
    ],
)
def test_what_yaml_would_do_silently_is_an_error_with_its_place(text: str, place: str, says: str) -> None:
    with pytest.raises(MappingError, match=says) as caught:
        read(text, "m.yaml")
    assert caught.value.message.startswith(f"m.yaml:{place}")


def test_an_object_in_flow_style_is_still_possible() -> None:
    assert value("a: {b: c, d: [e, f]}\nh: {i: ''}") == {"a": {"b": "c", "d": ["e", "f"]}, "h": {"i": ""}}


def test_places_are_known() -> None:
    document = read("a:\n  - b: 'xyz'\n  - |\n    lines\n", "m.yaml")
    assert str(document.where(("a", 0, "b"))) == "m.yaml:2:8"
    assert str(document.where(("a", 0, "b"), key=True)) == "m.yaml:2:5"
    assert str(document.where(("a", "no", 0, "such"))) == "m.yaml:2:5"
    assert str(document.inside(("a", 0, "b"), 2)) == "m.yaml:2:11"
    assert str(document.inside(("a", 1), 2)) == "m.yaml:3:5"
    assert str(document.where(("nothing",))) == "m.yaml:1:1"


def test_keys_without_a_value_are_remembered() -> None:
    document = read("a:\nb: ~\nc: ''\n", "m.yaml")
    assert document.value == {"a": None, "b": None, "c": ""}
    assert document.blank == {("a",), ("b",)}


def test_null_is_no_value_however_it_is_written_and_the_word_is_quoted() -> None:
    document = read("a: null\nb: [Null, x]\nc: {d: NULL}\ne: 'null'\nf: nullify\njson: null\n", "m.yaml")
    assert document.value == {"a": None, "b": [None, "x"], "c": {"d": None}, "e": "null", "f": "nullify", "json": None}
    assert document.blank == {("a",), ("b", 0), ("c", "d"), ("json",)}
    assert read("json: {a: null, b: [null]}", "m.yaml").blank == set()


@pytest.mark.parametrize("written", ["75e28846", "1e3", "-2E5", "1.5e2", "9" * 41, "0.1e400"])
def test_what_only_looks_like_a_number_stays_text_below_json_too(written: str) -> None:
    assert value(f"json: {{id: {written}}}") == {"json": {"id": written}}


def test_an_empty_file_is_nothing() -> None:
    assert value("") is None
    assert value("# only a remark\n") is None


def test_control_characters_and_great_depth_are_refused() -> None:
    with pytest.raises(MappingError, match="no YAML text"):
        read("a: \x00", "m.yaml")
    with pytest.raises(MappingError, match="nested too deeply"):
        read("[" * 100 + "]" * 100, "m.yaml")
    with pytest.raises(MappingError, match="larger than"):
        read("a" * 2_000_001, "m.yaml")


def test_whoever_reads_chooses_the_error() -> None:
    with pytest.raises(ConfigError) as caught:
        read("a: b\na: c", "config.yaml", error=ConfigError)
    assert type(caught.value) is ConfigError
