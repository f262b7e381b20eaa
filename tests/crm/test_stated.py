"""What a target's statements have to be like, and what is lost without one."""

from __future__ import annotations

from typing import Any

import pytest
from crm.speaking import mapping_with, settings
from crm.test_fit import HERE, LEAST, SQL, stated

from bridge.crm.stated import needed, not_given, sql_wrong, wanted
from bridge.mapping.load import load_crm


def wrong(**sql: str) -> list[str]:
    return list(sql_wrong(SQL, settings(url=HERE, sql={**LEAST, **sql})))


def test_what_each_statement_is_for_is_known() -> None:
    parts = {one.name: (one.part, one.changes, one.found_by) for one in wanted(SQL)}

    assert parts["by_phone"] == ("find.phone", False, None)
    assert parts["create"] == ("create", True, "find_client")
    assert parts["find_client"] == ("create.marker", False, None)
    assert parts["enrich"] == ("enrich", True, None)
    assert parts["open_deals"] == ("open_deals", False, None)
    assert needed(SQL) == {"read", "create", "note"}


def test_parts_of_other_entities_and_second_requests_are_known_as_well() -> None:
    find = {"with": "phone", "get": "/p", "records": "@", "then": {**stated("leads_by_id"), "records": "@"}}
    mapping = mapping_with(
        find=[find], entities={"lead": {"read": stated("read_lead"), "note": stated("note_lead")}},
        names={"stage": {"records": "@", "id": "id", "name": "name", **stated("stages")}},
    )  # fmt: skip

    assert {one.name: one.part for one in wanted(mapping)} == {
        "leads_by_id": "find.phone", "read_lead": "read", "note_lead": "note", "stages": "names",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ({"by_phone": "SELECT id FROM c"}, "sql.by_phone has no value to search with, like :last10 or :email, so it would find"),
        ({"read": "SELECT id FROM c WHERE name = :name"}, "sql.read has no :id, so it would be about everybody"),
        ({"note": "INSERT INTO n VALUES (:text)"}, "sql.note has no :id or :deal_id, so it would be about everybody, or about"),
        ({"note": "INSERT INTO n VALUES (:id)"}, "sql.note has no :text"),
        ({"enrich": "UPDATE c SET p = :new_phone WHERE n = :name"}, "sql.enrich has no :id"),
        ({"find_note": "SELECT id FROM n WHERE c = :id"}, "sql.find_note has no :marker or :marker_like"),
        ({"find_client": "SELECT id FROM c WHERE m = :marker"},
         "sql.create has no :marker or :chat_marker or :text, by which sql.find_client finds again what it wrote"),
        ({"by_phone": "UPDATE c SET x = 1 WHERE p = :phone"}, "sql.by_phone changes (UPDATE), but a search is a SELECT"),
        ({"read": "WITH x AS (DELETE FROM c WHERE id = :id RETURNING id) SELECT id FROM x"},
         "sql.read changes (WITH), but reading a client is a SELECT"),
        ({"create": "SELECT :name FROM c"}, "sql.create only reads (SELECT), but a new client is INSERT … RETURNING, UPDATE or"),
        ({"owner": "SELECT id FROM u"}, "sql.owner has no :email or :operator_email"),
    ],
)  # fmt: skip
def test_a_statement_that_cannot_do_what_it_is_for_is_refused(sql: dict[str, str], says: str) -> None:
    [line] = wrong(**sql)
    assert line.startswith(says)


def test_statements_that_can_are_taken() -> None:
    assert wrong(
        by_email="WITH x AS (SELECT id FROM c WHERE e = :email) SELECT id FROM x",
        create="EXECUTE PROCEDURE add_client(:name, :phone, :marker)", find_client="SELECT id FROM c WHERE m = :marker",
        find_note="SELECT id FROM n WHERE t LIKE :marker_like AND c = :id", owner="SELECT id FROM u WHERE e = :email",
    ) == []  # fmt: skip


def test_what_is_not_given_is_told_with_what_is_lost_but_not_for_what_is_not_done_at_all() -> None:
    given = settings(url=HERE, sql={**LEAST, "deal": "INSERT INTO d VALUES (:id)"})

    lost = dict(not_given(SQL, given))

    assert set(lost) == {"by_email", "find_client", "find_note", "enrich", "task", "owner", "open_deals"}
    assert "not found by e-mail" in lost["by_email"]
    assert "a person decides" in lost["find_note"]
    assert not_given(mapping_with(), settings()) == []


def test_every_statement_of_a_mapping_that_comes_with_the_program_has_its_loss() -> None:
    everything: Any = settings(url=HERE)
    mapping = load_crm("regionsoft")

    lost = dict(not_given(mapping, everything))

    assert set(lost) == {one.name for one in wanted(mapping) if not one.part.endswith(".marker")}
    assert "what it is for is not done" not in lost.values()
