"""The schema for editors: it takes what the loader takes."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from bridge.mapping import schema
from bridge.mapping.load import available, load
from bridge.mapping.schema import Kind, json_schema

KINDS: list[Kind] = ["provider", "crm"]
Schema = dict[str, Any]


def problems(value: Any, rule: Schema, whole: Schema, path: str = "") -> list[str]:
    """As much of JSON Schema as the schema uses, so that no further library is needed."""
    if "$ref" in rule:
        return problems(value, whole["definitions"][rule["$ref"].rpartition("/")[2]], whole, path)
    if "anyOf" in rule:
        tried = [problems(value, option, whole, path) for option in rule["anyOf"]]
        return [] if any(not found for found in tried) else [f"{path}: none of {len(tried)} fits", *min(tried, key=len)]
    found = []
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    named = rule.get("type", [])
    expected = tuple(kinds[kind] for kind in ([named] if isinstance(named, str) else named))
    if expected and not isinstance(value, cast("Any", expected)):
        found.append(f"{path}: {value!r} is no {named}")
    if "enum" in rule and value not in rule["enum"]:
        found.append(f"{path}: {value!r} is none of {rule['enum']}")
    if isinstance(value, dict):
        members = rule.get("properties", {})
        found += [f"{path}.{key} is missing" for key in rule.get("required", []) if key not in value]
        for key, member in value.items():
            below = members.get(key, rule.get("additionalProperties", True))
            if below is False:
                found.append(f"{path}.{key} is unknown")
            elif isinstance(below, dict):
                found += problems(member, below, whole, f"{path}.{key}")
    if isinstance(value, list) and isinstance(rule.get("items"), dict):
        for number, item in enumerate(value):
            found += problems(item, rule["items"], whole, f"{path}[{number}]")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_shipped_mappings_fit_the_schema_for_editors(kind: Kind) -> None:
    whole = json_schema(kind)
    body = {key: value for key, value in whole.items() if key != "anyOf"}
    for name in available(kind):
        written = load(kind, name).document.value
        written = {key: 1 if key == "mapping_language" else value for key, value in written.items()}
        assert problems(_as_an_editor_reads(written), body, whole) == [], name


def _as_an_editor_reads(value: Any, key: str = "") -> Any:
    """Editors resolve numbers and true/false where the loader keeps text."""
    if isinstance(value, dict):
        return {name: _as_an_editor_reads(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_an_editor_reads(item, key) for item in value]
    numbers = {"most", "by", "start", "size", "characters", "bytes", "utf16", "concurrent", "status"}
    flags = {"after_markup", "needs_client", "only_private", "open", "optional", "pkce", "required"}
    if key in numbers and isinstance(value, str) and value.isdecimal():
        return int(value)
    # whether an option is secret is true or false, where a provider's secret stands is a word
    return value == "true" if key in flags or (key == "secret" and value in {"true", "false"}) else value


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_json_for_draft_7_and_complete(kind: Kind) -> None:
    whole = json_schema(kind)
    text = json.dumps(whole)
    assert whole["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert "$defs" not in text
    assert set(whole["properties"]) == {
        field.alias or name for name, field in schema.KINDS[kind].model_fields.items() if not field.exclude
    }
    assert {"required": ["extends"]} in whole["anyOf"]


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    whole = json_schema("provider")
    body = {key: value for key, value in whole.items() if key != "anyOf"}
    assert problems({"mapping_language": 1, "vreify": {}}, body, whole) == [".vreify is unknown"]
    assert problems({"mapping_language": 1, "verify": {"scheme": "hmca"}}, body, whole)


def test_everything_a_mapping_may_hold_can_be_imported_from_one_place() -> None:
    assert all(hasattr(schema, name) for name in schema.__all__)
