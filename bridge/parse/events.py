"""A delivery → what it means: events with their chats, or why there are none."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.errors import EmptyExpression, NotUnderstood
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.scopes import Scope, narrowed, split_scope
from bridge.mapping.language.truth import is_true
from bridge.mapping.schema import Body, EventRule, ProviderMapping
from bridge.model import Delivery, Event
from bridge.parse.chats import read_chat
from bridge.parse.limits import LIMITS, Limits
from bridge.parse.source import LISTED, Sent, SourceView, top_scope
from bridge.parse.values import as_list, as_text, as_time
from bridge.parse.wire import decode_body


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of a delivery that cannot be read before something has been fetched from the provider."""

    #: its number among the delivery's parts; the key under which `understand` takes what was fetched
    part: int
    #: names under the mapping's `fetch`, in their order
    fetch: tuple[str, ...]
    #: in which those requests' templates are filled
    scope: Scope
    #: the path and the query of the first request: whatever asks for the same is about the same chat
    first: str = ""
    #: what the mapping's fields say already; None if nothing, or if they look into what is yet to be fetched
    chat_id: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """Three outcomes, never two: `events` that are wanted; `skipped`, known and of no interest; `not_understood`.

    A delivery with several parts may have all three. `wanted`: fetch these and call `understand` again.
    """

    events: tuple[Event, ...] = ()
    skipped: str | None = None
    not_understood: str | None = None
    wanted: tuple[Wanted, ...] = ()


def decode(delivery: Sent, mapping: ProviderMapping, limits: Limits = LIMITS) -> Any:
    """The delivery's body as plain data. Raises NotUnderstood if it is not what the mapping's `body` says, or too much."""
    if delivery.method in LISTED:
        return decode_body(delivery.body, Body(), "utf-8", limits)
    return decode_body(delivery.body, mapping.body, mapping.charset, limits)


def understand(delivery: Delivery, mapping: ProviderMapping, source: SourceView, payload: Any = None, *,
               fetched: Mapping[int, Mapping[str, Any]] | None = None, event: str | None = None,
               only: Collection[int] | None = None) -> Understood:
    """What the delivery means. Never raises for anything that stands in the delivery.

    `payload` saves decoding it again. `fetched` holds, by part, what an earlier call wanted, by name. `event` is the
    vendor's word for it where the delivery carries none; one that `reconcile` listed is known by its method. `only`: just
    these parts.
    """
    if event is None and delivery.method in LISTED and mapping.reconcile is not None:
        event = mapping.reconcile.event
    if payload is None:
        try:
            payload = decode(delivery, mapping, source.limits)
        except NotUnderstood as error:
            return Understood(not_understood=error.message)
    reader = _Reader(mapping, source, event)
    top = top_scope(payload, delivery, source)
    try:
        # a list's record is one chat, however the provider packs what it sends
        pieces = [top] if delivery.method in LISTED else list(parts(mapping, top, reader.findings, source.limits))
    except NotUnderstood as error:
        return Understood(not_understood=error.message)
    for number, scope in enumerate(pieces):
        if only is None or number in only:
            reader.read(number, scope, (fetched or {}).get(number, {}))
    if not pieces:
        reader.skipped.append("there is nothing in it: no element where the mapping's `split` looks")
    return reader.outcome()


def parts(mapping: ProviderMapping, top: Scope, findings: Findings, limits: Limits) -> Iterator[Scope]:
    """The scopes of a delivery's parts: of each element that `split` reaches, or the whole; each is made when it is asked for.
    Raises NotUnderstood where any of its steps reaches too many, also if nothing comes of them.
    """
    scopes: Iterable[Scope] = (top,)
    for step in mapping.split:
        scopes = _split(step, scopes, findings, limits)
    yield from scopes


def _split(step: Expression, scopes: Iterable[Scope], findings: Findings, limits: Limits) -> Iterator[Scope]:
    before = 0
    for scope in scopes:
        elements = as_list(step(scope, findings))
        for number, element in enumerate(elements, start=before + 1):
            if number > limits.parts:
                limits.check_parts(before + len(elements))
            yield split_scope(element, scope)
        before += len(elements)


