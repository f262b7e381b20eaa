"""The languages of the pages, and how times, spans and counts are said in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Literal, TypeGuard

Language = Literal["en", "ru"]

OTHER: Mapping[Language, Language] = {"en": "ru", "ru": "en"}

_MONTHS: Mapping[Language, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "ru": ("янв.", "февр.", "марта", "апр.", "мая", "июня", "июля", "авг.", "сент.", "окт.", "нояб.", "дек."),
}
_TODAY: Mapping[Language, str] = {"en": "today", "ru": "сегодня"}
_AGO: Mapping[Language, str] = {"en": "{span} ago", "ru": "{span} назад"}
_IN: Mapping[Language, str] = {"en": "in {span}", "ru": "через {span}"}
_NOW: Mapping[Language, str] = {"en": "just now", "ru": "только что"}
_SOON: Mapping[Language, str] = {"en": "at once", "ru": "сейчас"}

#: seconds, and the unit's name
_UNITS: tuple[tuple[int, Mapping[Language, str]], ...] = (
    (86400, {"en": "d", "ru": "дн."}),
    (3600, {"en": "h", "ru": "ч"}),
    (60, {"en": "min", "ru": "мин"}),
    (1, {"en": "s", "ru": "с"}),
)
_BRIEF: Mapping[Language, str] = {"en": "ms", "ru": "мс"}
#: below this many seconds a moment is now
_HARDLY = 5

_COUNTED: Mapping[str, Mapping[Language, tuple[str, ...]]] = {
    "chat": {"en": ("chat", "chats"), "ru": ("чат", "чата", "чатов")},
    "delivery": {"en": ("delivery", "deliveries"), "ru": ("сообщение", "сообщения", "сообщений")},
    "attempt": {"en": ("attempt", "attempts"), "ru": ("попытка", "попытки", "попыток")},
    "time": {"en": ("time", "times"), "ru": ("раз", "раза", "раз")},
    # what a rehearsal would have done: the number stands apart, and in Russian the word has the case of what is done
    "would_create": {"en": ("new client", "new clients"), "ru": ("новый клиент", "новых клиента", "новых клиентов")},
    "would_attach": {
        "en": ("known client", "known clients"),
        "ru": ("известному клиенту", "известным клиентам", "известным клиентам"),
    },
}


def is_language(text: str | None) -> TypeGuard[Language]:
    return text in OTHER


def span(seconds: float, language: Language) -> str:
    """A length of time by its largest unit: `5 min`, `40 ms`."""
    whole = max(0, round(seconds))
    brief = round(seconds * 1000)
    if whole <= 1 and 0 < brief < 1000:  # noqa: PLR2004 - of a second
        return f"{brief} {_BRIEF[language]}"
    for size, name in _UNITS:
        if whole >= size:
            return f"{whole // size} {name[language]}"
    return f"0 {_UNITS[-1][1][language]}"


def from_now(at: float, now: float, language: Language) -> str:
    """`3 min ago`, `in 2 h`."""
    if abs(at - now) < _HARDLY:
        return (_NOW if at <= now else _SOON)[language]
    return (_AGO if at < now else _IN)[language].format(span=span(abs(at - now), language))


def moment(at: float, now: float, zone: tzinfo, language: Language) -> str:
    """`today 14:05`, `21 Nov 14:05`, `21 Nov 2025 14:05`."""
    there, here = datetime.fromtimestamp(at, UTC).astimezone(zone), datetime.fromtimestamp(now, UTC).astimezone(zone)
    if there.date() == here.date():
        day = _TODAY[language]
    else:
        day = f"{there.day} {_MONTHS[language][there.month - 1]}"
        if there.year != here.year:
            day += f" {there.year}"
    return f"{day} {there:%H:%M}"


def counted(number: int, word: str, language: Language) -> str:
    """`1 chat`, `2 chats`; `1 чат`, `2 чата`, `5 чатов`. Thousands are set apart by a thin blank."""
    return f"{grouped(number)} {noun(number, word, language)}"


def noun(number: int, word: str, language: Language) -> str:
    """The word as it goes with the number, for where the number stands apart."""
    return _COUNTED[word][language][_form(number, language)]


def grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def _form(number: int, language: Language) -> int:
    if language == "en":
        return 0 if number == 1 else 1
    ten, hundred = number % 10, number % 100
    if ten == 1 and hundred != 11:  # noqa: PLR2004 - the grammar's own numbers
        return 0
    return 1 if ten in {2, 3, 4} and hundred not in {12, 13, 14} else 2
