"""What is legal and wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import pytest

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.scopes import provider_scope
from bridge.mapping.lint import Watch, lint, traps
from bridge.mapping.load import available, load
from bridge.mapping.schema.provider import ProviderMapping

WRONG = [
    ('status == "resolved"', "text is 'resolved'"),
    ("\"status\" == 'resolved'", "is the name of a field"),
    ('"plain".x', "can be written plainly"),
    ("closed == true", "backticks"),
    ("x != null", "backticks"),
    ("!m[?role == 'operator']", r"write !\(…\)"),
    ("!m[0].x", r"write !\(…\)"),
    ("users[?type == 'c'][0]", r"write \(list\[\?…\]\)\[0\]"),
    ("users[?type == 'c'][0].name", r"write \(list\[\?…\]\)\[0\]"),
    ("m[?id == root.x]", "`root` ends"),
    ("m[].{r: root.x}", "`root` ends"),
    ("m[*].[root.x]", "`root` ends"),
    ("m | root.x", "`root` ends"),
    ("a.{r: root.x}", "`root` ends"),
    ("sort_by(m, &root.x)", "`root` ends"),
    ("type == 'text' && content", r"choose\(condition, value\)"),
    ("phones && {a: b}", "choose"),
    ("{x: a && b}", "choose"),
    ("lower(a && b)", "choose"),
    ("a || `false`", "not_null"),
    ("a || b | [0]", "the pipe takes everything"),
    ("[a || b | [0]]", "the pipe takes everything"),
    ("not_null(a, b)", "takes '' for a value"),
    ("variants(phone, ['e164', 'trunkk'])", "no form 'trunkk'; there are: e164"),
    ("escape(note.title, 'htm')", "no escaping 'htm'"),
    ("iso(chat.ended_at, 'Europe/Moskow')", "no time zone 'Europe/Moskow'"),
    ("object.*", "order in which they were sent"),
]
RIGHT = [
    "status == 'resolved'",
    "headers.\"x-event\" == 'a'",
    "get(p, 'x').\"a b\"",
    "closed == `true`",
    "closed",
    "!x",
    "!(m[?role == 'operator'])",
    "(users[?type == 'c'])[0]",
    "users[?type == 'c'] | [0]",
    "users[?type == 'c'].names[0]",
    "m[0][1]",
    "lookup(root.users, 'id', id)",
    "root.users[?id == 'x']",
    "m[?a && b].x",
    "choose(a && b, x)",
    "!(a && b) || c",
    "a || 'x'",
    "a || `0`",
    "(a || b) | [0]",
    "[a || b, c | [0]]",
    "f[?a | [0]]",
    "not_null(a, `false`)",
    "merge(object)",
    "item.root",
    "!m[*].x",
    "m[*].root.x",
    "m[].{r: parent.x}",
]


@pytest.mark.parametrize(("source", "says"), WRONG)
def test_traps_are_found_and_the_remedy_named(source: str, says: str) -> None:
    found = traps(Expression(source))
    assert any(re.search(says, text) for _, text in found), found


@pytest.mark.parametrize("source", RIGHT)
def test_what_is_right_is_left_alone(source: str) -> None:
    assert traps(Expression(source)) == []


def test_and_is_right_where_only_truth_is_asked_for() -> None:
    assert traps(Expression("a == 'x' && b"), condition=True) == []
    assert traps(Expression("a || `false`"), condition=True) == []
    assert traps(Expression("[a && b]"), condition=True) != []


def test_most_traps_are_errors_and_some_are_for_a_person_to_judge() -> None:
    assert [level for level, _ in traps(Expression("closed == true"))] == ["error"]
    assert [level for level, _ in traps(Expression("object.*"))] == ["warning"]


@pytest.mark.parametrize("kind", ["provider", "crm"])
def test_shipped_mappings_fall_into_no_trap(kind: str) -> None:
    for name in available(kind):  # type: ignore[arg-type] # parametrised by text
        loaded = load(kind, name)  # type: ignore[arg-type] # parametrised by text
        assert [str(remark) for remark in lint(loaded.mapping, loaded.document) if remark.level == "error"] == []


MAPPING = """\
mapping_language: 1
title: Mine
verify: {scheme: none}
at: event
events:
  end:
    - when: 'status == "done"'
      as: chat_finished
    - when: state == 'x'
      skip: of no interest
  other:
    skip: never sent
dedupe: id
fields:
  chat_id: chat.id
  visitor.name: visitor.nmae
  topic: '{topic: a && b}'
"""


def test_remarks_stand_in_the_order_of_the_file_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    loaded = load("provider", path)
    sent = "&& gives false where its left side is false, and that is sent; write choose(condition, value)"
    assert [str(remark) for remark in lint(loaded.mapping, loaded.document)] == [
        f"{path}:7:13: error: events.end.0.when: \"done\" is the name of a field; text is 'done'",
        f"{path}:17:10: error: fields.topic: {sent}",
    ]


def test_what_the_samples_do_not_show_is_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    loaded = load("provider", path)
    mapping = cast("ProviderMapping", loaded.mapping)
    before = [place.expression.evaluate for place in Watch(mapping).places.values()]
    with Watch(mapping) as watch:
        for number in (1, 2):
            scope = provider_scope(
                {
                    "event": "end",
                    "status": "done",
                    "id": number,
                    "chat": {"id": number},
                    "visitor": {"name": "Ann"},
                    "a": 1,
                    "b": 2,
                }
            )
            assert mapping.at is not None
            mapping.at(scope)
            [expression(scope) for expression in mapping.dedupe]
            [expression(scope) for expression in mapping.fields.values()]
            state = mapping.events["end"][0].when
            assert state is not None
            assert not state(scope)
    assert [(remark.mark.line, remark.level, remark.text) for remark in watch.remarks(loaded.document)] == [
        (7, "warning", 'status == "done" is never true in the samples'),
        (9, "warning", "no sample gets as far as this: state == 'x'"),
        (16, "warning", "visitor.nmae is empty in every sample; is the path right?"),
    ]
    assert [place.expression.evaluate for place in Watch(mapping).places.values()] == before


def test_a_condition_that_is_always_true_is_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    loaded = load("provider", path)
    when = cast("ProviderMapping", loaded.mapping).events["end"][1].when
    assert when is not None
    with Watch(loaded.mapping) as watch:
        when({"state": "x"})
    assert "state == 'x' is always true in the samples" in [remark.text for remark in watch.remarks(loaded.document)]


def test_an_expression_in_a_path_is_watched_as_any_other() -> None:
    loaded = load("provider", Path(__file__).parents[2] / "mappings" / "providers" / "chatwoot.yaml")
    mapping = loaded.mapping
    assert isinstance(mapping, ProviderMapping)
    path = mapping.fetch["messages"].path
    assert path is not None
    with Watch(mapping) as watch:
        path.fill({"account": {"id": 1}, "id": 412})
    assert [remark for remark in watch.remarks(loaded.document) if remark.name == "fetch.messages.get"] == []
