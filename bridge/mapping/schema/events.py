"""What an event of a provider means: a chat's start, its end, nothing of interest; and where its parts stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.patterns import Pattern
from bridge.mapping.schema.parts import OneOrMany, Part
from bridge.mapping.suggestions import nearest
from bridge.model import EventKind, Role

FIELDS = (
    "chat_id", "channel", "text", "operators", "utm", "rating", "tags", "department", "topic", "url", "spam",
    "started_at", "ended_at", "custom",
    "visitor.id", "visitor.external_id", "visitor.name", "visitor.first_name", "visitor.last_name",
    "visitor.phone", "visitor.phones", "visitor.email", "visitor.emails", "visitor.country", "visitor.language",
    "visitor.city", "visitor.company", "visitor.fields",
    "operator.id", "operator.name", "operator.email", "operator.phone",
    "page.url", "page.title", "page.referrer",
    "utm.source", "utm.medium", "utm.campaign", "utm.content", "utm.term",
)  # fmt: skip
"""Names on the left side of `fields:`; `custom.ANYTHING` and `visitor.fields.ANYTHING` are open."""
OPEN_FIELDS = ("custom.", "visitor.fields.")


def _known_fields(value: Any) -> Any:
    for name in value if isinstance(value, dict) else ():
        if name not in FIELDS and not (name.startswith(OPEN_FIELDS) and not name.endswith(".")):
            raise PydanticCustomError(
                "fields", "there is no field {name}{hint}; the fields are: {known}, custom.*, visitor.fields.*",
                {"name": repr(name), "hint": nearest(name, FIELDS), "known": ", ".join(FIELDS), "key": name},
            )
    return value


FieldTable = Annotated[dict[str, Expression], BeforeValidator(_known_fields)]


def _known_role(value: Any) -> Any:
    if value not in ROLES:
        raise PydanticCustomError(
            "role", "{name} is not one of {known}", {"name": repr(value), "known": ", ".join(ROLES)}
        )
    return value


ROLES = (*Role, "skip")
RoleWord = Annotated[Role | Literal["skip"], BeforeValidator(_known_role)]


class Files(Part):
    """Files of a message: `each` over the message, the rest over one file."""

    each: Expression
    url: Expression
    name: Expression | None = None
    type: Expression | None = None


class Messages(Part):
    """Where a chat's messages stand. `each` is read in the event's scope, the rest in each message's."""

    #: the list of messages
    each: Expression | None = None
    #: or: one text that holds them all …
    lines: Expression | None = None
    #: … the text that stands between two of them (a line break by default) …
    cut: str | None = None
    #: … and a pattern with the groups role, text and, if there, at, author; a line without a hit goes on the one before
    pattern: Pattern | None = None
    #: messages for which this is false are left out
    when: Expression | None = None
    #: the provider's word for who wrote it
    role: Expression | None = None
    #: that word → our role, or `skip`; `*`: any other word
    roles: dict[str, RoleWord] = Field(default_factory=dict)
    text: Expression | None = None
    #: what `text` is written in; it is turned into plain text
    markup: Literal["plain", "html", "bbcode"] = "plain"
    at: Expression | None = None
    id: Expression | None = None
    #: the name of the operator or bot who wrote it
    author: Expression | None = None
    files: Files | None = None
    #: what the list is put in order by, where the provider's order is not that of time
    sort: Expression | None = None

    @model_validator(mode="after")
    def _complete(self) -> Messages:
        if (self.each is None) == (self.lines is None):
            raise PydanticCustomError("messages", "say where the messages are: `each:` (a list) or `lines:` (one text)")
        if self.lines is not None and self.pattern is None:
            raise PydanticCustomError("messages", "`lines` needs `pattern:` with the groups role and text")
        if self.each is not None and (self.text is None or self.role is None):
            raise PydanticCustomError("messages", "`each` needs `role:` and `text:`")
        if self.each is not None and (self.pattern or self.cut):
            raise PydanticCustomError("messages", "`cut` and `pattern` belong to `lines`")
        return self


class EventRule(Part):
    """What a vendor's event means to us. Of a list of rules the first whose `when` holds counts."""

    when: Expression | None = None
    kind: EventKind | None = Field(default=None, alias="as")
    #: why such an event is of no interest, in words
    skip: str | None = Field(default=None, min_length=1)
    #: the expression whose value becomes the scope of what follows
    scope: Expression | None = Field(default=None, alias="in")
    #: laid over the mapping's `fields`
    fields: FieldTable = Field(default_factory=dict)
    #: in place of the mapping's `messages`
    messages: Messages | None = None
    #: names under `fetch`, in their order
    fetch: Annotated[tuple[str, ...], OneOrMany] = ()
    #: a name under `answers`
    answer: str | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> EventRule:
        if (self.kind is None) == (self.skip is None):
            raise PydanticCustomError(
                "rule", "say what the event is: `as: {kinds}` or `skip: why`, one of them",
                {"kinds": " | ".join(EventKind)},
            )
        return self
