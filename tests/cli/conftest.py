from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from place import SECRET, SIGNING, TOKEN, Place
from standing import Sandbox, standing_sandbox


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two sources (one with the secret in the address, one that is signed) and a target."""
    made = Place(tmp_path)
    made.environ = {"C_KEY": "k" * 40, "C_SECRET": SECRET, "C_SIGNING": SIGNING, "C_TOKEN": TOKEN}
    made.config = {
        "store": f"sqlite:///{tmp_path}/chat2crm.db",
        "key": "${C_KEY}",
        "timezone": "Europe/Moscow",
        "receive": {"host": "127.0.0.1", "port": "8080", "public_url": "https://bridge.shop.tld"},
        "ops": {"host": "127.0.0.1", "port": "0"},
        "sources": {
            "shop": {"provider": "jivo", "secret": "${C_SECRET}", "region": "RU", "target": "sales"},
            "own": {"provider": "generic", "secret": "${C_SIGNING}", "target": "sales"},
        },
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C_TOKEN}", "mode": "write"}},
    }  # fmt: skip
    return made


@pytest.fixture
def sandbox(place: Place) -> Iterator[Sandbox]:
    """A sandbox CRM in a thread of its own, since commands run a loop of theirs; the place's target leads to it."""
    with standing_sandbox() as running:
        place.config["targets"]["sales"]["url"] = running.url
        yield running
