"""A visitor's name, or what stands where a name should be: `V1561719148780935`, `Guest-7`, «Клиент», a phone number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.mapping.language.patterns import Pattern
from bridge.parse.values import as_text

#: words that chats put in for a name; with a number, or a mark and a number, behind them they are still no name
_STAND_INS = (
    "visitor", "website visitor", "site visitor", "guest", "client", "customer", "user", "anonymous", "anonym",
    "unknown", "unnamed", "no name", "noname", "n/a", "none", "null", "undefined", "test user", "lead", "contact",
    "клиент", "посетитель", "посетитель сайта", "гость", "пользователь", "покупатель", "аноним", "анонимный",
    "анонимный посетитель", "неизвестно", "неизвестный", "без имени", "имя не указано", "не указано", "нет имени",
)  # fmt: skip
_STAND_IN = re.compile(
    rf"(?:{'|'.join(re.escape(word) for word in _STAND_INS)})(?:[\s_.:#№-]*[\da-f]*\d[\da-f-]*)?", re.IGNORECASE
)
#: a person types these into the field for the name; they are no name, but they are a way to reach them
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,190}\.[^\s@<>.]{2,}")
_PHONE = re.compile(r"[+(]?[\d][\d\s().+-]{5,30}")
_LETTER = re.compile(r"[^\W\d_]")
LEAST_PHONE_DIGITS = 7
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Named:
    """What stood in the field for the name."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


def read_name(value: Any, placeholders: Sequence[Pattern] = ()) -> Named:
    """The name, None for a placeholder of this provider or of chats in general, or the contact that stood there."""
    text = as_text(value)
    if text is None:
        return Named()
    text = " ".join(text[: 4 * LONGEST_NAME].split())[:LONGEST_NAME]
    if _EMAIL.fullmatch(text):
        return Named(email=text)
    if _PHONE.fullmatch(text) and sum(map(str.isdigit, text)) >= LEAST_PHONE_DIGITS:
        return Named(phone=text)
    is_stand_in = _STAND_IN.fullmatch(text) or any(pattern.search(text) is not None for pattern in placeholders)
    return Named() if is_stand_in or not _LETTER.search(text) else Named(name=text)
