"""Which statements a mapping wants of a target, what each has to be like, and what is lost without it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bridge.config.connections import TargetSettings
from bridge.mapping.schema.crm import CrmMapping, FindStep
from bridge.mapping.schema.request import Request
from bridge.mapping.schema.writing import Write
from bridge.mapping.statements import Statement
from bridge.mapping.suggestions import nearest

#: part → what is lost where its statement is not given
LOSSES: Mapping[str, str] = {
    "find.phone": "a client is not found by phone, so who gives nothing else gets a second card",
    "find.email": "a client is not found by e-mail, so who gives nothing else gets a second card",
    "find.external_id": "a client is not found by the id that the site gave",
    "find.visitor_id": "a client is not found by the chat service's id of the visitor",
    "find.all_phones": "a client is not found by all phones at once",
    "read": "a known client could not be looked at before anything is attached to it",
    "create": "nobody new could get a card",
    "create.marker": "a new client whose answer was lost cannot be looked for, so a person decides",
    "enrich": "a new phone or e-mail of a known client stands in the note only",
    "note": "no chat could be written",
    "note.marker": "a note whose answer was lost cannot be looked for, so a person decides",
    "deal": "no deals are opened",
    "deal.marker": "a deal whose answer was lost cannot be looked for, so a person decides",
    "open_deals": "open deals are not seen, so `deal: if_none_open` opens one each time",
    "task": "nobody gets a task for a missed chat",
    "task.marker": "a task whose answer was lost cannot be looked for, so a person decides",
    "file": "no files are kept in the CRM",
    "file.marker": "a file whose answer was lost cannot be looked for, so a person decides",
    "owner": "the operator does not become the owner of a new client",
    "names": "names of pipelines, stages and sources are not looked up",
    "who": "`check --live` cannot tell as whom we are let in",
}  # fmt: skip
_NEEDED = ("read", "create", "note")

#: part → values of which its statement has to have one each; without them it would be about everybody, or about nobody
_VALUES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "read": (("id",),),
    "enrich": (("id",),),
    "note": (("text",), ("id", "deal_id")),
    "marker": (("marker", "marker_like"),),
    "open_deals": (("id",),),
    "owner": (("email", "operator_email"),),
}
#: what is found again by its marker has to have been written with it; a note's text ends with it
_MARKED = ("marker", "chat_marker", "text")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that is sent only if the target gives its statement."""

    #: find.phone, read, create, create.marker …
    part: str
    name: str
    #: it writes
    changes: bool
    #: of a write: the statement by which it is found again
    found_by: str | None = None


def wanted(mapping: CrmMapping) -> tuple[Wanted, ...]:
    """Every request of the mapping that goes by a statement, in its order."""
    return tuple(
        Wanted(part, request.statement, isinstance(request, Write), _found_by(request))
        for part, request in _requests(mapping) if request.statement is not None
    )  # fmt: skip


def statements_of(mapping: CrmMapping) -> frozenset[str]:
    """The names of statements that a target may give."""
    return frozenset(one.name for one in wanted(mapping))


def needed(mapping: CrmMapping) -> frozenset[str]:
    """The names of those without which nothing works (beside one of the searches)."""
    return frozenset(one.name for one in wanted(mapping) if one.part in _NEEDED)


def not_given(mapping: CrmMapping, settings: TargetSettings) -> list[tuple[str, str]]:
    """(name, what is lost without it) for each statement that the target could give and does not."""
    missing = [one for one in wanted(mapping) if one.name not in settings.sql]
    idle = {one.part for one in missing}
    told: dict[str, str] = {}
    for one in missing:
        whole = one.part.removesuffix(".marker")
        if whole == one.part or whole not in idle:  # nothing is written, so nothing of it is looked for
            told.setdefault(one.name, LOSSES.get(one.part, "what it is for is not done"))
    return list(told.items())


def sql_wrong(mapping: CrmMapping, settings: TargetSettings) -> Iterator[str]:
    """What is missing or cannot be meant under the target's `sql:`, a line each, with the remedy."""
    parts = wanted(mapping)
    known = {one.name for one in parts}
    for name in settings.sql:
        if name not in known:
            there = f"there are: {', '.join(sorted(known))}" if known else f"{settings.crm} is not spoken to in SQL"
            yield f"sql.{name}: there is no such statement{nearest(name, known)}; {there}"
    lost = {one.name: LOSSES[one.part] for one in parts if one.part in _NEEDED}
    for name in sorted(lost.keys() - settings.sql.keys()):
        yield f"sql.{name} is missing: without it {lost[name]}; the page of {mapping.title} has an example of it"
    steps = [step.statement for step in mapping.find if step.statement is not None]
    if steps and not any(step.statement is None or step.statement in settings.sql for step in mapping.find):
        yield f"no client could ever be found; give at least one of: {', '.join(f'sql.{name}' for name in steps)}"
    told = {text: None for one in parts if one.name in settings.sql for text in _wrong(one, settings)}
    yield from told


def _wrong(one: Wanted, settings: TargetSettings) -> Iterator[str]:
    statement = settings.sql[one.name]
    if one.changes != statement.changes:
        does = "changes" if statement.changes else "only reads"
        instead = "INSERT … RETURNING, UPDATE or EXECUTE PROCEDURE" if one.changes else "a SELECT"
        yield f"sql.{one.name} {does} ({statement.verb.upper()}), but {_PURPOSE.get(one.part, one.part)} is {instead}"
    if one.part.startswith("find.") and not statement.names:
        yield f"sql.{one.name} has no value to search with, like :last10 or :email, so it would find everybody"
    for any_of in _VALUES.get("marker" if one.part.endswith(".marker") else one.part, ()):
        yield from _lacks(one.name, statement, any_of, "so it would be about everybody, or about nobody")
    if one.changes and one.found_by in settings.sql:
        yield from _lacks(one.name, statement, _MARKED, f"by which sql.{one.found_by} finds again what it wrote")


def _lacks(name: str, statement: Statement, any_of: tuple[str, ...], why: str) -> Iterator[str]:
    if not set(any_of) & set(statement.names):
        yield f"sql.{name} has no {' or '.join(f':{value}' for value in any_of)}, {why}"


_PURPOSE: Mapping[str, str] = {
    "read": "reading a client", "create": "a new client", "enrich": "completing a client", "note": "writing a chat",
    "deal": "a new deal", "task": "a new task", "file": "a new file", "owner": "looking for a user",
    "open_deals": "looking for deals", "who": "asking who we are",
    **{f"find.{by}": "a search" for by in ("phone", "email", "external_id", "visitor_id", "all_phones")},
    **{f"{part}.marker": "looking for what was written" for part in ("create", "note", "deal", "task", "file", "enrich")},
}  # fmt: skip


def _found_by(request: Request) -> str | None:
    return request.marker.statement if isinstance(request, Write) else None


def _requests(value: Any, part: str = "") -> Iterator[tuple[str, Request]]:
    """Every request in a mapping, with the part it belongs to."""
    if isinstance(value, FindStep):
        part = f"find.{value.by}"
    if isinstance(value, Request):
        yield part, value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _requests(getattr(value, name), _below(part, name))
    elif isinstance(value, Mapping):  # `entities` and `names`: what a name stands for decides
        for member in value.values():
            yield from _requests(member, part)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _requests(member, part)


def _below(part: str, name: str) -> str:
    if name == "then":
        return part
    return f"{part}.marker" if name == "marker" else name
