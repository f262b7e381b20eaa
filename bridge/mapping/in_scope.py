"""The names that a CRM's mapping may ask for, each with the members it has, and who asks for something else.

A name that is not there is empty, and what is empty is left out or not asked: a search by a misspelt name finds nobody, for
ever, and makes a second card for every client. Nothing else would ever say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from bridge.mapping.language.syntax import Tree
from bridge.mapping.language.templates import Template
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.writing import Marker
from bridge.mapping.suggestions import nearest
from bridge.mapping.walk import Path, Place, expressions
from bridge.model import Chat, Client, Operator, Page, Visitor, Wishes

#: members that nobody lists
Members = frozenset[str] | None
OPEN: Members = None

_NOT_OF_CHATS = frozenset({"messages", "visitor", "operators", "page", "utm"})
#: what every template of a CRM's mapping sees; null as long as there is no such thing
EVERYWHERE: Mapping[str, Members] = {
    "chat": frozenset(Chat.model_fields) - _NOT_OF_CHATS | {"marker"},
    "visitor": frozenset(Visitor.model_fields),
    "phones": OPEN, "emails": OPEN,
    "operator": frozenset(Operator.model_fields),
    "page": frozenset(Page.model_fields),
    "utm": frozenset({"source", "medium", "campaign", "content", "term"}),
    "kpi": frozenset({
        "missed", "abandoned", "first_response_s", "first_bot_response_s", "duration_s", "longest_gap_s", "messages_visitor",
        "messages_operator", "operators", "handoffs", "rating", "contact_given",
    }),
    "wishes": frozenset(Wishes.model_fields),
    "source": OPEN, "target": OPEN, "token": OPEN,
    "client": frozenset(Client.model_fields) - {"record"},
    "record": OPEN, "owner": OPEN, "match": OPEN, "new": OPEN,
    "note": frozenset({"title", "text", "headline", "markup", "on", "id"}),
    "part": frozenset({"number", "of"}),
    "marker": OPEN, "item": OPEN,
    "deal": OPEN,
    "file": frozenset({"url", "name", "type", "size", "base64", "bytes", "id"}),
    "statement": frozenset({"sql", "params"}),
    "entity": OPEN, "quiet": OPEN,
}  # fmt: skip
#: besides, by the part of the mapping
BESIDES: Mapping[str, frozenset[str]] = {
    "find": frozenset({"phone", "email", "external_id", "visitor_id", "all_phones", "ids"}),
    "owner": frozenset({"email"}),
}
#: of a target, besides the mapping's own options
OF_A_TARGET = frozenset({"name", "url", "token", "fields", "oauth", "timezone"})
#: what is filled from other scopes: of a consent, of a signature
_ELSEWHERE = frozenset({"auth", "token"})
#: expressions that see a template's names; all others see a record or an answer
_LIKE_TEMPLATES = frozenset({"each", "value"})
_BEHIND = frozenset({"subexpression", "pipe", "index_expression", "projection", "filter_projection", "value_projection"})


class Asked(NamedTuple):
    name: str
    member: str | None = None


def asked(tree: Tree) -> Iterator[Asked]:
    """What an expression asks of the whole scope; not what it asks of an element of a list."""
    kind, children = tree["type"], [child for child in tree["children"] if isinstance(child, Mapping)]
    if kind == "field":
        yield Asked(tree["value"])
    elif kind == "subexpression" and all(child["type"] == "field" for child in children[:2]):
        yield Asked(children[0]["value"], children[1]["value"])
    elif kind in _BEHIND:
        yield from asked(children[0])
    elif kind != "expref":
        for child in children:
            yield from asked(child)


#: of a target's own note: what it is made of
_OF_A_NOTE = frozenset({"title", "headline", "facts", "transcript"})


def strangers_in(template: Template, mapping: CrmMapping) -> Iterator[str]:
    """The same of a target's `note.template`, which sees the parts of the note besides."""
    members = {**_members(mapping), "note": _OF_A_NOTE}
    for _, expression in template.expressions:
        for one in asked(expression.tree):
            wrong = _wrong(one, members, ())
            if wrong:
                yield f"{expression.source}: {wrong}"


def _members(mapping: CrmMapping) -> Mapping[str, Members]:
    return {**EVERYWHERE, "new": _new(mapping), "target": OF_A_TARGET | mapping.options.keys()}


def strangers(mapping: CrmMapping) -> Iterator[tuple[Path, str]]:
    """Where a name is asked for that is not there, and where a marker is looked for by something else than itself."""
    members = _members(mapping)
    for place in expressions(mapping):
        if _sees_scope(place):
            besides = BESIDES.get(str(place.path[0]), frozenset())
            for one in asked(place.expression.tree):
                wrong = _wrong(one, members, besides)
                if wrong:
                    yield place.path, f"{place.expression.source}: {wrong}"
    yield from _blind_markers(mapping)


def _sees_scope(place: Place) -> bool:
    return place.path[0] not in _ELSEWHERE and (place.in_template or place.path[-1] in _LIKE_TEMPLATES)


def _wrong(one: Asked, members: Mapping[str, Members], besides: Collection[str]) -> str | None:
    if one.name in besides:
        return None
    if one.name not in members:
        return f"nothing is called {one.name} here{nearest(one.name, [*besides, *members])}"
    known = members[one.name]
    if one.member is None or known is None or one.member in known:
        return None
    return f"{one.name} has no {one.member}{nearest(one.member, known)}; it has {', '.join(sorted(known))}"


def _new(mapping: CrmMapping) -> frozenset[str]:
    parts = [mapping.enrich, *(entity.enrich for entity in mapping.entities.values())]
    return frozenset({"phones", "emails", "name"}).union(*(part.fields for part in parts if part is not None))


def _blind_markers(mapping: CrmMapping) -> Iterator[tuple[Path, str]]:
    """A marker that is looked for by its own value has to stand in the request."""
    by_request: dict[Path, list[Place]] = {}
    for place in expressions(mapping):
        if "marker" in place.path:
            by_request.setdefault(place.path[: place.path.index("marker") + 1], []).append(place)
    for path, places in by_request.items():
        marker = _at(mapping, path)
        if isinstance(marker, Marker) and marker.method and marker.kind in {"external_id", "field"} and marker.statement is None:
            names = {one.name for place in places if place.in_template for one in asked(place.expression.tree)}
            if "marker" not in names:
                yield path, "the request that looks for the marker does not name it: write {marker} where the CRM compares it"


def _at(value: object, path: Path) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else getattr(value, str(key), None)
    return value