def event_name(mapping: ProviderMapping, scope: Scope, findings: Findings) -> str | None:
    """The vendor's word for what happened; None if the mapping has no `at`, or nothing stands there."""
    return as_text(mapping.at(scope, findings)) if mapping.at is not None else None


def rule_for(mapping: ProviderMapping, event: str | None, scope: Scope, findings: Findings) -> EventRule | None:
    """The first rule for that word whose condition holds."""
    return next(
        (rule for rule in mapping.rules(event) if rule.when is None or is_true(rule.when(scope, findings))), None
    )


class _Reader:
    """Reads the parts of one delivery and collects what became of them."""

    def __init__(self, mapping: ProviderMapping, source: SourceView, event: str | None) -> None:
        self.mapping = mapping
        self.source = source
        self.event = event
        self.findings = Findings()
        self.events: list[Event] = []
        self.skipped: list[str] = []
        self.not_understood: list[str] = []
        self.wanted: list[Wanted] = []

    def read(self, number: int, scope: Scope, fetched: Mapping[str, Any]) -> None:
        findings = Findings(self.findings)
        if fetched:
            scope = Scope(scope.own, {**scope.ours, "fetched": fetched}, beyond=scope.beyond, memo=scope.memo)
        word = self.event or event_name(self.mapping, scope, findings)
        rule = rule_for(self.mapping, word, scope, findings)
        if rule is None or rule.kind is None:
            self._leave(word, rule)
            return
        if any(name not in fetched for name in rule.fetch):
            self.wanted.append(self._wanted(number, rule, scope))
            return
        try:
            scope = self._inside(rule, scope, findings)
            chat = read_chat(
                rule.kind, self.mapping, rule, scope, source=self.source.name, findings=findings, limits=self.source.limits
            )
        except NotUnderstood as error:
            self.not_understood.append(f"{word}: {error.message}" if word else error.message)
            return
        self.events.append(Event(kind=rule.kind, chat=chat, findings=tuple(findings)))

    def _wanted(self, number: int, rule: EventRule, scope: Scope) -> Wanted:
        first, chat_id, ended_at = _asked(self.mapping, rule.fetch[0], scope), None, None
        if rule.scope is None:
            table = {**self.mapping.fields, **rule.fields}
            chat_id = as_text(table["chat_id"](scope)) if "chat_id" in table else None
            ended_at = as_time(table["ended_at"](scope), Findings(), "ended_at") if "ended_at" in table else None
        return Wanted(number, rule.fetch, scope, first, chat_id, ended_at)

    def _leave(self, word: str | None, rule: EventRule | None) -> None:
        if rule is not None:
            self.skipped.append(rule.skip or "")
        elif self.mapping.rules(word):
            self.not_understood.append(f"no rule for the event {word!r} holds; give its list a last rule that skips")
        elif word is None:
            self.not_understood.append("it does not say which event it is: `at` came out empty")
        else:
            self.not_understood.append(
                f"the event {word!r} is not in the mapping; if it is of no interest, add it with `skip: why`"
            )

    def _inside(self, rule: EventRule, scope: Scope, findings: Findings) -> Scope:
        if rule.scope is None:
            return scope
        inner = rule.scope(scope, findings)
        if not isinstance(inner, dict):
            raise NotUnderstood("what the rule's `in` names is not there")
        return narrowed(scope, inner)

    def outcome(self) -> Understood:
        return Understood(tuple(self.events), _joined(self.skipped), _joined(self.not_understood), tuple(self.wanted))


def _asked(mapping: ProviderMapping, name: str, scope: Scope) -> str:
    """What a request says, as far as it can be said before it is sent; empty if it cannot."""
    request = mapping.fetch[name]
    try:
        path = request.path.fill(scope) if request.path is not None else ""
    except EmptyExpression:
        return ""
    sent = [part.fill(scope) for part in (request.query, request.json_, request.form, request.raw) if part is not None]
    return " ".join([request.method, path, *(json.dumps(part, sort_keys=True, default=str) for part in sent)])


def _joined(reasons: list[str]) -> str | None:
    return "; ".join(dict.fromkeys(reasons)) or None
