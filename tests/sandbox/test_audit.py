from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.sandbox.audit import audit
from bridge.sandbox.control import sow
from bridge.sandbox.entities import CLIENT, NOTE
from bridge.sandbox.points import operation_marker
from bridge.sandbox.records import Records
from bridge.sandbox.speech import filled_form

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

A, B, C = (f"c2c-{letter * 16}" for letter in "abc")


def counted(clients: list[dict[str, Any]]) -> dict[str, Any]:
    records = Records()
    sow(records, clients)
    told = audit(records)
    records.close()
    return told


@pytest.mark.parametrize(
    ("clients", "doubled"),
    [
        ([{"phones": ["+7 916 123-45-67"]}, {"phones": ["8 (916) 123-45-67"]}], 1),
        ([{"emails": ["A@example.com"]}, {"emails": ["a@EXAMPLE.com"]}], 1),
        ([{"phones": ["+79161234567"]}, {"phones": ["+79161234568"]}], 0),
        (
            [
                {"phones": ["+79161234567"], "emails": ["a@example.com"]},
                {"phones": ["89161234567"]},
                {"emails": ["a@example.com"]},
            ],
            2,
        ),
        (
            [
                {"phones": ["+79161234567"]},
                {"emails": ["a@example.com"]},
                {"phones": ["79161234567"], "emails": ["a@example.com"]},
            ],
            2,
        ),
        ([{"phones": ["+79161234567", "89161234567"]}], 0),
        ([{"name": "A"}, {"name": "A"}], 0),
    ],
)
def test_two_live_cards_with_one_contact_point_are_one_too_many(clients: list[dict[str, Any]], doubled: int) -> None:
    assert counted(clients)["doubled_clients"] == doubled


def test_merged_and_deleted_cards_do_not_count() -> None:
    records = Records()
    sow(records, [{"phones": ["+79161234567"]} for _ in range(3)])
    records.merge(2, 1)
    records.delete(3)
    told = audit(records)
    assert (told["clients"], told["doubled_clients"]) == (1, 0)
    records.close()


@pytest.mark.parametrize(
    ("texts", "doubled"),
    [
        ([f"one\n{A} {B}", f"two\n{A} {B}"], 1),
        ([f"one\n{A} {B}", f"one\n{A} {C}"], 0),
        ([f"{B} quoted\nx {A}", f"{B}\ny {C}"], 0),
        (["same", "same", "same"], 2),
        (["one", "two"], 0),
        ([f"one {A}", f"<p>one</p><p>{B} {A}</p>"], 1),
        ([f"a\n{A}\n\n", f"b\n{A}"], 1),
    ],
)
def test_a_note_is_double_by_its_operation_marker_or_its_text(texts: list[str], doubled: int) -> None:
    assert counted([{"name": "A", "notes": [{"text": text} for text in texts]}])["doubled_notes"] == doubled


def test_one_marker_on_two_clients_is_double_and_one_text_is_not() -> None:
    two = [
        {"name": "A", "notes": [{"text": f"x\n{A}"}, {"text": "same"}]},
        {"name": "B", "notes": [{"text": f"y\n{A}"}, {"text": "same"}]},
    ]
    told = counted(two)
    assert told["doubled_notes"] == 1
    assert told["examples"]["notes"] == [{"id": "3", "of": "1", "marker": A}]


def test_a_marker_in_a_field_counts_where_the_text_bears_none() -> None:
    assert operation_marker("text", None, A, B) == A
    assert operation_marker(f"text\n{C}", A) == C
    assert operation_marker(f"{C}\ntext") is None
    told = counted(
        [{"name": "A", "notes": [{"text": "one", "marker": A}, {"text": "two", "custom": {"id": A}}, {"text": "three"}]}]
    )
    assert (told["doubled_notes"], told["notes_without_marker"]) == (1, 1)


