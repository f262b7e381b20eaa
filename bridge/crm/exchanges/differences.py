"""Where what a mapping does is not what its story tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bridge.mapping.samples import Request as Expected
from bridge.transport import PreparedRequest

Json = Any


#: said by the body's own kind
_UNSAID = {"content-type"}


def unlike(expected: Expected, request: PreparedRequest, home: str) -> Iterator[str]:
    """What of a request is not as it was recorded, in words. `home`: the CRM's own address, see `shown`."""
    if request.method != expected.method:
        yield f"the method is {request.method}, the story has {expected.method}"
    if shown(request.url, home) != expected.url:
        yield f"the address is {shown(request.url, home)}, the story has {expected.url}"
    yield from _headers(expected.headers, request.headers)
    body = (request.body or b"").decode()
    if expected.json_ is not None:
        given = json.loads(body) if body else None
        if given != expected.json_:
            yield f"the body is {json.dumps(given, ensure_ascii=False)}, the story has " + json.dumps(
                expected.json_, ensure_ascii=False
            )
    elif expected.form is not None:
        if dict(parse_qsl(body, keep_blank_values=True)) != expected.form:
            yield f"the form is {body}, the story has {expected.form}"
    elif expected.multipart is not None:
        parts = _parts(request)
        if parts != expected.multipart:
            yield f"the parts are {json.dumps(parts, ensure_ascii=False)}, the story has " + json.dumps(
                expected.multipart, ensure_ascii=False
            )
    elif body != (expected.text or ""):
        yield f"the body is {body!r}, the story has {expected.text!r}"


def _headers(expected: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    sent = {name.lower(): value for name, value in given.items()}
    for name, value in expected.items():
        if sent.get(name.lower()) != value:
            yield f"the header {name} is {sent.get(name.lower())!r}, the story has {value!r}"
    told = {name.lower() for name in expected} | _UNSAID
    for name in (name for name in given if name.lower() not in told):
        yield f"the header {name} is sent, {given[name]!r}, of which the story has nothing"


def _parts(request: PreparedRequest) -> dict[str, Json]:
    """The parts of such a body, as a story tells them."""
    kind = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + (request.body or b""))
    told: dict[str, Json] = {}
    for part in whole.iter_parts() if whole.is_multipart() else ():
        content, name = part.get_payload(decode=True), part.get_param("name", header="content-disposition")
        text = content.decode() if isinstance(content, bytes) else str(content)
        file = part.get_filename()
        told[str(name)] = text if file is None else {"filename": file, "type": part.get_content_type(), "text": text}
    return told


def shown(url: str, home: str) -> str:
    """An address as stories tell it: below the CRM's own host without that, which is another one in each; elsewhere whole."""
    parts = urlsplit(url)
    if parts[:2] != urlsplit(home)[:2]:
        return url
    return parts.path + (f"?{parts.query}" if parts.query else "")


def differences(expected: Json, given: Json, where: str = "outcome") -> Iterator[str]:
    """What of the expected is not so; what the story does not mention is not compared."""
    if isinstance(expected, Mapping) and isinstance(given, Mapping):
        for key, value in expected.items():
            if key not in given:
                yield f"{where}.{key} is missing; there are: {', '.join(given) or 'none'}"
            else:
                yield from differences(value, given[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        for number, (one, other) in enumerate(zip(expected, given, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif expected != given:
        yield f"{where} is {json.dumps(given, ensure_ascii=False)}, the story has {json.dumps(expected, ensure_ascii=False)}"
