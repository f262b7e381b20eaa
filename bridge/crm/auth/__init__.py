"""How a request shows the target's key. Pure: a rendered request in, the same request with its key out.

`url` and `none` add nothing (the key stands in `base_url`, or there is none). Whatever kind is added, it is a row below.

`oauth` is OAuth 2 in a mapping's words · `tokens` keeps access tokens and renews them, one asker at a time · `sealing` encrypts
them · `consent` has a person let us in · `signatures` are made anew for every request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bridge.crm.auth.signatures import ID_HEADER, digest, in_base64, standard_webhook
from bridge.crm.render import FORM_TYPE, JSON_TYPE
from bridge.errors import AccessRefused, EmptyExpression, Rejected
from bridge.mapping.language.templates import TextTemplate
from bridge.mapping.schema.auth import Auth
from bridge.transport import PreparedRequest, checked_header


@dataclass(frozen=True, slots=True)
class Around:
    """What else a signature may rest on."""

    base_url: str
    now: datetime


def sign(
    request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], *, base_url: str, now: datetime | None = None
) -> PreparedRequest:
    """The request with its key. `now` is the time of signing, where one is signed.

    Raises:
        AccessRefused: the target has no key, although its CRM wants one, or it is none that can sign.
        Rejected: the key cannot stand where it has to.
    """
    try:
        return _KINDS[auth.kind](request, auth, scope, Around(base_url, now or datetime.now(UTC)))
    except EmptyExpression as error:
        raise AccessRefused(
            f"The key for this CRM is missing ({error.message}); set it in the target's configuration."
        ) from error


def _unchanged(request: PreparedRequest, _auth: Auth, _scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    return request


def _header(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    return _with_header(request, str(auth.name), _text(auth.value, scope))


def _bearer(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    return _with_header(request, "Authorization", "Bearer " + _text(auth.value, scope))


def _basic(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    pair = f"{_text(auth.user, scope)}:{_text(auth.password, scope)}"
    return _with_header(request, "Authorization", "Basic " + base64.b64encode(pair.encode()).decode("ascii"))


def _query(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    return _in_query(request, str(auth.name), _text(auth.value, scope))


def _hmac(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], around: Around) -> PreparedRequest:
    parts = urlsplit(request.url)
    below = parts.path.removeprefix(urlsplit(around.base_url).path.rstrip("/"))
    signed = _text(
        auth.signed,
        {
            **scope,
            "method": request.method,
            "url": request.url,
            #: below `base_url`, without the query
            "path": below,
            "query": parts.query,
            "body": (request.body or b"").decode("utf-8", "replace"),
        },
    )
    key = _text(auth.key, scope) if auth.key is not None else _own_key(scope)
    if not key:
        raise EmptyExpression("there is no `token`")
    signature = digest(key, signed, auth.algorithm, auth.encoding)
    value = _text(auth.value, {**scope, "signature": signature})
    return _with_header(request, str(auth.name), in_base64(value) if auth.encoding == "bytes" else value)


def _standard_webhooks(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], around: Around) -> PreparedRequest:
    message_id = next((value for name, value in request.headers.items() if name.lower() == ID_HEADER), None)
    if not message_id:
        raise Rejected(f"The mapping sends a request without the header {ID_HEADER}: give it a marker of the kind header.")
    key = _text(auth.key, scope) if auth.key is not None else _own_key(scope)
    if not key:
        raise EmptyExpression("there is no `token`")
    also = str(auth.also.fill(scope) or "") if auth.also is not None else ""
    made = standard_webhook(message_id, int(around.now.timestamp()), request.body or b"", filter(None, (key, also)))
    return replace(request, headers={**request.headers, **made})


def _oauth2(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    """A target with a `token` of its own carries that: one which a person has made and which does not run out."""
    token = scope.get("token") or {"access": _own_key(scope)}
    if not token.get("access"):
        raise EmptyExpression("there is neither a `token` nor `oauth:`")
    name, value = auth.carried
    return _CARRIERS[auth.carry](request, name, _text(value, {**scope, "token": token}))


def _json(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _around: Around) -> PreparedRequest:
    path = str(auth.name).split(".")
    body = _with_value(json.loads(request.body) if request.body else None, path, _text(auth.value, scope))
    if body is None:
        raise Rejected(f"The key goes into the JSON body at {auth.name}, but this request of the mapping has no such place.")
    return replace(request, body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _with_value(data: Any, path: Sequence[str], value: str) -> Any:
    """A copy with the value at that path; None if the way there is missing. A number is a place in a list."""
    name, *deeper = path
    if isinstance(data, dict):
        inside: Any = _with_value(data.get(name), deeper, value) if deeper else value
        return None if inside is None else {**data, name: inside}
    if isinstance(data, list) and name.isdecimal() and int(name) < len(data):
        place = int(name)
        inside = _with_value(data[place], deeper, value) if deeper else value
        return None if inside is None else [*data[:place], inside, *data[place + 1 :]]
    return None


def _in_query(request: PreparedRequest, name: str, value: str) -> PreparedRequest:
    joint = "&" if "?" in request.url else "?"
    return replace(request, url=f"{request.url}{joint}{quote(name, safe='')}={quote(value, safe='')}")


def _in_json(request: PreparedRequest, name: str, value: str) -> PreparedRequest:
    body = json.loads(request.body) if request.body else {}
    if request.method == "GET" or not isinstance(body, dict):
        raise Rejected("The access token goes into the JSON body, but this request of the mapping has no object there.")
    dumped = json.dumps({**body, name: value}, ensure_ascii=False, separators=(",", ":")).encode()
    return replace(request, headers={**request.headers, "Content-Type": JSON_TYPE}, body=dumped)


def _in_form(request: PreparedRequest, name: str, value: str) -> PreparedRequest:
    form = request.headers.get("Content-Type", FORM_TYPE) == FORM_TYPE
    if request.method == "GET" or not form:
        raise Rejected("The access token goes into the form, but this request of the mapping has none.")
    body = b"&".join(filter(None, (request.body, urlencode({name: value}).encode())))
    return replace(request, headers={**request.headers, "Content-Type": FORM_TYPE}, body=body)


def _own_key(scope: Mapping[str, Any]) -> str:
    return str((scope.get("target") or scope.get("source") or {}).get("token") or "")


_KINDS: Mapping[str, Callable[[PreparedRequest, Auth, Mapping[str, Any], Around], PreparedRequest]] = {
    "none": _unchanged,
    "url": _unchanged,
    "header": _header,
    "bearer": _bearer,
    "basic": _basic,
    "query": _query,
    "json": _json,
    "hmac": _hmac,
    "standard_webhooks": _standard_webhooks,
    "oauth2": _oauth2,
}


def _with_header(request: PreparedRequest, name: str, value: str) -> PreparedRequest:
    # made by hand: `replace` takes three times as long, and every request is signed
    headers = {**request.headers, name: checked_header(name, value)}
    return PreparedRequest(request.method, request.url, headers, request.body)


_CARRIERS: Mapping[str, Callable[[PreparedRequest, str, str], PreparedRequest]] = {
    "header": _with_header,
    "query": _in_query,
    "json": _in_json,
    "form": _in_form,
}


def _text(template: TextTemplate | None, scope: Mapping[str, Any]) -> str:
    if template is None:
        return ""
    return str(template.fill_strict(scope))
