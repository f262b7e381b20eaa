"""One request of a mapping, filled from a scope, as the bytes that will be sent. Pure.

In a search, a read or a marker's request nothing is left out: an expression that comes out empty stops it
(EmptyExpression), because a search without its filter finds strangers. In what writes, empty members are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from bridge.crm.written import as_form, as_json, as_query, as_text, form_pairs, multipart, query_name, query_pairs, without_nul
from bridge.errors import Rejected
from bridge.mapping.language.expressions import Findings
from bridge.mapping.language.templates import Template
from bridge.mapping.schema.request import FileBytes, Request
from bridge.transport import PreparedRequest, checked_header

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


def render(
    request: Request,
    scope: Mapping[str, Any],
    *,
    base_url: str,
    strict: bool = False,
    findings: Findings | None = None,
    more: Mapping[str, str] | None = None,
    standing: Template | None = None,
) -> PreparedRequest:
    """Write the request. `strict` is for what searches or reads; `more` are headers sent besides the request's own, `standing`
    those of every request, which both of them stand in for.

    Raises:
        EmptyExpression: names the expression; nothing must be sent.
        Rejected: a header's value would break the request.
    """
    if request.path is None:
        raise ValueError("this part of the mapping makes no request of its own")
    url = base_url.rstrip("/") + request.path.fill(scope, findings)
    if request.query is not None:
        pairs = list(query_pairs(_filled(request.query, scope, strict=strict, findings=findings)))
        if pairs:
            url += ("&" if "?" in url else "?") + as_query(pairs)
    headers: dict[str, str] = {}
    always = _filled(standing, scope, strict=False, findings=findings)
    for name, value in (always or {}).items():
        _set(headers, str(name), as_text(value))
    body = _body(request, scope, strict=strict, findings=findings, headers=headers)
    # A header filters nothing: one that comes out empty (a database that need not be named) is left out even here.
    filled = _filled(request.headers, scope, strict=False, findings=findings)
    for given in (filled, more):
        if isinstance(given, Mapping):
            for name, value in given.items():
                _set(headers, str(name), as_text(value))
    return PreparedRequest(request.method, url, headers, body)


def next_page(request: PreparedRequest, into: str, value: Any) -> PreparedRequest:
    """The same request for the next page of its list.

    Raises:
        Rejected: the CRM's answer sends us to another host; our key does not go there.
    """
    where, _, name = into.partition(".")
    if where == "url":
        return PreparedRequest(request.method, same_origin(request.url, str(value)), request.headers, request.body)
    if where == "query":
        head, _, query = request.url.partition("?")
        key = query_name(name)
        kept = [part for part in query.split("&") if part and part.partition("=")[0] != key]
        return PreparedRequest(
            request.method, head + "?" + "&".join([*kept, as_query([(name, value)])]), request.headers, request.body
        )
    old = request.body or b""
    if where == "json":
        body = as_json(_with_member(json.loads(old) if old else {}, name.split("."), value))
    else:
        key = quote(name, safe="")
        kept = [part for part in old.decode().split("&") if part and part.partition("=")[0] != key]
        body = "&".join([*kept, as_form([(name, as_text(value))])]).encode()
    return PreparedRequest(request.method, request.url, request.headers, body)


def _with_member(data: Any, names: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy in which the member at that path has the value; objects on the way are made where they are missing."""
    inside = data if isinstance(data, dict) else {}
    name, *deeper = names
    return {**inside, name: _with_member(inside.get(name), deeper, value) if deeper else value}


def _set(headers: dict[str, str], name: str, value: str) -> None:
    if name not in headers:
        lower = name.lower()
        for known in headers:
            if known.lower() == lower:
                name = known
                break
    headers[name] = checked_header(name, value)


def _filled(
    template: Template | None, scope: Mapping[str, Any], *, strict: bool, findings: Findings | None
) -> Any:
    if template is None:
        return None
    return template.fill_strict(scope, findings) if strict else template.fill(scope, findings)


def _body(
    request: Request, scope: Mapping[str, Any], *, strict: bool, findings: Findings | None, headers: dict[str, str]
) -> bytes | None:
    if request.json_ is not None:
        _set(headers, "Content-Type", JSON_TYPE)
        return as_json(_filled(request.json_, scope, strict=strict, findings=findings))
    if request.form is not None:
        _set(headers, "Content-Type", FORM_TYPE)
        filled = _filled(request.form, scope, strict=strict, findings=findings)
        return as_form(form_pairs(filled or {}, request.encode)).encode()
    if request.multipart is not None:
        filled = _filled(request.multipart, scope, strict=strict, findings=findings)
        kind, body = multipart(filled or {})
        _set(headers, "Content-Type", kind)
        return body
    if request.raw is not None:
        filled = _filled(request.raw, scope, strict=strict, findings=findings)
        if isinstance(filled, FileBytes):
            _set(headers, "Content-Type", filled.type)
            return filled.data
        _set(headers, "Content-Type", "text/plain; charset=utf-8")
        return without_nul("" if filled is None else str(filled)).encode("utf-8", "replace")
    return None


def same_origin(url: str, link: str) -> str:
    """The address that an answer to a request to `url` gave. Raises Rejected if it lies on another host."""
    here, there = urlsplit(url), urlsplit(link)
    if not there.scheme and not there.netloc:
        return f"{here.scheme}://{here.netloc}/{link.lstrip('/')}"
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise Rejected(f"The CRM's answer leads to another host ({there.netloc}); our key is not sent there.")
    return link
