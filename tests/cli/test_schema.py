from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from place import Place

from bridge.cli.schema import config_schema
from bridge.config.settings import TARGET_KEYS

EXAMPLE = Path(__file__).resolve().parents[2] / "config.example.yaml"


@pytest.mark.parametrize("kind", ["provider", "crm", "config"])
def test_each_schema_is_printed_for_editors(place: Place, kind: str) -> None:
    shown = place.json("schema", kind)
    assert shown["$schema"].startswith("http://json-schema.org/draft-07")
    assert "$defs" not in shown


def properties(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for one in (part, *part.get("anyOf", ())):
        if "$ref" in one:
            return properties(schema["definitions"][one["$ref"].rpartition("/")[2]], schema)
        if "properties" in one or isinstance(one.get("additionalProperties"), dict):
            return one
    return part


def unknown(value: Any, part: dict[str, Any], schema: dict[str, Any], path: str = "") -> list[str]:
    """Keys of the example that the schema would mark as wrong."""
    found = properties(part, schema)
    if isinstance(value, list):
        return [one for item in value for one in unknown(item, found.get("items", {}), schema, path)]
    if not isinstance(value, dict):
        return []
    wrong = []
    for key, inner in value.items():
        known = found.get("properties", {}).get(key)
        if known is None and isinstance(found.get("additionalProperties"), dict):
            known = found["additionalProperties"]
        if known is None and found.get("additionalProperties") is False:
            wrong.append(f"{path}.{key}")
        wrong += unknown(inner, known or {}, schema, f"{path}.{key}")
    return wrong


def test_the_schema_of_the_configuration_takes_the_whole_example() -> None:
    # references in a form that any YAML reader takes
    given = yaml.safe_load(re.sub(r"\$\{([^}]*)\}", r"(\1)", EXAMPLE.read_text(encoding="utf-8")))
    schema = config_schema()
    assert len(given) > 10
    assert unknown(given, schema, schema) == []
    assert unknown({"sources": {"a": {"provder": "x"}}}, schema, schema) == [".sources.a.provder"]


def test_every_key_of_a_target_is_offered() -> None:
    schema = config_schema()
    assert set(schema["definitions"]["TargetSettings"]["properties"]) >= TARGET_KEYS
