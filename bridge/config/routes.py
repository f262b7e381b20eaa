"""Routes: which chats of a source go to which target, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from bridge.config.files import FileRule, Files
from bridge.config.values import Name
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.schema.parts import seconds
from bridge.model import Frozen

_WAIT = "wait "


def _no_contact(value: Any) -> Any:
    """`wait 24h` becomes seconds; pydantic then takes those or one of the two words."""
    if isinstance(value, str) and value not in ("create", "skip"):
        try:
            return seconds(value.removeprefix(_WAIT))
        except ValueError as error:
            raise ValueError(f"{value!r} is not known here; write wait 24h (or another time), create or skip") from error
    return value


NoContact = Annotated[
    float | Literal["create", "skip"],
    BeforeValidator(_no_contact),
    WithJsonSchema({"type": "string", "examples": ["wait 24h", "create", "skip"]}),
]


class OwnerRule(Frozen):
    """Who a client belongs to."""

    #: of a client that we create: the chat's operator, whoever the CRM itself appoints, or a CRM user by e-mail or id
    new: str = "operator"
    #: of a client that was there before: nobody's owner is changed
    known: Literal["keep"] = "keep"


class RouteOptions(Frozen):
    """What is done with a chat in the CRM. May stand at a target (for all its routes) and at a route (for that one)."""

    #: no phone, e-mail or known id in the chat: seconds to wait for one before it is skipped, or what to do at once
    no_contact: NoContact = 24 * 3600.0
    #: several clients fit: the active one (open deal, else last changed), oldest, newest, or a person decides
    ambiguous: Literal["active", "oldest", "newest", "hold"] = "active"
    #: phone and e-mail belong to different clients: which of the two counts, or a person decides
    conflict: Literal["phone", "email", "hold"] = "phone"
    #: new phones and e-mails go on a found client's card: if something else confirms the person, always, or never
    enrich: Literal["confirmed", "always", "never"] = "confirmed"
    deal: Literal["none", "if_none_open", "new_client", "always"] = "none"
    #: by name or id, as the CRM has them
    pipeline: str | None = None
    stage: str | None = None
    deal_source: str | None = None
    note_on: Literal["client", "open_deal", "both"] = "client"
    #: what people sent along: its link in the note, or a copy of it on the card besides
    files: Files = FileRule()
    owner: OwnerRule = OwnerRule()
    #: nobody answered: a task for the client's owner, or nothing
    missed: Literal["task", "none"] = "task"
    #: the CRM user who gets the tasks that have no owner
    duty: str | None = None
    #: chats for which this is true are not written
    ignore: Expression | None = None
    #: phones, and e-mails, of a chat that take part in matching
    match_limit: int = Field(default=3, ge=1, le=20)

    def overlaid(self, by: RouteOptions) -> RouteOptions:
        """These options, with those that were written down in the other one in their place."""
        return self.model_copy(update={key: getattr(by, key) for key in by.model_fields_set})


OPTION_KEYS = frozenset(RouteOptions.model_fields)


def gather_options(value: Any) -> Any:
    """Move the option keys that stand flat among a route's or a target's own keys into their `options`."""
    if not isinstance(value, Mapping):
        return value
    flat = {key: value[key] for key in value if key in OPTION_KEYS}
    if not flat:
        return value
    nested = value.get("options")
    if isinstance(nested, Mapping):
        flat = {**nested, **flat}
    return {key: value[key] for key in value if key not in OPTION_KEYS} | {"options": flat}


class Route(Frozen):
    """From a source to a target. The first that fits a chat is taken; `also` ones are taken beside it."""

    source: Name
    when: Expression | None = None
    target: Name
    also: bool = False
    options: RouteOptions = RouteOptions()

    _flat = model_validator(mode="before")(gather_options)

    def fits(self, scope: Mapping[str, Any], findings: Findings | None = None) -> bool:
        return self.when is None or bool(self.when(scope, findings))


def choose(routes: tuple[Route, ...], scope: Mapping[str, Any], findings: Findings | None = None) -> tuple[Route, ...]:
    """The routes that a chat takes, out of a source's in order: every fitting `also` up to the first other that fits.

    A target is taken once, by the first route that leads to it. Nothing fits: no route.
    """
    taken: dict[str, Route] = {}
    for route in routes:
        if route.fits(scope, findings):
            taken.setdefault(route.target, route)
            if not route.also:
                break
    return tuple(taken.values())
