"""How phones, e-mails and markers are compared in the sandbox: what is one number, and which marker a text bears."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOT_DIGITS = re.compile(r"[^0-9]")
MARKER = re.compile(r"c2c-[a-z2-7]{16}")
_TAG = re.compile(r"<[^>]*>")
#: two live clients that share this many last digits count as one person
TAIL = 9


def digits_of(phone: str) -> str:
    return _NOT_DIGITS.sub("", phone)


def email_key(email: str) -> str:
    return email.strip().casefold()


def operation_marker(text: str, *fields: str | None) -> str | None:
    """The marker of the operation that made a record: the last one on the text's last line, else the one in a field."""
    plain = _TAG.sub("\n", text).rstrip() if "<" in text else text.rstrip()
    found = MARKER.findall(plain[plain.rfind("\n") + 1 :])
    if found:
        return str(found[-1])
    for field in fields:
        found = MARKER.findall(field or "")
        if found:
            return str(found[-1])
    return None


def merged_lists(had: Iterable[str], given: Iterable[str], *, phones: bool) -> list[str]:
    """Both lists, each number or address once (as it was written first)."""
    key = digits_of if phones else email_key
    seen: dict[str, str] = {}
    for value in (*had, *given):
        seen.setdefault(key(value), value)
    return list(seen.values())
