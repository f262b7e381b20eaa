"""With which regions' plans a chat's national numbers are read, likeliest first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bridge.extract.reading.plans import NEIGHBOURS, known
from bridge.model import Chat, Role

_LANGUAGE: dict[str, str] = {
    "ru": "RU", "uk": "UA", "be": "BY", "kk": "KZ", "uz": "UZ", "ky": "KG", "tg": "TJ", "hy": "AM", "ka": "GE", "az": "AZ",
    "de": "DE", "fr": "FR", "it": "IT", "pl": "PL", "cs": "CZ", "sk": "SK", "bg": "BG", "ro": "RO", "tr": "TR", "he": "IL",
    "lt": "LT", "lv": "LV", "et": "EE", "fi": "FI", "sv": "SE", "da": "DK", "nb": "NO", "no": "NO", "nl": "NL", "el": "GR",
    "hu": "HU", "sr": "RS", "hr": "HR", "ja": "JP", "ko": "KR", "es": "ES", "pt": "PT",
}  # fmt: skip
#: Top-level domains that say nothing about a country.
_NO_COUNTRY = frozenset({"io", "co", "me", "ai", "tv", "cc", "ws", "fm", "to", "gg", "ly", "eu", "su"})
_DOMAIN_COUNTRY = {"uk": "GB", "рф": "RU", "xn--p1ai": "RU", "su": "RU", "укр": "UA", "қаз": "KZ", "бел": "BY"}
#: Letters that only one of the alphabets has.
_LETTERS: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(letters + letters.upper()), region)
    for letters, region in (("әғқңұһ", "KZ"), ("їєґ", "UA"), ("ў", "BY"), ("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "RU"))
)
_READ_FOR_LANGUAGE = 800


def regions_of(chat: Chat, configured: str | None) -> tuple[tuple[str, ...], str]:
    """The regions to try in order, and by what the first was chosen (`config`, `country`, `page` …; empty: none is known)."""
    first: str | None = None
    why = ""
    others: list[str] = []
    for region, source in _hints(chat, configured):
        if not known(region):
            continue
        if first is None:
            first, why = region, source
        elif region not in others and region != first:
            others.append(region)
    if first is None:
        return (), ""
    neighbours = [region for region in NEIGHBOURS.get(first, ()) if region not in others]
    return (first, *others, *neighbours)[:5], why


def _hints(chat: Chat, configured: str | None) -> Iterator[tuple[str, str]]:
    if configured:
        yield configured.strip().upper(), "config"
    visitor = chat.visitor
    if visitor.country and len(visitor.country.strip()) == 2:  # noqa: PLR2004 - ISO 3166 alpha-2
        yield visitor.country.strip().upper(), "country"
    yield from _language(visitor.language)
    written = _alphabet(chat)
    if written and written != "RU":
        yield written, "alphabet"
    if chat.page.url:
        region = _site(chat.page.url)
        if region:
            yield region, "page"
    if written:
        yield written, "alphabet"


def _language(tag: str | None) -> Iterator[tuple[str, str]]:
    if not tag:
        return
    parts = re.split(r"[-_]", tag.strip())
    if len(parts) > 1 and len(parts[-1]) == 2 and parts[-1].isalpha():  # noqa: PLR2004 - pt-BR
        # "en-US" is what every browser says that nobody has set; it tells the country of its maker.
        if tag.lower().replace("_", "-") != "en-us":
            yield parts[-1].upper(), "language"
        return
    region = _LANGUAGE.get(parts[0].lower())
    if region:
        yield region, "language"


def _site(url: str) -> str | None:
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return None
    last = host.rpartition(".")[2].lower()
    if last in _DOMAIN_COUNTRY:
        return _DOMAIN_COUNTRY[last]
    return last.upper() if len(last) == 2 and last.isalpha() and last not in _NO_COUNTRY else None  # noqa: PLR2004 - ISO 3166 alpha-2


def _alphabet(chat: Chat) -> str | None:
    text = " ".join(
        message.text[:_READ_FOR_LANGUAGE]
        for message in chat.messages[:20]
        if message.role in {Role.VISITOR, Role.OPERATOR, Role.BOT}
    )[:_READ_FOR_LANGUAGE]
    if text.isascii():
        return None
    signs = set(text)
    for letters, region in _LETTERS:
        if not letters.isdisjoint(signs):
            return region
    return None
