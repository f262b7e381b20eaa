from __future__ import annotations

from typing import Any

import pytest
from crm_materials import LEAST, crm

from bridge.mapping.in_scope import asked, strangers
from bridge.mapping.language.expressions import Expression

FIND = LEAST["find"]
MARKER = {"kind": "field", "get": "/n", "records": "list", "text": "text", "id": "id"}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("phone", ["phone"]),
        ("visitor.name || note.title", ["visitor.name", "note.title"]),
        ("visitor.fields.city", ["visitor.fields"]),
        ("phones[0]", ["phones"]),
        ("phones[?contains(@, '7')].x", ["phones"]),
        ("map(&value, record.phones)", ["record.phones"]),
        ("record.emails[].{a: b}", ["record.emails"]),
        ("{a: chat.url, b: ['x', deal.id]}", ["chat.url", "deal.id"]),
        ("to_string(item) | trim(@)", ["item"]),
        ("`5`", []),
    ],
)
def test_what_an_expression_asks_of_the_whole_scope(expression: str, names: list[str]) -> None:
    found = [one.name if one.member is None else f"{one.name}.{one.member}" for one in asked(Expression(expression).tree)]
    assert [".".join(name.split(".")[:2]) for name in found] == names


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"find": {**FIND, "query": {"q": "{emial}"}}}, "emial: nothing is called emial here (did you mean email?)"),
        ({"find": {**FIND, "each": "variants(phon, ['e164'])"}}, "nothing is called phon here (did you mean phone?)"),
        ({"card_url": "{target.url}/{contact.id}"}, "nothing is called contact here"),
        ({"card_url": "{target.urll}/{client.id}"}, "target has no urll (did you mean url?)"),
        ({"create": {**LEAST["create"], "json": {"name": "{visitor.lastname}"}}}, "(did you mean last_name?)"),
        ({"note": {**LEAST["note"], "json": {"text": "{note.txt}"}}}, "note has no txt (did you mean text?)"),
        ({"note": {**LEAST["note"], "headers": {"X": "{phone}"}}}, "nothing is called phone here (did you mean phones?)"),
        ({"enrich": {"patch": "/c", "json": {"p": "{new.phone}"}, "phones": {"how": "add", "read": "phones"}}},
         "new has no phone (did you mean phones?)"),
        ({"enrich": {"patch": "/c", "json": {"c": "{new.city}"}, "fields": {"city": {"read": "city", "value": "visiter.city"}}}},
         "nothing is called visiter here (did you mean visitor?)"),
        ({"note": {**LEAST["note"], "marker": {**MARKER, "query": {"word": "x"}}}}, "does not name it: write {marker}"),
        ({"entities": {"lead": {"title": "Lead", "card_url": "{clent.id}"}}}, "(did you mean client?)"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_told_with_the_one_that_was_meant(keys: dict[str, Any], says: str) -> None:
    [(_, text)] = strangers(crm(**keys))
    assert says in text


@pytest.mark.parametrize(
    "keys",
    [
        {"find": {**FIND, "then": {"get": "/c", "query": {"ids": "{ids}"}, "records": "list"}}},
        {"options": {"portal": {"about": "T"}}, "card_url": "{target.portal}/{client.id}"},
        {"owner": {"get": "/u", "query": {"mail": "{email}"}, "records": "list", "id": "id"}},
        {"enrich": {"patch": "/c", "json": {"c": "{new.city}"}, "fields": {"city": {"read": "city", "value": "visitor.city"}}}},
        {"note": {**LEAST["note"], "marker": {**MARKER, "query": {"word": "{marker}"}}}},
        {"note": {**LEAST["note"], "marker": {**MARKER, "kind": "scan", "at": "at", "query": {"client": "{client.id}"}}}},
        {"create": {**LEAST["create"], "json": {"city": "{visitor.fields.city}", "utm": "{utm.source}"}}},
    ],
)
def test_what_is_there_is_not_told(keys: dict[str, Any]) -> None:
    assert list(strangers(crm(**keys))) == []
