"""The configuration of a whole service, small and quick."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from way import ENVIRON

from bridge.config import Settings, load


def settings(folder: Path, crm_url: str = "http://127.0.0.1:9", **top: Any) -> Settings:
    """As `load` gives them, of a file in that folder; `top`: keys in the place of these."""
    config = {
        "store": f"sqlite:///{folder}/chat2crm.db", "key": "${C2C_KEY}", "retry": {"first": "100ms", "longest": "1s"},
        "receive": {"host": "127.0.0.1", "port": "0"}, "ops": {"host": "127.0.0.1", "port": "0"},
        "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales"}},
        "targets": {"sales": {
            "crm": "sandbox", "url": crm_url, "token": "${C2C_TOKEN}", "mode": "write", "timeout": "5s", "commits_within": "1s",
            "consistency_delay": "0s",
        }},
        **top,
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return load(folder / "config.yaml", ENVIRON)
