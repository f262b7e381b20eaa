from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import Settings, load

ENVIRON = {
    "KEY": "k" * 40, "SECRET": "s3cr3t-of-the-shop", "SECRET_OLD": "s3cr3t-of-last-year", "TOKEN": "t0k3n-of-the-crm",
    "CHAT2CRM_KEY": "k" * 40, "OPS_PASSWORD": "opspassword", "ALERT_WEBHOOK": "https://alerts.invalid/T0K3N",
    "JIVO_SECRET": "widget-secret", "CRM_TOKEN": "crm-token",
}  # fmt: skip
WHOLE = """
sources:
  shop: {provider: generic, secret: ${SECRET}, target: sales}
targets:
  sales: {crm: sandbox, url: http://127.0.0.1:9000, token: ${TOKEN}}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Settings]:
    """Settings from a text, as if it were config.yaml; the key is put in where the text has none."""

    def load_text(text: str, *, key: bool = True, **environ: str) -> Settings:
        path = tmp_path / "config.yaml"
        path.write_text(("key: ${KEY}\n" if key else "") + text, encoding="utf-8")
        return load(path, ENVIRON | environ)

    return load_text
