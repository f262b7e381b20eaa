"""A request as the provider would send it: a recorded one with the proof that a source asks for made anew from its secret."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from bridge.cli.addresses import PROVIDER_SIGNS, ways
from bridge.connections.sources import Source
from bridge.errors import NotAuthentic
from bridge.mapping.schema import ProviderMapping, Verify
from bridge.verify import Incoming, verify
from bridge.verify.keys import decoded, standard_key
from bridge.verify.proof import message
from bridge.verify.rules import Asked


class CannotBeMade(NotAuthentic):
    """The proof that this provider gives cannot be made from the source's secret."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to a source of ours, without its host."""

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""
    path_secret: str | None = None


def proved(request: Outgoing, source: Source, *, base_url: str, now: datetime) -> Outgoing:
    """The request with the first proof that can be made from the source's first secret.

    `base_url` is the public address up to and with the source's name, for signatures that cover the address. Raises
    CannotBeMade with the remedy.
    """
    secret = source.keys[0] if source.keys else ""
    for way in ways(source):
        if way.rule.scheme in PROVIDER_SIGNS:
            continue
        made = _MAKERS[way.rule.scheme](request, way.rule, secret, base_url, now)
        if _holds(made, source.mapping, source.keys, base_url, now):
            return made
    if any(rule.scheme in PROVIDER_SIGNS for rule in source.mapping.verify):
        raise CannotBeMade("Only the provider can sign for this source: the key in the config is its public one.")
    if not secret:
        raise CannotBeMade(f"The source {source.name} has no `secret`, so nothing can prove a request; set one in the config.")
    raise CannotBeMade(f"The secret of {source.name} fits no way of {source.mapping.title}; `chat2crm check` says why.")


def _holds(made: Outgoing, mapping: ProviderMapping, keys: tuple[str, ...], base_url: str, now: datetime) -> bool:
    """By the same rules that the service will hold it against."""
    try:
        payload = json.loads(made.body)
    except ValueError:
        payload = None
    asked = Incoming(made.headers, made.body, made.query, made.path_secret, made.method, base_url + tail(made))
    try:
        verify(mapping.verify, asked, keys, now=now, payload=payload)
    except NotAuthentic:
        return False
    return True


def tail(request: Outgoing) -> str:
    """What follows the source's name in the address."""
    secret = f"/{request.path_secret}" if request.path_secret else ""
    return secret + (f"?{request.query}" if request.query else "")


# -- the proofs --------------------------------------------------------------------------------------------------------

Maker = Callable[[Outgoing, Verify, str, str, datetime], Outgoing]


def _open(request: Outgoing, _rule: Verify, _secret: str, _base_url: str, _now: datetime) -> Outgoing:
    return replace(request, path_secret=None)


def _shown(request: Outgoing, rule: Verify, secret: str, _base_url: str, _now: datetime) -> Outgoing:
    return _placed(replace(request, path_secret=None), rule, rule.prefix + secret)


def _hmac(request: Outgoing, rule: Verify, secret: str, base_url: str, now: datetime) -> Outgoing:
    request = replace(request, path_secret=None)
    headers = {name.lower(): value for name, value in request.headers.items()}
    stamp = ""
    if rule.timestamp is not None:
        stamp = _STAMPS[rule.timestamp.format](now)
        if rule.timestamp.header:
            headers[rule.timestamp.header.lower()] = stamp
    if rule.id:
        headers[rule.id.lower()] = f"msg_{secrets.token_hex(12)}"
    request = replace(request, headers=headers)
    incoming = Incoming(headers, request.body, request.query, None, request.method, base_url + tail(request))
    signed = message((rule.signed or ("{body}",))[0], rule, Asked(incoming), stamp)
    digest = hmac.digest(decoded(secret, rule.key) or b"", signed, rule.algorithm)
    text = digest.hex() if rule.encoding == "hex" else base64.b64encode(digest).decode("ascii")
    if rule.part:
        named = [f"{rule.timestamp.part}={stamp}"] if rule.timestamp is not None and rule.timestamp.part else []
        text = ",".join([*named, f"{rule.part}={text}"])
    return _placed(request, rule, rule.prefix + text)


def _standard(request: Outgoing, _rule: Verify, secret: str, _base_url: str, now: datetime) -> Outgoing:
    event_id, stamp = f"msg_{secrets.token_hex(12)}", str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), stamp.encode(), request.body))
    digest = hmac.digest(standard_key(secret) or b"", signed, "sha256")
    kept = {name: value for name, value in request.headers.items() if not name.lower().startswith(("svix-", "webhook-"))}
    proof = {"webhook-id": event_id, "webhook-timestamp": stamp,
             "webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}"}  # fmt: skip
    return replace(request, headers={**kept, **proof}, path_secret=None)


_STAMPS: Mapping[str, Callable[[datetime], str]] = {
    "unix": lambda now: str(int(now.timestamp())),
    "unix_ms": lambda now: str(int(now.timestamp() * 1000)),
    "iso": datetime.isoformat,
}
_MAKERS: Mapping[str, Maker] = {
    "none": _open, "equality": _shown, "hmac": _hmac, "standard_webhooks": _standard,
}  # fmt: skip


# -- where they stand --------------------------------------------------------------------------------------------------


def _placed(request: Outgoing, rule: Verify, text: str) -> Outgoing:
    return _PLACES[rule.place](request, rule.name or "", text)


def _in_header(request: Outgoing, name: str, text: str) -> Outgoing:
    kept = {known: value for known, value in request.headers.items() if known.lower() != name.lower()}
    return replace(request, headers={**kept, name: text})


def _in_query(request: Outgoing, name: str, text: str) -> Outgoing:
    kept = [pair for pair in parse_qsl(request.query, keep_blank_values=True) if pair[0] != name]
    return replace(request, query=urlencode([*kept, (name, text)]))


def _in_path(request: Outgoing, _name: str, text: str) -> Outgoing:
    return replace(request, path_secret=text)


def _in_body(request: Outgoing, name: str, text: str) -> Outgoing:
    try:
        payload = json.loads(request.body)
    except ValueError:
        return request
    *above, last = name.split(".")
    part = payload
    for step in above:
        part = part.setdefault(step, {}) if isinstance(part, dict) else {}
    if isinstance(part, dict):
        part[last] = text
    return replace(request, body=json.dumps(payload, ensure_ascii=False).encode())


_PLACES: Mapping[str, Callable[[Outgoing, str, str], Outgoing]] = {
    "header": _in_header, "query": _in_query, "path": _in_path, "body": _in_body,
}  # fmt: skip
