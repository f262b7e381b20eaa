"""`%D0%9F+x` → `П x`, as forms write it.

Python's own takes a text apart at each percent sign: of two million of them it makes half a gigabyte.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from urllib.parse import unquote_plus

_RUN = re.compile("(?:%[0-9a-fA-F]{2})++")
#: characters of a run that is kept in mind: one letter of any alphabet
_LETTER = 12
#: a percent sign that begins no escape
_STRAY = re.compile("%(?![0-9a-fA-F]{2})")


def unescaped(text: str, charset: str) -> str:
    """What is no escape stays as it is; what is not of the character set becomes the replacement character."""
    if "%" not in text:
        return text.replace("+", " ")
    if not _stands_alone(charset):
        return unquote_plus(text, charset, "replace")
    text = text.replace("+", " ")
    if text.isascii() and not _STRAY.search(text):
        # mail has the same escapes with another sign before them, and Python undoes those in C
        return binascii.a2b_qp(text.replace("=", "=3D").replace("%", "=")).decode(charset, "replace")
    return _RUN.sub(lambda run: _letter(run[0], charset) if len(run[0]) <= _LETTER else _read(run[0], charset), text)


def _read(run: str, charset: str) -> str:
    return bytes.fromhex(run.replace("%", "")).decode(charset, "replace")


_letter = lru_cache(maxsize=2048)(_read)


@lru_cache(maxsize=64)
def _stands_alone(charset: str) -> bool:
    """Whether a run of escapes can be read without the letters around it: in some character sets a letter is one escape and one
    plain sign together.
    """
    signs = bytes(range(256))
    if signs[:128].decode(charset, "replace") != signs[:128].decode("ascii"):
        return False
    return "Ж".encode(charset, "replace") == "Ж".encode() or len(signs.decode(charset, "replace")) == len(signs)
