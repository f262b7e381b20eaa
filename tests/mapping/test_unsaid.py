from __future__ import annotations

from crm_materials import LEAST, crm

from bridge.mapping.unsaid import unmarked

NONE = {"marker": {"kind": "none"}}
CREATE, NOTE = LEAST["create"], LEAST["note"]


def test_a_write_says_how_it_is_found_again_or_that_it_is_not() -> None:
    assert [path for path, _ in unmarked(crm())] == [("create",), ("note",)]
    assert list(unmarked(crm(create={**CREATE, **NONE}, note={**NOTE, **NONE}))) == []


def test_so_do_those_of_another_kind_of_record() -> None:
    lead = {"title": "Lead", "note": NOTE, "deal": {**NOTE, **NONE}}
    mapping = crm(create={**CREATE, **NONE}, note={**NOTE, **NONE}, entities={"lead": lead})
    [(path, text)] = unmarked(mapping)
    assert path == ("entities", "lead", "note")
    assert "kind: none" in text
