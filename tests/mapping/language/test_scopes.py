from __future__ import annotations

from typing import Any

import pytest

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.scopes import Scope, item_scope, narrowed, provider_scope, split_scope

PAYLOAD: dict[str, Any] = {
    "source": "widget",
    "agents": [{"id": 5, "name": "Ann"}],
    "entry": [{"id": "e1", "changes": [{"value": {"messages": [{"id": "m1", "author": "5", "root": "own", "parent": "own"}]}}]}],
}


def test_the_payloads_keys_and_our_names_are_in_scope() -> None:
    scope = provider_scope(PAYLOAD, headers={"x-event": "e"}, query={"q": "1"}, source={"name": "shop"}, fetched={"f": 1})
    for source, value in [
        ("agents[0].name", "Ann"),
        ("root.source", "widget"),
        ("source.name", "shop"),
        ('headers."x-event"', "e"),
        ("query.q", "1"),
        ("fetched.f", 1),
        ("match", {}),
        ("nothing", None),
    ]:
        assert Expression(source)(scope) == value


def test_an_item_has_its_own_keys_and_reaches_around() -> None:
    top = provider_scope(PAYLOAD, headers={"h": "1"})
    entry = item_scope(PAYLOAD["entry"][0], top)
    message = item_scope(PAYLOAD["entry"][0]["changes"][0]["value"]["messages"][0], entry)
    for source, value in [
        ("id", "m1"),
        ("parent.id", "e1"),
        ("parent.parent.headers.h", "1"),
        ("item.root", "own"),
        ("item.parent", "own"),
        ("root.source", "widget"),
        ("lookup(root.agents, 'id', author).name", "Ann"),
        ("@.id", "m1"),
        ("source", None),
    ]:
        assert Expression(source)(message) == value


def test_a_single_value_sees_what_is_around_it() -> None:
    scope = item_scope("+7916", {"phone": "8916", "target": {"url": "u"}})
    assert Expression("item")(scope) == "+7916"
    assert Expression("@")(scope) == "+7916"
    assert Expression("target.url")(scope) == "u"


def test_an_object_does_not_see_names_that_are_not_its_own() -> None:
    assert Expression("owner")(item_scope({"id": 1}, {"owner": "strangers"})) is None


def test_in_puts_another_object_in_the_payloads_place() -> None:
    scope = narrowed(provider_scope({"data": {"id": 1}}, headers={"h": "1"}), {"id": 1})
    assert [Expression(source)(scope) for source in ("id", "headers.h", "root.data.id")] == [1, "1", 1]
    assert Expression("root.a")(narrowed({"a": 1}, {"b": 2})) == 1


def test_a_split_event_keeps_our_names() -> None:
    top = provider_scope({"entry": [{"id": 1}]}, headers={"h": "1"}, fetched={"x": 2})
    scope = split_scope({"id": 1, "headers": "own"}, top)
    assert [Expression(source)(scope) for source in ("id", "headers.h", "fetched.x", "parent.entry[0].id", "item.headers")] == [
        1,
        "1",
        2,
        1,
        "own",
    ]


def test_a_list_payload_is_reached_by_its_index() -> None:
    assert Expression("[1].a")(provider_scope([{"a": 0}, {"a": 1}])) == 1
    assert Expression("[].a")(provider_scope([{"a": 0}, {"a": 1}])) == [0, 1]
    assert Expression("[?a == `1`] | [0].a")(provider_scope([{"a": 0}, {"a": 1}])) == 1


def test_a_scope_is_a_mapping_like_any_other() -> None:
    scope = item_scope({"a": 1, "item": 2}, {"z": 3})
    assert dict(scope)["a"] == 1
    assert len(scope) == len(list(scope)) == 4
    assert "a" in scope
    assert "z" not in scope
    assert scope["a"] == 1
    with pytest.raises(KeyError):
        scope["z"]


def test_a_scope_does_not_show_people_in_a_traceback() -> None:
    assert "916" not in repr(provider_scope({"phone": "+7916"}))


def test_joins_of_one_payload_share_their_index() -> None:
    top = provider_scope({"users": [{"id": number} for number in range(100)], "messages": [{"by": 7}, {"by": 8}]})
    for message in top["messages"]:
        assert Expression("lookup(root.users, 'id', by).id")(item_scope(message, top)) == message["by"]
    assert len(top.memo) == 1
    assert isinstance(top, Scope)


def test_the_root_may_be_given() -> None:
    assert Expression("root.a")(item_scope({"x": 1}, {"root": {"a": 1}}, {"a": 2})) == 2
    assert Expression("root.a")(item_scope({"x": 1}, {"root": {"a": 1}})) == 1
