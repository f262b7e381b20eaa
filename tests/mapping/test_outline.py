from __future__ import annotations

from pathlib import Path

from bridge.mapping.load import load
from bridge.mapping.outline import changes, outline

OWN = """\
mapping_language: 1
extends: sandbox
title: Ours
create:
  json:
    firstName: '{visitor.name}'
"""


def test_every_value_says_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(OWN, encoding="utf-8")
    entries = {entry.key: entry for entry in outline(load("crm", path))}
    own = entries["create.json.firstName"]
    assert (own.value, own.origin, own.line, own.inherited) == ("{visitor.name}", "ours", 6, False)
    base = entries["create.post"]
    assert (base.origin, base.inherited) == ("sandbox", True)
    assert base.line > 1


def test_items_of_a_list_are_counted(tmp_path: Path) -> None:
    keys = [entry.key for entry in outline(load("crm", "sandbox"))]
    assert any(key.startswith("find[0].") for key in keys)
    assert len(keys) == len(set(keys))


def test_changes_are_what_is_new_other_or_gone(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(OWN, encoding="utf-8")
    old, new = outline(load("crm", "sandbox")), outline(load("crm", path))
    found = {change.key: (change.was, change.becomes) for change in changes(old, new)}
    assert found["create.json.firstName"][1] == "{visitor.name}"
    assert found["title"] == ("Sandbox", "Ours")
    assert "create.post" not in found
    assert changes(new, new) == []
    assert {change.key for change in changes(new, old) if change.becomes is None} >= {"extends"}
