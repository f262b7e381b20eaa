"""The kinds of value that settings are written in: lengths of time, sizes, addresses, secrets, numbers of our own."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from bridge.mapping.schema.parts import OneOrMany, seconds


class Revealed(str):
    """Text that came out of `${NAME}` or `${file:…}`. It may be a secret, so no view of the settings shows it."""

    __slots__ = ()


# -- lengths of time and sizes -----------------------------------------------------------------------------------------

_LONGER = {"week": 7, "weeks": 7, "year": 365, "years": 365}
_LONG_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)


def _span(value: Any) -> float:
    found = _LONG_SPAN.fullmatch(value) if isinstance(value, str) else None
    if found and found[2] in _LONGER:
        value = f"{float(found[1]) * _LONGER[found[2]]} days"
    return seconds(value)


Span = Annotated[
    float, BeforeValidator(_span), WithJsonSchema({"type": "string", "examples": ["1.5s", "24h", "90 days", "2 years"]})
]
"""A length of time in seconds; written `1.5s`, `10 min`, `24h`, `7 days`, `2 weeks`, `2 years`."""

_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII | re.IGNORECASE)


def _size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2].lower() not in _BYTES:
        raise ValueError(f"{value!r} is not a size; write a number and a unit, like 512KiB or 2MiB")
    return int(float(found[1]) * _BYTES[found[2].lower()])


Size = Annotated[int, BeforeValidator(_size), Field(gt=0),
                 WithJsonSchema({"type": "string", "examples": ["512KiB", "2MiB"]})]
"""A size in bytes; written `512KiB`, `2MiB`, `1MB`."""


# -- headers -----------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}")


def _header_name(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError(f"{value!r} is no header's name; write the name alone, like X-Forwarded-User")
    return value


HeaderName = Annotated[str, AfterValidator(_header_name), WithJsonSchema({"type": "string", "pattern": f"^{_HEADER.pattern}$"})]


# -- secrets -----------------------------------------------------------------------------------------------------------


def _not_in_clear(value: Any) -> Any:
    if isinstance(value, Revealed | SecretStr):
        return value
    raise ValueError(
        "a secret does not stand in this file in clear; put it into an environment variable or a file"
        " and write ${NAME} or ${file:/run/secrets/name}"
    )


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("the secret is empty; give the variable or the file a value")
    return value


Secret = Annotated[SecretStr, BeforeValidator(_not_in_clear), AfterValidator(_not_empty)]
Secrets = Annotated[tuple[Secret, ...], OneOrMany]
"""One secret, or several while one replaces the other; every one of them is accepted."""


# -- the store ---------------------------------------------------------------------------------------------------------

#: schemes of an address → the kind of store
_STORES = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}


def store_kind(url: str) -> str:
    """`sqlite` or `postgresql`. Raises ValueError for what is no address of a store."""
    scheme, _, rest = url.partition(":")
    kind = _STORES.get(scheme)
    if kind is None or not rest.startswith("///" if kind == "sqlite" else "//") or not rest.strip("/"):
        shown = url if "@" not in url else f"{scheme}:…"
        raise ValueError(
            f"{shown!r} is no address of a store; write sqlite:///data/chat2crm.db or postgresql://user:password@host/database"
        )
    return kind


def _store_url(value: str) -> str:
    store_kind(value)
    return value


StoreUrl = Annotated[str, AfterValidator(_store_url)]


# -- addresses, places, languages --------------------------------------------------------------------------------------


def _http_url(value: str) -> str:
    """Keeps the text as written, but for a slash at its end: pydantic's own type would add one to a bare host."""
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port out of range, an open bracket
        known = False
    if not known or re.search(r"\s", value):
        raise ValueError(f"{value!r} is not a web address; write it whole, like https://crm.yourcompany.ru")
    if parts.username or parts.password:
        raise ValueError("a name or a password does not stand in an address; use the keys the CRM's page names")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]


def _target_url(value: str) -> str:
    scheme, found, rest = value.partition("://")
    if not found or scheme not in MAIL_SCHEMES:
        return _http_url(value)
    try:
        _http_url(f"https://{rest}")
    except ValueError as error:
        if "does not stand in an address" in str(error):
            raise
        raise ValueError(f"{value!r} is no mail server's address; write it like smtps://mail.yourcompany.ru") from None
    return value.rstrip("/")


#: with TLS from the start, and with TLS begun on the way
MAIL_SCHEMES = ("smtps", "smtp")
TargetUrl = Annotated[str, AfterValidator(_target_url)]
"""Where a CRM is: an address of the web, or a mail server."""


def _network(value: Any) -> Any:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no network ({error}); write it like 10.0.0.0/8, 192.168.1.5 or fd00::/8") from error


Network = Annotated[Any, BeforeValidator(_network), WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]})]
Networks = Annotated[tuple[Network, ...], OneOrMany]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no time zone; write its name, like Europe/Moscow or Asia/Almaty") from error
    return value


Zone = Annotated[str, AfterValidator(_zone)]


def _region(value: Any) -> Any:
    code = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise ValueError(f"{value!r} is no region; write the country's two letters, like RU, KZ, DE")
    if code not in SUPPORTED_REGIONS:
        meant = " (GB was meant, perhaps)" if code == "UK" else ""
        raise ValueError(f"{value!r} is no country with phone numbers{meant}; write its two letters, like RU, KZ, DE")
    return code


Region = Annotated[str, BeforeValidator(_region)]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} cannot be a name here, since names stand in addresses and metrics;"
            " use up to 64 Latin letters, digits, - and _"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Port = Annotated[int, Field(ge=0, le=65535)]

Words = Annotated[tuple[str, ...], OneOrMany]
"""One text or several."""


# -- what is ours ------------------------------------------------------------------------------------------------------

_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})+")
_ADDRESS = re.compile(r"[^@\s<>]{1,64}@" + _DOMAIN.pattern)
_PHONE = re.compile(r"[+\d][\d\s().\-/\u2010-\u2015]+")
#: the shortest number that somebody could take for a phone, and the longest there is
_DIGITS = range(5, 16)


def _own_domain(value: str) -> str:
    """Also as people paste one: with https://, www., *. or @ before it, and a path behind it."""
    text = value.strip().lower().partition("://")[2] or value.strip().lower()
    text = re.split(r"[/?#:]", text)[0].removeprefix("@").removeprefix("*.").removeprefix("www.").rstrip(".")
    if not _DOMAIN.fullmatch(text):
        remedy = "an address belongs under `emails`" if "@" in text else "write it like yourshop.com"
        raise ValueError(f"{value!r} is no domain; {remedy}")
    return text


def _own_email(value: str) -> str:
    text = value.strip().lower().removeprefix("mailto:")
    if not _ADDRESS.fullmatch(text):
        remedy = "a whole domain belongs under `domains`" if text.startswith("@") else "write it like sales@yourshop.com"
        raise ValueError(f"{value!r} is no e-mail address; {remedy}")
    return text


def _own_phone(value: str) -> str:
    text = value.strip().removeprefix("tel:")
    if not _PHONE.fullmatch(text.lstrip("(")) or sum(map(str.isdecimal, text)) not in _DIGITS:
        raise ValueError(f"{value!r} is no phone number; write the number alone, like +7 495 123-45-67")
    return text


OwnDomains = Annotated[tuple[Annotated[str, AfterValidator(_own_domain)], ...], OneOrMany]
OwnEmails = Annotated[tuple[Annotated[str, AfterValidator(_own_email)], ...], OneOrMany]
OwnPhones = Annotated[tuple[Annotated[str, AfterValidator(_own_phone)], ...], OneOrMany]
