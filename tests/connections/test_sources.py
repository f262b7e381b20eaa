from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from way import ENVIRON

from bridge.config import load
from bridge.connections.sources import Source, load_sources
from bridge.errors import MappingError

OWN_MAPPING = """
mapping_language: 1
extends: jivo
title: Our own
grace: 5s
idle: 10m
"""


def sources(folder: Path, *, own: dict[str, Any] | None = None, **more: Any) -> dict[str, Source]:
    config = {
        "key": "${C2C_KEY}", "own": {"phones": ["+74950001122"], "emails": ["all@shop.example"], "domains": ["shop.example"]},
        "sources": {
            "shop": {
                "provider": "jivo", "secret": ["${C2C_SECRET}", "${C2C_WRONG}"], "target": "sales", "own": own or {}, **more,
            },
        },
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9"}},
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return load_sources(load(folder / "config.yaml", ENVIRON))


def with_mapping(folder: Path) -> None:
    (folder / "mappings" / "providers").mkdir(parents=True)
    (folder / "mappings" / "providers" / "mine.yaml").write_text(OWN_MAPPING, encoding="utf-8")


def test_secrets_of_a_rotation_are_there_in_clear_and_in_order(tmp_path: Path) -> None:
    assert sources(tmp_path)["shop"].keys == (ENVIRON["C2C_SECRET"], ENVIRON["C2C_WRONG"])


def test_what_is_ours_is_everybodys_and_the_sources_own(tmp_path: Path) -> None:
    own = sources(tmp_path, own={"phones": ["+74950003344"], "domains": ["blog.example"]})["shop"].own

    assert own.phones == ("+74950001122", "+74950003344")
    assert own.emails == ("all@shop.example",)
    assert own.domains == ("shop.example", "blog.example")


def test_times_are_the_sources_else_the_mappings_else_ours(tmp_path: Path) -> None:
    with_mapping(tmp_path)
    plain = sources(tmp_path)["shop"]
    mapped = sources(tmp_path, provider="mine")["shop"]
    set_here = sources(tmp_path, provider="mine", grace="0s", idle="1m")["shop"]

    assert [(one.grace, one.idle) for one in (plain, mapped, set_here)] == [(0.0, 1800.0), (5.0, 600.0), (0.0, 60.0)]


def test_a_mapping_beside_the_config_is_found(tmp_path: Path) -> None:
    with_mapping(tmp_path)

    assert sources(tmp_path, provider="mine")["shop"].mapping.title == "Our own"


def test_a_provider_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="nosuch"):
        sources(tmp_path, provider="nosuch")


def test_templates_see_no_secret(tmp_path: Path) -> None:
    source = sources(tmp_path, fields={"brand": "north"}, region="RU", timezone="Asia/Omsk")["shop"]
    seen = source.scope()

    assert (seen["name"], seen["fields"], seen["region"], seen["timezone"]) == ("shop", {"brand": "north"}, "RU", "Asia/Omsk")
    assert ENVIRON["C2C_SECRET"] not in json.dumps(seen)
    assert ENVIRON["C2C_SECRET"] not in repr(source.view)
