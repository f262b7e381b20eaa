from typing import Any

import pytest

from bridge.crm.merge import still_new, what_is_new, would_empty
from bridge.mapping.schema.writing import Enrich
from bridge.model import Client

A, B = "+79160000001", "+74950000002"


def new(record: dict[str, Any], rules: dict[str, Any], *, phones: tuple[str, ...] = (), emails: tuple[str, ...] = (),
        name: str | None = None, **scope: Any) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    enrich = Enrich.model_validate({"patch": "/x", **rules})
    return what_is_new(record, enrich, phones=phones, emails=emails, name=name, scope=scope)


LIST = {"phones": {"how": "add", "read": "phones"}, "emails": {"how": "add", "read": "emails"}}
OBJECTS = {
    "phones": {"how": "add", "send": "all", "read": "numbers", "element": {"value": "{item}", "kind": "work"}},
}


def test_only_what_is_not_there_is_added() -> None:
    record = {"phones": ["8 (912) 345-67-89"], "emails": ["Anna@Example.com"]}

    assert new(record, LIST, phones=("+79123456789", "+74951234567"), emails=("anna@example.com",)) == (
        {"phones": ["+74951234567"]}, [],
    )  # fmt: skip


def test_the_same_value_twice_is_added_once() -> None:
    assert new({}, LIST, phones=("+74951234567", "+74951234567"), emails=("a@b.c", "A@B.C")) == (
        {"phones": ["+74951234567"], "emails": ["a@b.c"]}, [],
    )  # fmt: skip


def test_a_list_that_is_replaced_goes_out_whole_with_its_elements_untouched() -> None:
    there = {"value": "8 912 345 67 89", "kind": "home", "id": 5}

    assert new({"numbers": [there]}, OBJECTS, phones=("+79123456789", "+74951234567")) == (
        {"phones": [there, {"value": "+74951234567", "kind": "work"}]}, [],
    )  # fmt: skip
    assert new({"numbers": [there]}, OBJECTS, phones=("+79123456789",)) == ({}, [])


def test_a_blank_is_filled_and_what_finds_no_room_is_told() -> None:
    rules = {"phones": {"how": "blank", "read": "[phone]"}}

    assert new({"phone": False}, rules, phones=(A, B)) == ({"phones": [A]}, [B])
    assert new({"phone": "+79990000003"}, rules, phones=(A,)) == ({}, [A])
    assert new({"phone": "8 916 000-00-01"}, rules, phones=(A,)) == ({}, [])


def test_columns_are_filled_from_the_first_blank_one() -> None:
    rules = {"phones": {"how": "add", "columns": ["Phone", "MobilePhone", "OtherPhone"]}}
    record = {"Phone": "+7 912 345-67-89", "MobilePhone": "", "OtherPhone": None}

    assert new(record, rules, phones=("+79123456789", "+74951111111", "+74952222222", "+74953333333")) == (
        {"phones": {"MobilePhone": "+74951111111", "OtherPhone": "+74952222222"}}, ["+74953333333"],
    )  # fmt: skip


def test_blank_columns_are_filled_only_if_all_are_blank() -> None:
    rules = {"phones": {"how": "blank", "columns": ["a", "b"]}}

    assert new({"a": "1234567", "b": None}, rules, phones=("+79160000000",)) == ({}, ["+79160000000"])
    assert new({"a": None, "b": ""}, rules, phones=("+79160000000",)) == ({"phones": {"a": "+79160000000"}}, [])


@pytest.mark.parametrize("how", ["blank", "add"])
def test_a_column_that_the_record_does_not_show_is_not_taken_for_blank(how: str) -> None:
    rules = {"phones": {"how": how, "columns": ["a"]}}

    assert new({"properties": {"a": "1234567"}}, rules, phones=("+79160000000",)) == ({}, ["+79160000000"])


def test_never_is_never_and_still_tells_what_the_card_lacks() -> None:
    rules = {"phones": {"how": "never", "read": "phones"}, "name": {"how": "never"}}

    assert new({"phones": [A]}, rules, phones=(A, B), name="Anna") == ({}, [B])


@pytest.mark.parametrize("blank", [None, "", " ", False, []])
def test_a_name_goes_into_a_blank_only(blank: object) -> None:
    rules = {"name": {"how": "blank", "read": "name"}}

    assert new({"name": blank}, rules, name="Анна") == ({"name": "Анна"}, [])
    assert new({"name": "А. Петрова"}, rules, name="Анна") == ({}, [])
    assert new({"name": blank}, rules, name=None) == ({}, [])


def test_other_fields_are_filled_or_added_to_likewise() -> None:
    rules = {
        "fields": {
            "company": {"how": "blank", "read": "company", "value": "visitor.company"},
            "tags": {"how": "add", "send": "all", "read": "tags", "value": "chat.tags"},
        }
    }
    scope = {"visitor": {"company": "ООО"}, "chat": {"tags": ["vip", "new"]}}

    assert new({"tags": ["VIP"]}, rules, **scope) == ({"company": "ООО", "tags": ["VIP", "new"]}, [])
    assert new({"tags": ["vip", "new"], "company": "x"}, rules, **scope) == ({}, [])


def test_nothing_new_is_nothing() -> None:
    assert new({}, LIST) == ({}, [])


def test_what_came_onto_the_card_meanwhile_is_not_sent_and_not_lost() -> None:
    enrich = Enrich.model_validate({"put": "/x", **OBJECTS, "name": {"how": "blank", "read": "name"}})
    scope = {"phones": ["+74951234567"], "emails": ["a@b.c"], "new": {"phones": ["as planned"], "name": "Анна"}}
    since = {"numbers": [{"value": "+79990000000"}], "name": "Анна П."}

    assert still_new(since, enrich, scope) == {
        "phones": [{"value": "+79990000000"}, {"value": "+74951234567", "kind": "work"}]
    }
    assert still_new({"numbers": [{"value": "84951234567"}], "name": "x"}, enrich, scope) == {}


def test_what_was_not_planned_is_not_added_later() -> None:
    enrich = Enrich.model_validate({"patch": "/x", **LIST})

    assert still_new({}, enrich, {"phones": [A], "emails": ["a@b.c"], "new": {"emails": ["a@b.c"]}}) == {
        "emails": ["a@b.c"]
    }


@pytest.mark.parametrize(
    ("client", "new", "emptied"),
    [
        ({"phones": (A,), "record": {"numbers": [{"value": A}]}}, {"phones": [{"value": A}, {"value": B}]}, None),
        ({"phones": (A,), "record": {"nummbers": [{"value": A}]}}, {"phones": [{"value": B}]}, "phones"),
        ({"phones": (A,), "record": {"numbers": []}}, {"phones": [{"value": B}]}, "phones"),
        ({"phones": (A,), "record": {}}, {"emails": ["a@b.c"]}, None),
        ({"phones": (), "record": {}}, {"phones": [{"value": B}]}, None),
    ],
)
def test_a_list_that_was_not_read_does_not_replace_what_the_card_shows(
    client: dict[str, Any], new: dict[str, Any], emptied: str | None
) -> None:
    enrich = Enrich.model_validate({"patch": "/x", **OBJECTS, "emails": {"how": "add", "send": "new", "read": "mails"}})
    assert would_empty(Client(id="1", **client), enrich, new) == emptied
