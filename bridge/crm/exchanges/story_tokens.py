"""Access tokens in a recorded story: kept in memory, had from the story's own answers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bridge.clock import Clock
from bridge.config.connections import TargetSettings
from bridge.crm.auth.oauth import Held
from bridge.crm.auth.sealing import Seal
from bridge.crm.auth.tokens import OAuthTokens
from bridge.mapping.schema.crm import CrmMapping
from bridge.transport import Sends

_SECRET = ("client_secret", "password")
_OWN = ("access", "refresh", "expires_in")


@dataclass
class _Row:
    version: int = 0
    sealed: bytes = b""
    ended: str = ""
    consent: bytes = b""


class MemoryVault:
    """What a store promises of tokens, for one process and as long as it lives."""

    def __init__(self) -> None:
        self.rows: dict[str, _Row] = {}

    async def token(self, name: str) -> _Row | None:
        return copy.copy(self.rows.get(name))

    async def claim_token(self, name: str, *, version: int, owner: str, seconds: float) -> bool:  # noqa: ARG002 - one process
        row = self.rows.setdefault(name, _Row())
        return row.version == version and not row.ended

    async def release_token(self, name: str, owner: str) -> None:
        """Nobody else is there."""

    async def save_token(
        self, name: str, sealed: bytes, *, expires_at: float | None, replaces: int | None  # noqa: ARG002 - no page asks here
    ) -> bool:
        row = self.rows.setdefault(name, _Row())
        if replaces not in (None, row.version):
            return False
        self.rows[name] = _Row(row.version + 1, sealed)
        return True

    async def end_token(self, name: str, *, version: int, reason: str) -> None:
        row = self.rows.setdefault(name, _Row())
        if row.version == version:
            row.ended = reason

    async def keep_consent(self, name: str, sealed: bytes) -> None:
        self.rows.setdefault(name, _Row()).consent = sealed


def with_secrets(target: Mapping[str, Any]) -> dict[str, Any]:
    """A story's settings of a target: what is a secret elsewhere stands in it in clear, because it is none."""
    told = dict(target)
    if isinstance(told.get("oauth"), Mapping):
        told["token"] = None
        told["oauth"] = {key: SecretStr(value) if key in _SECRET else value for key, value in told["oauth"].items()}
    if isinstance(told.get("token"), str):
        told["token"] = SecretStr(told["token"])
    return told


async def tokens_in_story(
    told: Mapping[str, Any], mapping: CrmMapping, settings: TargetSettings, transport: Sends, clock: Clock
) -> OAuthTokens | None:
    """The tokens with which the story begins (`access`, `refresh`, `expires_in`, and what the mapping keeps besides)."""
    if settings.oauth is None:
        return None
    vault, seal = MemoryVault(), Seal("the key of the story")
    tokens = OAuthTokens(
        settings.name, mapping, settings.oauth, settings.scope(), vault=vault, seal=seal, transport=transport, clock=clock,
    )  # fmt: skip
    if told:
        ends = clock.time() + float(told["expires_in"]) if told.get("expires_in") else None
        held = Held(
            access=str(told["access"]), refresh=told.get("refresh"), expires_at=ends, renew_at=ends,
            kept={name: value for name, value in told.items() if name not in _OWN},
        )  # fmt: skip
        await vault.save_token(settings.name, seal.seal(settings.name, held.content()), expires_at=ends, replaces=None)
    return tokens
