"""What a CRM's mapping may say of what is written: each request, and by what its result is found again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.patterns import Pattern
from bridge.mapping.language.templates import Template, TextTemplate
from bridge.mapping.schema.parts import Duration, OneOrMany, Part
from bridge.mapping.schema.request import MaybeRequest, Request


class Marker(MaybeRequest):
    """By what the result of a write is found again, and how it is looked for."""

    kind: Literal["external_id", "conflict", "field", "text", "scan", "header", "none"]
    #: over one record: the text that holds the marker
    text: Expression | None = None
    #: over one record: the id of the client it hangs on
    of: Expression | None = None
    #: over one record: when it was made (scan)
    at: Expression | None = None
    #: conflict: over the error's message, with the group id
    match: Pattern | None = None
    #: header: how long the CRM remembers it
    valid_for: Duration | None = None
    #: header: its name
    name: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Marker:
        needed = {
            "external_id": ("method", "id"), "field": ("method", "records", "text", "id"),
            "text": ("method", "records", "text", "id"), "scan": ("method", "records", "text", "id", "at"),
            "header": ("name", "valid_for"),
        }  # fmt: skip
        missing = [key for key in needed.get(self.kind, ()) if not getattr(self, key)]
        if missing:
            raise PydanticCustomError(
                "marker", "a marker of the kind {kind} also needs {missing}",
                {"kind": self.kind, "missing": ", ".join("a request" if key == "method" else key for key in missing)},
            )
        return self


NO_MARKER = Marker(kind="none")


class Write(Request):
    """A request that must not be carried out twice."""

    marker: Marker = NO_MARKER


class Create(Write):
    """A new client."""

    #: takes back a probe, which a person asked for, by `client.id`; no chat is ever written by it
    remove: Request | None = None

    #: the entity it makes
    entity: str = "client"


class FieldMerge(Part):
    """How what the visitor gave goes into one field of a client that is there already."""

    how: Literal["blank", "add", "never"] = "blank"
    #: what goes out: the whole list, read elements untouched, or the new ones only
    send: Literal["all", "new"] = "new"
    #: over the record: what stands there now
    read: Expression | None = None
    #: for lists of objects: how one new value (`item`) looks
    element: Template | None = None
    #: single columns of which the first blank one is filled
    columns: Annotated[tuple[str, ...], OneOrMany] = ()
    #: over the scope: the new value, for fields other than phones, emails and name
    value: Expression | None = None

    @model_validator(mode="after")
    def _complete(self) -> FieldMerge:
        if self.how != "never" and self.read is None and not self.columns:
            raise PydanticCustomError("enrich", "say what stands there now: `read:` (an expression) or `columns:`")
        if self.send == "all" and self.read is None:
            raise PydanticCustomError("enrich", "`send: all` needs `read:`, or what stands there would be lost")
        return self


class Enrich(Write):
    """A change of a client's record: what is new is in scope as `new.phones`, `new.emails`, `new.name`, `new.FIELD`."""

    phones: FieldMerge | None = None
    emails: FieldMerge | None = None
    name: FieldMerge | None = None
    fields: dict[str, FieldMerge] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _values(self) -> Enrich:
        for name, field in self.fields.items():
            if field.value is None:
                raise PydanticCustomError(
                    "enrich", "`value:` is missing: the expression that gives the new value",
                    {"path": ("fields", name)},
                )
        return self


class NoteMax(Part):
    """The longest text of one note, in one unit."""

    characters: int | None = Field(default=None, ge=200)
    bytes_: int | None = Field(default=None, ge=400, alias="bytes")
    utf16: int | None = Field(default=None, ge=200)
    #: True: the markup's own characters count
    after_markup: bool = True

    @model_validator(mode="after")
    def _one_unit(self) -> NoteMax:
        if sum(value is not None for value in (self.characters, self.bytes_, self.utf16)) != 1:
            raise PydanticCustomError("max", "say the maximum in one unit: characters, bytes or utf16")
        return self


class Note(Write):
    """What carries the transcript on the card."""

    markup: Literal["plain", "html", "bbcode", "markdown"] = "plain"
    max: NoteMax | None = None
    on: Literal["client", "deal"] = "client"
    #: as that of `create`, by `note.id`
    remove: Request | None = None


class Deal(Write):
    """A deal, lead or opportunity for the client."""


class Task(Write):
    """Something a person has to do."""

    #: there is none without a client to hang it on
    needs_client: bool = False


class UploadParts(Part):
    """The request only opens the upload; the bytes go after it as they are, part by part, to addresses that the answers give."""

    #: over each answer: where the next part goes; of the host of the request before, since our key goes there too
    url: Expression
    #: over the first answer: bytes that a part may have
    size: Expression


class Upload(Request):
    """Where a CRM keeps a file before it hangs on anything; its `id` is in scope as `file.id` of the request that hangs it up."""

    id: Expression
    #: where files are kept at another address than everything else
    base_url: TextTemplate | None = None
    #: `id` is then over the answer to the last part
    parts: UploadParts | None = None


class FileUpload(Write):
    """A copy of a file of the chat, on the card. It has no part in notes: they have its link in any case."""

    #: the largest file, in bytes
    most: int | None = Field(default=None, ge=1)
    #: a request before this one; what came of it is told by this one's marker, and left behind if this one fails
    upload: Upload | None = None

    @model_validator(mode="after")
    def _looked_for(self) -> FileUpload:
        if self.marker.kind in ("header", "conflict") and not self.marker.method:
            raise PydanticCustomError(
                "marker", "a file is looked for by a request of its marker: its bytes are not there any more to send them again",
                {"path": ("marker",)},
            )
        return self
