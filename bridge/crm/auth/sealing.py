"""Tokens as they lie in the store: encrypted and authenticated under a key that comes from the config's `key:`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORM = b"\x01"
_NONCE = 12
#: the same key also makes markers; what is derived for one purpose says nothing about the other
_PURPOSE = b"chat2crm tokens 1"


class Unreadable(Exception):
    """It was sealed under another key, for another name, or changed since."""


class Seal:
    """Args: key: the config's `key:`."""

    def __init__(self, key: str) -> None:
        # here and not above: six megabytes that only a target with tokens needs
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._cipher: AESGCM = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode()))

    def seal(self, name: str, content: Mapping[str, Any]) -> bytes:
        """Bytes that only the same key opens, under the same name only: a row copied to another one is of no use there."""
        nonce = os.urandom(_NONCE)
        return _FORM + nonce + self._cipher.encrypt(nonce, json.dumps(content).encode(), name.encode())

    def open(self, name: str, sealed: bytes) -> dict[str, Any]:
        """What was sealed. Raises Unreadable."""
        if sealed[:1] != _FORM:
            raise Unreadable
        from cryptography.exceptions import InvalidTag

        nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            content: dict[str, Any] = json.loads(self._cipher.decrypt(nonce, rest, name.encode()))
        except (InvalidTag, ValueError) as error:
            raise Unreadable from error
        return content
