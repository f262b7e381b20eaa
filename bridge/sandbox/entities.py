"""What the sandbox CRM keeps: the fields that each kind of record may be sent with, and how it can be searched."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from bridge.sandbox.points import digits_of

#: characters of a note, in round figures what real CRMs take
LONGEST_TEXT = 200_000
LARGEST_ID = 2**63 - 1


def _phone(value: str) -> str:
    if len(digits_of(value)) < 3:  # noqa: PLR2004  # the shortest numbers that anybody can be called at
        raise ValueError("a phone needs at least 3 digits")
    return value


def _email(value: str) -> str:
    name, at, domain = value.strip().partition("@")
    if not (name and at and "." in domain) or " " in value.strip():
        raise ValueError("an e-mail looks like name@example.com")
    return value.strip()


def _record_id(value: object) -> object:
    """Ids go out as text; a caller that sends a number means the same."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, str):
        raise ValueError("an id is a number, or that number as text")  # noqa: TRY004  # pydantic takes ValueError
    return value


def _decoded(value: object) -> bytes:
    try:
        return b64decode(value if isinstance(value, str) else "?", validate=True)
    except ValueError as error:
        raise ValueError("the content must be text in base64") from error


Line = Annotated[str, StringConstraints(max_length=1000)]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
FilledText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
FilledLine = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Phone = Annotated[str, StringConstraints(max_length=60), BeforeValidator(lambda v: _phone(v) if isinstance(v, str) else v)]
Email = Annotated[str, StringConstraints(max_length=254), BeforeValidator(lambda v: _email(v) if isinstance(v, str) else v)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_record_id)]
Content = Annotated[bytes, BeforeValidator(_decoded)]
Custom = dict[Key, Any]


class Form(BaseModel):
    """What may be sent. Unknown fields are refused: a typo must not look like success."""

    model_config = ConfigDict(extra="forbid")


class Marked(Form):
    """The three places in which a caller can leave a marker of its own."""

    #: unique; a second create is refused and told the first one's id
    external_id: Key | None = None
    #: unique too, but the refusal names the id only within its message
    code: Key | None = None
    #: not unique; can be filtered by
    marker: Key | None = None


class ClientForm(Marked):
    name: Line | None = None
    first_name: Line | None = None
    last_name: Line | None = None
    company: Line | None = None
    phones: list[Phone] = Field(default_factory=list, max_length=100)
    emails: list[Email] = Field(default_factory=list, max_length=100)
    owner_id: Id | None = None
    description: Text | None = None
    custom: Custom = Field(default_factory=dict)


class NoteForm(Marked):
    client_id: Id
    deal_id: Id | None = None
    owner_id: Id | None = None
    title: Line | None = None
    text: FilledText
    format: Literal["text", "html"] = "text"
    #: when it happened; created_at if left out
    at: AwareDatetime | None = None
    custom: Custom = Field(default_factory=dict)


class DealForm(Marked):
    client_id: Id
    owner_id: Id | None = None
    title: FilledLine
    pipeline: Line | None = None
    stage: Line | None = None
    source: Line | None = None
    amount: Annotated[float, Field(allow_inf_nan=False)] | None = None
    open: bool = True
    description: Text | None = None
    custom: Custom = Field(default_factory=dict)


class TaskForm(Marked):
    client_id: Id | None = None
    owner_id: Id | None = None
    text: FilledText
    due_at: AwareDatetime | None = None
    done: bool = False
    custom: Custom = Field(default_factory=dict)


class FileForm(Marked):
    client_id: Id
    note_id: Id | None = None
    name: FilledLine
    type: Line = "application/octet-stream"
    content: Content


class OwnerForm(Form):
    name: FilledLine
    email: Email | None = None


def _iso(value: float | None) -> str | None:
    if value is None:
        return None
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text_id(value: int | None) -> str | None:
    return None if value is None else str(value)


#: how a column is shown, where it is not shown as it stands
SHOWN: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("id", "client_id", "owner_id", "deal_id", "note_id", "merged_into"), _text_id),
    **dict.fromkeys(("at", "due_at", "created_at", "changed_at"), _iso),
    **dict.fromkeys(("phones", "emails", "custom"), json.loads),
    **dict.fromkeys(("open", "done"), bool),
}
#: columns for the sandbox's own use
HIDDEN = frozenset({"gone", "merged_into", "touched_at", "operation_marker", "likeness", "content"})


@dataclass(frozen=True, slots=True)
class Entity:
    #: as in "note.create"
    name: str
    table: str
    form: type[Form]
    #: columns that can be filtered by equality
    filters: tuple[str, ...] = ()
    #: columns that text search looks through; none: no text search
    words: tuple[str, ...] = ()
    #: columns that name another record, and the table it must be in
    references: tuple[tuple[str, str], ...] = ()

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """The record as the API answers it."""
        return {name: SHOWN[name](value) if name in SHOWN else value for name, value in row.items() if name not in HIDDEN}


_MARKS = ("external_id", "code", "marker")
_OWNER = ("owner_id", "owners")

CLIENT = Entity("client", "clients", ClientForm, (*_MARKS, "owner_id", "name", "company"), ("description",), (_OWNER,))
NOTE = Entity("note", "notes", NoteForm, (*_MARKS, "client_id", "deal_id"), ("title", "text"), (("deal_id", "deals"), _OWNER))
DEAL = Entity(
    "deal",
    "deals",
    DealForm,
    (*_MARKS, "client_id", "owner_id", "open", "pipeline", "stage"),
    ("title", "description"),
    (_OWNER,),
)
TASK = Entity("task", "tasks", TaskForm, (*_MARKS, "client_id", "owner_id", "done"), ("text",), (_OWNER,))
FILE = Entity("file", "files", FileForm, (*_MARKS, "client_id", "note_id"), (), (("note_id", "notes"),))
OWNER = Entity("owner", "owners", OwnerForm, ("name",))

#: by table name, which is also the name in the API's paths
ENTITIES = {entity.table: entity for entity in (CLIENT, NOTE, DEAL, TASK, FILE, OWNER)}
#: what hangs on a client
ATTACHED = (NOTE, DEAL, TASK, FILE)