def test_notes_that_differ_in_their_marker_only_are_told_apart_from_doubles() -> None:
    told = counted([{"name": "A", "notes": [{"text": f"one\n{A}"}, {"text": f"one\n{B}"}]}])
    assert (told["doubled_notes"], told["notes_alike_but_for_markers"]) == (0, 1)


@pytest.mark.parametrize(
    ("table", "things", "doubled"),
    [
        ("deals", [{"title": "D"}, {"title": "D"}], 1),
        ("deals", [{"title": "D", "open": False}, {"title": "D"}], 0),
        ("deals", [{"title": "D", "marker": A}, {"title": "D", "marker": B}], 0),
        ("deals", [{"title": f"D {A}"}, {"title": "E", "external_id": A}], 1),
        ("deals", [{"title": "D", "pipeline": "1"}, {"title": "D", "pipeline": "2"}], 0),
        ("tasks", [{"text": "T"}, {"text": "T"}], 1),
        ("tasks", [{"text": "T", "done": True}, {"text": "T"}], 0),
        ("tasks", [{"text": f"T\n{A}"}, {"text": f"U\n{A}"}], 1),
    ],
)
def test_deals_and_tasks_are_double_by_marker_or_while_open(table: str, things: list[dict[str, Any]], doubled: int) -> None:
    assert counted([{"name": "A", table: things}])[f"doubled_{table}"] == doubled


def test_what_an_update_takes_away_is_counted_and_what_it_fills_is_not() -> None:
    records = Records()
    client = records.create(CLIENT, filled_form(CLIENT, {"name": "A", "phones": ["+7 916 1234567"], "custom": {"a": 1}}))["id"]
    records.update(CLIENT, client, {"company": "C", "phones": ["+74951234567"], "custom": {"b": 2}})
    records.update(CLIENT, client, {"name": "A", "phones": ["79161234567", "74951234567"]}, replace_lists=True)
    assert audit(records)["overwritten"] == 0
    records.update(CLIENT, client, {"name": "B", "phones": ["+74951234567"], "custom": {"b": 2}}, replace_lists=True)
    told = audit(records, detail=True)
    assert told["overwritten"] == 3
    assert [(lost["field"], lost["was"], lost["became"]) for lost in told["overwritten_values"]] == [
        ("name", "A", "B"),
        ("phones", "79161234567", None),
        ("custom.a", "1", "null"),
    ]
    records.close()


async def test_the_audit_tells_the_traffic_and_with_detail_the_markers(crm: Caller) -> None:
    client = await crm.made("/clients", {"name": "A"})
    await crm.made(f"/clients/{client['id']}/notes", {"text": f"one\n{A} {B}"})
    assert (await crm.get("/clients/77")).status == 404
    told = await crm.audit("?detail=true")
    assert told["notes_by_marker"] == {B: 1}
    assert told["requests"] == {"client.create": 1, "note.create": 1, "client.read": 1}
    assert told["answers"] == {"201": 2, "404": 1}
    assert told["most_requests_in_one_second"] >= 1
    assert "notes_by_marker" not in await crm.audit()


def test_twenty_thousand_notes_are_counted_in_a_moment() -> None:
    records = Records()
    client = records.create(CLIENT, filled_form(CLIENT, {"name": "A"}))["id"]
    values = filled_form(NOTE, {"client_id": client, "text": "x"})
    with records.transaction():  # one commit: only the counting is measured
        names = "client_id, text, format, custom, operation_marker, likeness, created_at, changed_at"
        records.db.executemany(
            f"INSERT INTO notes ({names}) VALUES (?, ?, 'text', '{{}}', ?, ?, 0, 0)",
            [(client, values["text"] * 500 + str(n), f"m{n % 19_999}", f"l{n}") for n in range(20_000)],
        )
    began = time.perf_counter()
    assert audit(records)["doubled_notes"] == 1
    assert time.perf_counter() - began < 5  # a second or so on a busy machine; quadratic work would take minutes
    records.close()
