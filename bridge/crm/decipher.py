"""A CRM's answer → the data in it, or the error that says what has to be done about it. Pure.

First come the mapping's own rules, then the table below: statuses mean much the same everywhere, but the exceptions are
what costs people their data, so a mapping can name every one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

from bridge.crm.json_answers import read_json
from bridge.crm.waits import seconds_until
from bridge.errors import (
    AccessRefused,
    AuthExpired,
    Blocked,
    Busy,
    Conflict,
    CrmBroken,
    CrmError,
    NotFound,
    Rejected,
)
from bridge.log import mask
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.schema.request import Request
from bridge.mapping.schema.speech import ErrorRule, Speech
from bridge.transport import Answer

#: characters of a CRM's own words that are kept with an error
EXCERPT = 300
#: members of an error's body that say what is wrong; the rest is somebody's data
_TELLING = re.compile(r"(message|error|detail|reason|code|field|label|type)s?$")
#: … and on top also these, which are a person's further below
_TELLING_ON_TOP = re.compile(r"^(title|name|status|description)$")
#: members in which the telling ones lie deeper
_INSIDE = re.compile(r"message|error|^(data|fields|body|response)$")
_DEEPEST = 3
#: some CRMs say why in a header, with an empty body
_REASON = re.compile(r"(reason|error|message)$")
#: operations that ask for a record by name: there, 404 means that record; elsewhere it means a wrong address
_NAMES_A_RECORD = frozenset({"read", "enrich", "note", "deal", "open_deals", "task", "file", "look", "fetch"})


@dataclass(frozen=True)
class Said:
    """An answer, decoded once."""

    answer: Answer

    @cached_property
    def data(self) -> Any:
        """The JSON in the body; None if there is none."""
        try:
            return read_json(self.answer.body) if self.answer.body else None
        except ValueError:
            return None

    @property
    def is_json(self) -> bool:
        return self.data is not None or self.answer.body.strip() == b"null"

    @cached_property
    def text(self) -> str:
        return self.answer.body.decode("utf-8", "replace")

    def value(self, expression: Expression, findings: Findings | None = None, **more: Any) -> Any:
        """What an expression gives over the answer; `status`, `headers` and `more` are in scope if it is an object."""
        data = self.data
        if isinstance(data, Mapping):
            data = {"status": self.answer.status, "headers": dict(self.answer.headers), **more, **data}
        elif data is None or more.get("match"):
            data = {"status": self.answer.status, "headers": dict(self.answer.headers), **more}
        return expression(data, findings)

    @cached_property
    def excerpt(self) -> str:
        """The CRM's own words on what is wrong: masked, short, without the records and tracebacks that come with them."""
        if isinstance(self.data, Mapping):
            words = ", ".join(_telling(self.data))
        elif isinstance(self.data, list):  # the records that are in the way, in most cases
            words = ""
        else:
            words = " ".join(re.sub(r"<[^>]{0,200}>", " ", self.text[:4000]).split())
        reasons = [value for name, value in self.answer.headers.items() if value and _REASON.search(name)]
        shown = mask(" · ".join([*reasons, words] if words else reasons)[: 4 * EXCERPT])
        return shown if len(shown) <= EXCERPT else shown[: EXCERPT - 1] + "…"


class ConflictSaid(Conflict):
    """A Conflict that still has the CRM's own words, in which an id may stand."""

    text: str = ""


def check(
    said: Said,
    mapping: Speech,
    request: Request,
    operation: str,
    *,
    now: datetime,
    findings: Findings | None = None,
) -> None:
    """Raise what this answer means, if it is no success.

    `operation` is the name the mapping's rules know it by (find, create, note …).
    """
    for rule in mapping.errors:
        match = _fits(rule, said, operation, findings)
        if match is not None:
            raise _by_rule(rule, said, operation, match, now, findings)
    status = said.answer.status
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        if status == HTTPStatus.UNAUTHORIZED and mapping.auth.kind == "oauth2":
            raise _error(AuthExpired, _REMEDIES["refresh_auth"][1], said, operation)
        raise _by_status(said, operation, now)
    success = request.success or mapping.success
    if success is not None and not said.value(success, findings):
        raise _error(Rejected, "The CRM answered that it did not do it", said, operation)


def _fits(rule: ErrorRule, said: Said, operation: str, findings: Findings | None) -> Mapping[str, Any] | None:
    """The pattern's groups (none: an empty mapping), or None if the rule does not fit."""
    if rule.only and operation not in rule.only:
        return None
    if rule.status and said.answer.status not in rule.status:
        return None
    for name, value in rule.header.items():
        if said.answer.headers.get(name.lower(), "").strip().lower() != value.lower():
            return None
    found: Mapping[str, Any] = {}
    if rule.match is not None:
        looked_at = said.text if rule.where is None else said.value(rule.where, findings)
        # Where there is nothing, no pattern fits: `null` would be a word to one that takes any.
        shown = looked_at if looked_at is None or isinstance(looked_at, str) else json.dumps(looked_at)
        groups = None if shown is None else rule.match.search(shown)
        if groups is None:
            return None
        found = groups
    if rule.when is not None and not said.value(rule.when, findings, match=found):
        return None
    return found


