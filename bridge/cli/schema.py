"""`chat2crm schema`: JSON Schemas with which an editor completes and checks what is typed."""

from __future__ import annotations

from typing import Any

import click

from bridge.cli.printing import example, print_json


@click.command(epilog=example(
    "chat2crm schema config > .config.schema.json",
    "# then, as the first line of config.yaml:  # yaml-language-server: $schema=.config.schema.json",
))
@click.argument("kind", type=click.Choice(["provider", "crm", "config"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of a provider's mapping, a CRM's mapping or the configuration."""
    print_json(config_schema() if kind == "config" else _mapping_schema(kind))


def _mapping_schema(kind: str) -> dict[str, Any]:
    from bridge.mapping.schema import json_schema  # the configuration's schema needs none of it

    return json_schema("provider" if kind == "provider" else "crm")


def config_schema() -> dict[str, Any]:
    """The schema of config.yaml as it is written: options stand flat, names are keys, lengths of time are texts."""
    from bridge.config import Settings  # mappings' schemas need none of it

    made = Settings.model_json_schema(ref_template="#/definitions/{model}")
    # the editors' YAML server speaks draft 7 and no later one
    parts: dict[str, dict[str, Any]] = made.pop("$defs")
    options = parts.pop("RouteOptions")["properties"]
    for name in ("TargetSettings", "Route"):
        parts[name]["properties"] = {**parts[name]["properties"], **options}
        del parts[name]["properties"]["options"]
    for name in ("TargetSettings", "SourceSettings"):
        del parts[name]["properties"]["name"]
    del parts["TargetSettings"]["properties"]["extra"]
    # keys that only the CRM's own mapping knows may stand there, too
    parts["TargetSettings"]["additionalProperties"] = True
    plain: dict[str, Any] = _without_noise({**made, "definitions": parts})
    return {**plain, "$schema": "http://json-schema.org/draft-07/schema#", "title": "chat2crm configuration"}


def _without_noise(value: Any) -> Any:
    """Without the titles made of class names, and without defaults that are not written as they are kept (seconds)."""
    if isinstance(value, list):
        return [_without_noise(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_noise(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))}
    default = kept.get("default")
    if "default" in kept and (default in ("", None) or isinstance(default, dict | list)
                              or (kept.get("type") == "string" and not isinstance(default, str))):
        del kept["default"]
    return kept
