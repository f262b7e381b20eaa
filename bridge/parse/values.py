"""JSON values → what the model holds: ids always text, times always UTC, and nothing invented.

Providers send one and the same field as text, number, null, or leave it out; which of these it is never matters here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bridge.mapping.language.expressions import Findings

#: unix times above this are milliseconds (as seconds it would be the year 5138, as milliseconds it is 1973)
MILLISECONDS_FROM = 1e11
#: digits; what is longer counts nothing
LONGEST_INDEX = 18
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
UTM_NAMES = ("source", "medium", "campaign", "content", "term")
_TRUE = frozenset({"true", "1", "yes", "on"})
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?")
_UTM_SEPARATORS = re.compile(r"[|&;]")


def as_text(value: Any) -> str | None:
    """Text without blanks around it; numbers as people write them; None for nothing, and for lists and objects."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def as_texts(*values: Any) -> tuple[str, ...]:
    """All texts in the values and in the lists among them, each once, in order."""
    found: dict[str, None] = {}
    for value in values:
        for part in value if isinstance(value, list | tuple) else (value,):
            text = as_text(part)
            if text is not None:
                found[text] = None
    return tuple(found)


def as_list(value: Any) -> list[Any]:
    """A list; also from an object whose keys are numbers, which is how PHP prints a list with gaps."""
    if isinstance(value, dict) and value and all(str(key).isdecimal() and len(str(key)) <= LONGEST_INDEX for key in value):
        return [value[key] for key in sorted(value, key=int)]
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def as_flag(value: Any) -> bool:
    """True for true, 1 and the words for it."""
    return value is True or (bool(value) and (as_text(value) or "").lower() in _TRUE)


def as_time(value: Any, findings: Findings, what: str) -> datetime | None:
    """A moment in UTC, from a datetime, ISO text, unix seconds or milliseconds; None, and a finding, if it is none."""
    moment = value if isinstance(value, datetime) else _moment(value)
    if moment is not None and moment.tzinfo is None:
        findings.add(f"{what}: {moment.isoformat()} says no time zone; it was taken for UTC")
        moment = moment.replace(tzinfo=UTC)
    if moment is not None and EARLIEST <= moment <= LATEST:
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # 0 is how several providers write "not yet".
    if value not in (None, "", 0, "0"):
        findings.add(f"{what}: this is no time: {str(value)[:40]!r}")
    return None


def _moment(value: Any) -> datetime | None:
    text = as_text(value)
    if text is None or isinstance(value, bool):
        return None
    try:
        # ISO, which is what all functions over times give: a failed try of the other kind costs more than all the rest
        if text[4:5] == "-":
            return datetime.fromisoformat(text)
        number = float(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    try:
        return datetime.fromtimestamp(number / 1000 if abs(number) > MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def as_country(value: Any) -> str | None:
    """Two capital letters; None for a country's name."""
    text = as_text(value)
    return text.upper() if text and _COUNTRY.fullmatch(text) else None


def as_language(value: Any) -> str | None:
    """`ru` from `ru`, `ru-RU` or `ru_RU`; None for a language's name."""
    found = _LANGUAGE.fullmatch(as_text(value) or "")
    return found[1].lower() if found else None


def as_url(value: Any) -> str | None:
    """A web address as people can open it; None for anything that is not http or https (`javascript:`, `about:`)."""
    text = as_text(value)
    if text is None:
        return None
    # Widgets leave the scheme out so that one snippet serves http and https.
    if text.startswith("//"):
        text = f"https:{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def as_utm(value: Any) -> dict[str, str]:
    """Campaign marks from an object, or from text like `source=…|medium=…`; with or without `utm_` before the names."""
    if isinstance(value, str):
        pairs = [item.partition("=") for item in _UTM_SEPARATORS.split(value.lstrip("?"))]
        value = {name.strip(): mark for name, _, mark in pairs}
    if not isinstance(value, Mapping):
        return {}
    named = {str(name).lower().removeprefix("utm_"): as_text(mark) for name, mark in value.items()}
    return {name: mark for name in UTM_NAMES if (mark := named.get(name))}


def utm_of(url: str | None) -> dict[str, str]:
    """The campaign marks in a page's address."""
    if not url or "utm_" not in url.lower():
        return {}
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=1000)
    except ValueError:
        return {}
    return as_utm({name: mark for name, mark in reversed(query) if name.lower().startswith("utm_")})