def _by_rule(
    rule: ErrorRule, said: Said, operation: str, match: Mapping[str, Any], now: datetime, findings: Findings | None
) -> CrmError:
    hint = rule.hint.en if rule.hint else None
    if rule.then == "conflict":
        records = said.value(rule.records, findings, match=match) if rule.records else None
        found = said.value(rule.id, findings, match=match) if rule.id else None
        conflict = ConflictSaid(
            _sentence(hint or "The CRM says that such a record exists already", said),
            records=as_records(records),
            record_id=as_id(found),
            again_headers=dict(rule.again.headers) if rule.again else None,
            status=said.answer.status,
            operation=operation,
            excerpt=said.excerpt,
        )
        conflict.text = said.text
        return conflict
    if rule.then == "retry_after":
        after = said.value(rule.after, findings, match=match) if rule.after else None
        wait = seconds_until(after, now) if after is not None else _retry_after(said, now)
        return _busy(said, operation, wait, hint)
    if rule.then == "retry" and said.answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # Not an error of the CRM's own, so it says itself that it did not do it.
        return _busy(said, operation, _retry_after(said, now), hint or "The CRM cannot do it now")
    kind, words = _REMEDIES[rule.then]
    return _error(kind, hint or words, said, operation)


#: the mapping's word → the error, and what is said where the rule has no hint
_REMEDIES: Mapping[str, tuple[type[CrmError], str]] = {
    "retry": (CrmBroken, "The CRM had an error of its own"),
    "refresh_auth": (AuthExpired, "The CRM's access token has run out"),
    "not_found": (NotFound, "The record is not there (any more)"),
    "permanent": (Rejected, "The CRM refuses what we wrote"),
    "blocked": (Blocked, "The CRM has blocked us; find out why before you let it go on"),
    "access_refused": (AccessRefused, "The CRM refuses our key, or its rights do not suffice"),
}


def _by_status(said: Said, operation: str, now: datetime) -> CrmError:
    status = said.answer.status
    if status < HTTPStatus.BAD_REQUEST:
        where = said.answer.headers.get("location", "").split("?")[0]
        to = " to " + "/".join(where.split("/")[:3]) if "://" in where else ""
        return _error(AccessRefused, f"The CRM redirects{to}; put its final address into the target's `url`", said, operation)
    if status in (404, 410):
        # A page for people is a proxy's word, not the CRM's: taken for "deleted" it would make a second client.
        if operation in _NAMES_A_RECORD and (said.is_json or not said.answer.body.strip()):
            return _error(NotFound, "The record is not there (any more)", said, operation)
        return _error(AccessRefused, "There is no such address at the CRM: check the target's `url`", said, operation)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _busy(said, operation, _retry_after(said, now))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (408, 425):
        return _broken(said, operation, now)
    kind, words = _STATUSES.get(status, (Rejected, "The CRM refuses what we wrote"))
    error = _error(kind, words, said, operation)
    if isinstance(error, ConflictSaid):
        error.text = said.text
    return error


_STATUSES: Mapping[int, tuple[type[CrmError], str]] = {
    401: (AccessRefused, "The CRM refuses our key: check the target's `token`"),
    402: (AccessRefused, "The CRM wants to be paid first"),
    403: (AccessRefused, "The key's rights in the CRM do not suffice"),
    407: (AccessRefused, "A proxy before the CRM wants a key of its own"),
    409: (ConflictSaid, "The CRM says that such a record exists already"),
}


def _busy(said: Said, operation: str, wait: float | None, words: str | None = None) -> Busy:
    return Busy(
        _sentence(words or "The CRM's rate limit is reached", said),
        retry_after=wait,
        status=said.answer.status,
        operation=operation,
        excerpt=said.excerpt,
    )


def _broken(said: Said, operation: str, now: datetime) -> CrmBroken:
    error = CrmBroken(
        _sentence("The CRM had an error of its own", said),
        status=said.answer.status, operation=operation, excerpt=said.excerpt,
    )  # fmt: skip
    error.retry_after = _retry_after(said, now)
    return error


def _error(kind: type[CrmError], words: str, said: Said, operation: str) -> CrmError:
    return kind(_sentence(words, said), status=said.answer.status, operation=operation, excerpt=said.excerpt)


def _sentence(words: str, said: Said) -> str:
    shown = f": {said.excerpt}" if said.excerpt else "."
    return f"{words} ({said.answer.status}){shown}"


def _telling(data: Any, depth: int = 0) -> Iterator[str]:
    for key, value in data.items() if isinstance(data, Mapping) else enumerate(data):
        word = "" if isinstance(key, int) else str(key).lower()
        telling = not word or _TELLING.search(word) or (depth == 0 and _TELLING_ON_TOP.search(word))
        if isinstance(value, Mapping | list):
            if depth < _DEEPEST and (telling or _INSIDE.search(word)):
                yield from _telling(value, depth + 1)
        elif telling and value not in (None, "", True, False):
            yield f"{key}: {value}" if word else str(value)


def _retry_after(said: Said, now: datetime) -> float | None:
    told = said.answer.headers.get("retry-after")
    return None if told is None else seconds_until(told, now)


def as_records(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, Mapping):
        return [dict(found)] if found else []
    if isinstance(found, list | tuple):
        return [dict(one) for one in found if isinstance(one, Mapping)]
    return []


def as_id(value: Any) -> str | None:
    """An id as text; a list's first one (some CRMs answer a create with a list)."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if value is None or isinstance(value, bool | Mapping):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None
