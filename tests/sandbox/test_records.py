from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.sandbox.entities import CLIENT, ENTITIES
from bridge.sandbox.records import Records
from bridge.sandbox.refusals import Duplicate
from bridge.sandbox.speech import filled_form


def test_what_was_committed_is_there_after_opening_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    first = Records(path)
    made = first.create(CLIENT, filled_form(CLIENT, {"name": "A", "phones": ["+79161234567"]}))
    second = Records(path)  # as after a kill: the first was never closed
    assert second.read(CLIENT, made["id"])["name"] == "A"
    first.close()
    second.close()


@pytest.mark.parametrize("path", ["/nonexistent/folder/crm.db", "/"])
def test_a_database_that_cannot_be_used_names_the_remedy(path: str) -> None:
    with pytest.raises(StoreError, match="give --db a file in a folder that exists"):
        Records(path)


def test_a_refused_create_leaves_nothing_behind() -> None:
    records = Records()
    records.create(CLIENT, filled_form(CLIENT, {"name": "A", "code": "k"}))
    with pytest.raises(Duplicate) as refusal:
        records.create(CLIENT, filled_form(CLIENT, {"name": "B", "code": "k", "phones": ["+79161234567"]}))
    assert refusal.value.holder == 1
    assert records.db.execute("SELECT count(*) AS n FROM points").fetchone()["n"] == 0
    records.close()


def test_a_key_of_a_deleted_client_can_be_used_again() -> None:
    records = Records()
    values = filled_form(CLIENT, {"name": "A", "external_id": "x"})
    first = records.create(CLIENT, values)["id"]
    records.delete(first)
    assert records.create(CLIENT, values)["id"] != first
    records.close()


def test_an_update_to_a_taken_key_is_refused_and_to_its_own_is_not() -> None:
    records = Records()
    for key in ("x", "y"):
        records.create(CLIENT, filled_form(CLIENT, {"name": key, "external_id": key}))
    with pytest.raises(Duplicate):
        records.update(CLIENT, 2, {"external_id": "x"})
    assert records.update(CLIENT, 2, {"external_id": "y", "name": "Z"})["name"] == "Z"
    records.close()


def test_every_field_that_can_be_sent_has_a_column() -> None:
    records = Records()
    for entity in ENTITIES.values():
        columns = {row["name"] for row in records.db.execute(f"PRAGMA table_info({entity.table})")}
        assert set(entity.form.model_fields) | set(entity.filters) | set(entity.words) <= columns
    records.close()


@pytest.mark.parametrize("query", ["phone", "tail", "note"])
def test_searches_go_by_an_index(query: str) -> None:
    records = Records()
    sql = {
        "phone": "SELECT client_id FROM points WHERE value = '7' AND kind = 'phone'",
        "tail": "SELECT client_id FROM points WHERE backwards >= '7' AND backwards < '7:'",
        "note": "SELECT * FROM notes WHERE marker = 'm' ORDER BY id DESC LIMIT 50",
    }[query]
    plan = " ".join(row["detail"] for row in records.db.execute(f"EXPLAIN QUERY PLAN {sql}"))
    assert "USING INDEX" in plan
    records.close()
