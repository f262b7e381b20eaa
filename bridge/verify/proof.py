"""Where a proof stands in a request, what exactly is signed, and when it was."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from bridge.errors import NotAuthentic
from bridge.verify.rules import Asked, Rule

#: seconds; the year 5138. What lies beyond is no time of signing.
LATEST = 1e11


# -- the secret or signature -------------------------------------------------------------------------------------------


def given(rule: Rule, asked: Asked) -> str:
    """The secret or signature that came with the request, without the rule's prefix. Raises NotAuthentic."""
    value = _PLACES[rule.place](rule, asked)
    if rule.prefix:
        if not value.lower().startswith(rule.prefix.lower()):
            raise NotAuthentic(f"what stands in the {rule.place} does not begin with {rule.prefix!r}")
        value = value[len(rule.prefix):].strip()
    if not value:
        raise NotAuthentic(f"there is no secret or signature in the {rule.place}")
    return value


def _in_header(rule: Rule, asked: Asked) -> str:
    return asked.header(rule.name or "")


def _in_query(rule: Rule, asked: Asked) -> str:
    try:
        pairs = parse_qsl(asked.request.query, keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise NotAuthentic("the query cannot be read") from error
    return next((value for name, value in pairs if name == rule.name), "")


def _in_path(_rule: Rule, asked: Asked) -> str:
    return asked.request.path_secret or ""


def _in_body(rule: Rule, asked: Asked) -> str:
    value = asked.payload
    for step in (rule.name or "").split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


_PLACES: dict[str, Callable[[Rule, Asked], str]] = {
    "header": _in_header, "query": _in_query, "path": _in_path, "body": _in_body,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """A header taken apart: the signatures in it, and its other named parts."""

    signatures: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)


def parts(rule: Rule, text: str) -> Parts:
    """`t=…,s=…,s=…` taken apart where the rule names the part that is a signature; else the whole text is one."""
    if not rule.part:
        return Parts((text,))
    pairs = [(name.strip(), value.strip()) for name, _, value in (item.partition("=") for item in text.split(","))]
    signatures = tuple(value for name, value in pairs if name == rule.part)
    if not signatures:
        raise NotAuthentic(f"the signature has no part {rule.part}=…")
    return Parts(signatures, dict(pairs))


# -- what is signed ----------------------------------------------------------------------------------------------------


def stamp(rule: Rule, asked: Asked, named: Mapping[str, str]) -> str:
    """The time of signing as it was sent; '' if the rule knows of none. Raises NotAuthentic if it is missing."""
    where = rule.timestamp
    if where is None:
        return ""
    if not where.part:
        return asked.header(where.header or "")
    if where.part not in named:
        raise NotAuthentic(f"the signature has no part {where.part}=…")
    return named[where.part]


def in_bytes(text: str) -> bytes:
    """Of a header or address, as they travelled: what was no UTF-8 has come as halves of surrogate pairs."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


_SIGNED: dict[str, Callable[[Rule, Asked, str], bytes]] = {
    "body": lambda _rule, asked, _stamp: asked.request.body,
    "compact_body": lambda _rule, asked, _stamp: _compact(asked.request.body),
    "timestamp": lambda _rule, _asked, stamp: in_bytes(stamp),
    "id": lambda rule, asked, _stamp: in_bytes(asked.header(rule.id or "")),
    "method": lambda _rule, asked, _stamp: in_bytes(asked.request.method.upper()),
    "url": lambda _rule, asked, _stamp: in_bytes(asked.request.url),
    "decoded_url": lambda _rule, asked, _stamp: in_bytes(unquote(asked.request.url)),
}
#: what `signed:` may name in braces
SIGNED_NAMES = frozenset(_SIGNED)


@lru_cache(maxsize=64)
def _pieces(template: str) -> tuple[str, ...]:
    return tuple(re.split(r"\{(\w+)\}", template))


def message(template: str, rule: Rule, asked: Asked, sent_stamp: str) -> bytes:
    """The exact bytes that are signed: joined as bytes, so that a body in any encoding stays what it is."""
    pieces = _pieces(template)
    return b"".join(
        _SIGNED[piece](rule, asked, sent_stamp) if index % 2 else piece.encode() for index, piece in enumerate(pieces)
    )


def _compact(body: bytes) -> bytes:
    """The body as its signer printed it: some sign the object they hold, not the bytes they send."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return body


# -- when --------------------------------------------------------------------------------------------------------------


def seconds(text: str, kind: str) -> float:
    """A time of signing as unix seconds. Raises NotAuthentic if it cannot be read as `kind` (unix, unix_ms, iso)."""
    try:
        value = _SECONDS[kind](text)
    except (ValueError, OverflowError) as error:
        raise NotAuthentic("the time of signing cannot be read") from error
    if not math.isfinite(value) or abs(value) > LATEST:
        raise NotAuthentic("the time of signing cannot be read")
    return value


def _iso(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.timestamp()


_SECONDS: dict[str, Callable[[str], float]] = {
    "unix": float, "unix_ms": lambda text: float(text) / 1000, "iso": _iso,
}
