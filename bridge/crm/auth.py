"""How a request shows the target's key. Pure: a rendered request in, the same request with its key out.

`url` and `none` add nothing (the key stands in `base_url`, or there is none). Whatever kind is added, it is a row below.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bridge.crm.render import FORM_TYPE, JSON_TYPE, checked_header
from bridge.errors import AccessRefused, EmptyExpression, Rejected
from bridge.mapping.auth import Auth
from bridge.mapping.templates import TextTemplate
from bridge.transport import PreparedRequest


def sign(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], *, base_url: str) -> PreparedRequest:
    """The request with its key.

    Raises:
        AccessRefused: the target has no key, although its CRM wants one.
    """
    try:
        return _KINDS[auth.kind](request, auth, scope, base_url)
    except EmptyExpression as error:
        raise AccessRefused(
            f"The key for this CRM is missing ({error.message}); set it in the target's configuration."
        ) from error


def _unchanged(request: PreparedRequest, _auth: Auth, _scope: Mapping[str, Any], _base: str) -> PreparedRequest:
    return request


def _header(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _base: str) -> PreparedRequest:
    return _with_header(request, str(auth.name), _text(auth.value, scope))


def _bearer(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _base: str) -> PreparedRequest:
    return _with_header(request, "Authorization", "Bearer " + _text(auth.value, scope))


def _basic(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _base: str) -> PreparedRequest:
    pair = f"{_text(auth.user, scope)}:{_text(auth.password, scope)}"
    return _with_header(request, "Authorization", "Basic " + base64.b64encode(pair.encode()).decode("ascii"))


def _query(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _base: str) -> PreparedRequest:
    return _in_query(request, str(auth.name), _text(auth.value, scope))


def _hmac(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], base_url: str) -> PreparedRequest:
    parts = urlsplit(request.url)
    below = parts.path.removeprefix(urlsplit(base_url).path.rstrip("/"))
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
    digest = hmac.new(key.encode(), signed.encode(), auth.algorithm).digest()
    signature = digest.hex() if auth.encoding == "hex" else base64.b64encode(digest).decode("ascii")
    return _with_header(request, str(auth.name), _text(auth.value, {**scope, "signature": signature}))


def _oauth2(request: PreparedRequest, auth: Auth, scope: Mapping[str, Any], _base: str) -> PreparedRequest:
    """A target with a `token` of its own carries that: one which a person has made and which does not run out."""
    token = scope.get("token") or {"access": _own_key(scope)}
    if not token.get("access"):
        raise EmptyExpression("there is neither a `token` nor `oauth:`")
    name, value = auth.carried
    return _CARRIERS[auth.carry](request, name, _text(value, {**scope, "token": token}))


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


_KINDS: Mapping[str, Callable[[PreparedRequest, Auth, Mapping[str, Any], str], PreparedRequest]] = {
    "none": _unchanged,
    "url": _unchanged,
    "header": _header,
    "bearer": _bearer,
    "basic": _basic,
    "query": _query,
    "hmac": _hmac,
    "oauth2": _oauth2,
}


def _with_header(request: PreparedRequest, name: str, value: str) -> PreparedRequest:
    return replace(request, headers={**request.headers, name: checked_header(name, value)})


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
