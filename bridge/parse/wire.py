"""Bytes → payload: the body kinds a mapping can name, within limits, whatever the Content-Type says.

A payload is plain data (dict, list, text, numbers, true, false, None). It holds no NUL and no half of a surrogate pair
(neither can be stored), no NaN and no infinity (neither can be sent on).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from bridge.errors import NotUnderstood
from bridge.mapping.schema import Body
from bridge.parse.escapes import unescaped
from bridge.parse.limits import LIMITS, Limits, Room
from bridge.parse.nesting import nested

#: bytes; `receive.max_body` is far below, this guards `check`, replays and everything else that decodes
LARGEST_BODY = 16 * 1024 * 1024
MOST_FORM_FIELDS = 10_000
#: digits; a longer whole number is kept as the text it was, as no id must lose a digit
LONGEST_NUMBER = 100

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
#: how the unstorable can come in at all: as it is, or as a JSON escape
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def decode_body(raw: bytes, body: Body, charset: str, limits: Limits = LIMITS) -> Any:
    """The payload. An empty body is an empty object (a provider that only calls the address).

    Raises NotUnderstood, saying what the bytes were taken for and where they stop being that.
    """
    if len(raw) > LARGEST_BODY:
        raise NotUnderstood(f"the body has {len(raw)} bytes; more than {LARGEST_BODY} are not read")
    text = raw.decode(charset, errors="replace").removeprefix("\ufeff")
    if not text.strip():
        return {}
    payload = _KINDS[body.kind](text, body, charset, Room(limits, len(raw)))
    return storable(payload) if _may_be_unstorable(raw) else payload


def _may_be_unstorable(raw: bytes) -> bool:
    # single bytes are found many times faster, and most bodies have none of them
    escaped = b"\\u0000" in raw or b"\\ud" in raw or b"\\uD" in raw
    return b"\x00" in raw or (b"%" in raw and b"%00" in raw) or (escaped and _ESCAPED.search(raw) is not None)


def storable(data: Any) -> Any:
    """A copy in which every NUL and lone surrogate is the replacement character, in keys too."""
    if isinstance(data, str):
        return _UNSTORABLE.sub(REPLACEMENT, data.replace("\x00", REPLACEMENT))  # there may be a million of them
    if isinstance(data, dict):
        return {storable(key): storable(value) for key, value in data.items()}
    if isinstance(data, list):
        return [storable(value) for value in data]
    return data


# -- the kinds ---------------------------------------------------------------------------------------------------------


def _json(text: str, _body: Body, _charset: str, room: Room) -> Any:
    room.take(text)
    try:
        payload = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotUnderstood(
            f"the body is not JSON: {error.msg.removesuffix(' at')} (line {error.lineno}, column {error.colno}); "
            "does the mapping's `body:` fit, and has the provider changed its format?"
        ) from error
    except RecursionError as error:
        raise room.limits.too_deep() from error
    if not isinstance(payload, dict | list):
        raise NotUnderstood("the body is JSON, but neither an object nor a list")
    if text.count("{") + text.count("[") > room.limits.depth:
        room.limits.check_depth(payload)
    return payload


def _form(text: str, body: Body, charset: str, room: Room) -> Any:
    if _is_json(text):
        return _json(text, body, charset, room)
    payload: dict[str, Any] = {}
    for name, value in _pairs(text, charset):
        if name not in payload:
            payload[name] = value
        elif isinstance(payload[name], list):
            payload[name].append(value)
        else:
            payload[name] = [payload[name], value]
    return payload


def _form_json(text: str, body: Body, charset: str, room: Room) -> Any:
    payload = _form(text, body, charset, room)
    if body.payload:
        if body.payload not in payload:
            raise NotUnderstood(f"the form has no field {body.payload!r}; it has: {_names(payload)}")
        inner, why = _inner(payload[body.payload], body, charset, room)
        if inner is None:
            raise NotUnderstood(f"the form's field {body.payload!r} holds no JSON" + (f": {why}" if why else ""))
        return inner
    for name in body.fields or tuple(payload):
        inner, _ = _inner(payload.get(name), body, charset, room)
        if inner is not None:
            payload[name] = inner
    return payload


def _nested_form(text: str, body: Body, charset: str, room: Room) -> Any:
    if _is_json(text):
        return _json(text, body, charset, room)
    payload = nested(_pairs(text, charset), deepest=room.limits.depth, room=room)
    room.limits.check_depth(payload)
    return payload


_KINDS: dict[str, Callable[[str, Body, str, Room], Any]] = {
    "json": _json, "form": _form, "form_json": _form_json, "nested_form": _nested_form,
}


def _is_json(text: str) -> bool:
    """Some providers send a form or JSON by the tick of a box; no form's first field is named like this."""
    return text.lstrip()[:1] == "{"


def _pairs(text: str, charset: str) -> list[tuple[str, str]]:
    text = text.strip()
    if text.count("&") >= MOST_FORM_FIELDS:
        raise NotUnderstood(f"the form has more than {MOST_FORM_FIELDS} fields")
    named = (field.partition("=") for field in text.split("&") if field)
    return [(unescaped(name, charset), unescaped(value, charset)) for name, _, value in named]


def _inner(value: Any, body: Body, charset: str, room: Room) -> tuple[Any, str]:
    """The object or list that a field holds as JSON, plain or in base64; None if it holds neither, and why not."""
    if not isinstance(value, str):
        return (value if isinstance(value, dict | list) and value else None), ""
    why = ""
    for text in (value, _from_base64(value, charset)):
        if text.lstrip()[:1] in ("{", "["):
            try:
                return _json(text, body, charset, room), ""
            except NotUnderstood as error:
                why = error.message
    return None, why


def _from_base64(value: str, charset: str) -> str:
    try:
        # A form turns the + of base64 into a blank.
        return base64.b64decode(value.replace(" ", "+"), validate=True).decode(charset, errors="replace")
    except ValueError:
        return ""


def _names(payload: dict[str, Any]) -> str:
    return ", ".join(sorted(payload)[:20]) or "none"


# -- numbers -----------------------------------------------------------------------------------------------------------


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= LONGEST_NUMBER else digits


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) != float("inf") else None


def _no_number(_word: str) -> None:
    return None


#: one for all, as making one costs something. Not strict: templates written by hand in some chat's admin pages put raw line
#: breaks into strings
_DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_finite, parse_constant=_no_number)
