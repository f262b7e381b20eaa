"""What must be known of a delivery before the provider is answered, and nothing more."""

from __future__ import annotations

import codecs
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from bridge.errors import NotUnderstood
from bridge.mapping.language.expressions import Findings
from bridge.mapping.language.scopes import Scope
from bridge.mapping.language.truth import is_true
from bridge.mapping.paths import conceal
from bridge.mapping.schema import Answer, EventRule, Handshake, ProviderMapping, Reply
from bridge.parse.events import event_name, parts, rule_for
from bridge.parse.limits import Limits
from bridge.parse.source import Sent, SourceView, top_scope
from bridge.parse.values import as_text

#: characters of a part of a dedupe key that are kept readable; a longer part becomes its hash
LONGEST_KEY_PART = 64
HASH_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Glance:
    """A delivery at first sight."""

    #: two deliveries of a source with one key are the same
    dedupe_key: str
    #: the vendor's word for what happened
    event: str | None
    #: how the (first part of the) delivery will be read; None if the mapping does not know the event
    rule: EventRule | None
    #: what is answered at once, without asking anybody
    answer: Reply
    #: the answer to give instead where the CRM can be asked within `live_answer.within`; fill it with `reply`
    live_answer: Answer | None = None
    #: the provider only tries our address: answer, store nothing
    handshake: bool = False
    #: the handshake itself carried one of the source's secrets, or is open to anybody, so that it needs no other proof
    proved: bool = False
    #: in which a live answer is filled
    scope: Scope = field(default_factory=lambda: Scope({}, {}))

    @property
    def live(self) -> bool:
        return self.live_answer is not None


def glance(payload: Any, delivery: Sent, mapping: ProviderMapping, source: SourceView, *,
           keys: Sequence[str] = ()) -> Glance:
    """Look at a delivery. `payload` None: it could not be decoded, it is stored and answered all the same.

    `keys` are the source's secrets, for handshakes that carry one. Never raises for anything in the delivery.
    """
    findings = Findings()
    top = top_scope(payload, delivery, source)
    shaken = _handshake(mapping, top, delivery, keys, findings)
    if shaken is not None:
        return Glance(dedupe_key="", event=None, rule=None, answer=reply(shaken.answer, top), handshake=True,
                      proved=shaken.secret is not None or shaken.open)
    scope = _first_part(mapping, top, findings, source.limits) if payload is not None else top
    event = event_name(mapping, scope, findings)
    rule = rule_for(mapping, event, scope, findings) if payload is not None else None
    answer = mapping.answer(rule.answer if rule else None)
    live = answer if answer.within is not None else None
    return Glance(
        dedupe_key=_dedupe_key(mapping, top, delivery.body, findings),
        event=event,
        rule=rule,
        answer=reply(mapping.answer() if live else answer, top),
        live_answer=live,
        scope=top,
    )


def _first_part(mapping: ProviderMapping, top: Scope, findings: Findings, limits: Limits) -> Scope:
    try:
        return next(parts(mapping, top, findings, limits), top)
    except NotUnderstood:  # which will be said when it is sorted
        return top


def reply(answer: Answer, scope: Scope, ours: Mapping[str, Any] | None = None) -> Reply:
    """The mapping's answer, filled; without a body in the mapping it is empty. `ours` is laid over the delivery's
    scope: for a live answer `{"client": …}`, which is null elsewhere.
    """
    if answer.constant is not None:
        return answer.constant
    scope = Scope(scope.own, {"client": None, **scope.ours, **(ours or {})}, beyond=scope.beyond, memo=scope.memo)
    data, text, headers = (None if part is None else part.fill(scope) for part in (answer.json_, answer.text, answer.headers))
    return answer.reply(data, as_text(text), headers)


def stored_body(raw: bytes, payload: Any, mapping: ProviderMapping) -> bytes:
    """The bytes to store: exactly those received, but where a path of `conceal` holds something: then the payload as
    JSON with a mark in that place, which decodes to the same payload under every body kind.
    """
    if not mapping.conceal or not isinstance(payload, dict | list):
        return raw
    concealed = conceal(payload, mapping.conceal)
    if concealed is payload or concealed == payload:
        return raw
    if codecs.lookup(mapping.charset).name != "utf-8":
        return json.dumps(concealed).encode(mapping.charset)  # escaped: it may hold letters that the character set has not
    # five times as fast, and somebody waits for the answer; a payload holds nothing that it refuses
    return to_json(concealed)


def shown(payload: Any, mapping: ProviderMapping) -> Any:
    """The payload for views, logs and captures: nothing of `conceal` and `secrets` in it."""
    return conceal(payload, (*mapping.conceal, *mapping.secrets))


def _handshake(mapping: ProviderMapping, top: Scope, delivery: Sent, keys: Sequence[str],
               findings: Findings) -> Handshake | None:
    for rule in mapping.handshakes:
        if rule.method != delivery.method.upper() or (rule.when is not None and not is_true(rule.when(top, findings))):
            continue
        if rule.secret is None or _is_one_of(as_text(rule.secret(top, findings)), keys):
            return rule
    return None


def _is_one_of(given: str | None, keys: Sequence[str]) -> bool:
    if given is None:
        return False
    told = given.encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(told, key.encode()) for key in keys if key)


# -- the dedupe key ----------------------------------------------------------------------------------------------------


def _dedupe_key(mapping: ProviderMapping, top: Scope, body: bytes, findings: Findings) -> str:
    """The mapping's parts, readable where they are short. The body's hash stands in for each part that is null, so
    that two deliveries which the parts do not tell apart are the same only if they are so to the byte.
    """
    values = [part(top, findings) for part in mapping.dedupe]
    if all(value in (None, "") for value in values):
        return _hash(body)
    return "/".join(_hash(body) if value in (None, "") else _key_part(value) for value in values)


def _key_part(value: Any) -> str:
    text = as_text(value)
    if text is None:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    readable = len(text) <= LONGEST_KEY_PART and "/" not in text
    return text if readable else _hash(text.encode("utf-8", "surrogatepass"))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:HASH_CHARACTERS]
