"""Markers: by which what we wrote is found again in the CRM, even by a store that has never heard of it.

`c2c-` and 16 characters of base32: letters, digits and one hyphen survive every markup, every full-text index and every id
field. They are an HMAC under the installation's key, so nobody can write the next chat's marker into this one; and they
rest on nothing that is lost with a store.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Sequence
from functools import lru_cache

from pydantic_core import to_json

from bridge.model import OperationKind

PREFIX = "c2c-"
#: a marker, or what a reader (or a CRM's search) could take for one
FIND = re.compile(r"(?i)c2c-[a-z2-7]{16}")
#: whatever begins like one, with any hyphen or dash
_LOOKALIKE = re.compile("(?i)c2c[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]+")
_DIGEST_BYTES = 10
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
#: ten bits as two letters of base32
_PAIRS = tuple(one + two for one in _LETTERS for two in _LETTERS)
_written = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
#: what that writes in another way than a faster writer does, as UTF-8
_WRITTEN_OTHERWISE = re.compile(rb"[\x7f-\xff]")


class MarkerKeys:
    """Makes the markers of one chat at one target.

    `install_key` is the configuration's `key:`. A store that was lost gives the same markers again as long as the key is
    the same, so it belongs into the backups.
    """

    def __init__(self, install_key: bytes, target: str, source: str, chat_id: str) -> None:
        self._key = install_key
        #: stands in every note of the chat
        self.chat = self._marker("chat", target, source, chat_id)

    def operation(self, kind: OperationKind | str, message_keys: Sequence[str], part: int, generation: int) -> str:
        """The marker of one operation. `generation` rises when a person asks for it to be written once more."""
        return self._marker("operation", self.chat, str(kind), list(message_keys), part, generation)

    def _marker(self, *parts: object) -> str:
        keyed = _keyed(self._key).copy()
        keyed.update(_as_json(parts))
        number = int.from_bytes(keyed.digest()[:_DIGEST_BYTES])
        return PREFIX + "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(70, -1, -10)])


@lru_cache(maxsize=4)
def _keyed(install_key: bytes) -> hmac.HMAC:
    """Under the key and over nothing yet, to be copied: the key costs half of what a marker's few words do."""
    return hmac.new(install_key, digestmod="sha256")


def _as_json(parts: Sequence[object]) -> bytes:
    """ASCII alone, and for ever the same to the byte: markers that stand in CRMs rest on it."""
    try:
        written = to_json(parts)
    except ValueError:  # half of a surrogate pair
        return _written(parts).encode("ascii")
    return _written(parts).encode("ascii") if _WRITTEN_OTHERWISE.search(written) else written


def strip_lookalikes(text: str) -> str:
    """The text without anything that could be taken for a marker: its hyphen becomes a blank."""
    return _LOOKALIKE.sub(_with_a_blank, text) if "2c" in text or "2C" in text else text


def _with_a_blank(hit: re.Match[str]) -> str:
    return hit.group()[:3] + " "
