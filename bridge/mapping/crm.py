"""What a CRM's mapping may say: how it is spoken to, how clients are found, what is written and how that is found again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.auth import Auth, Token, Who
from bridge.mapping.expressions import Expression
from bridge.mapping.known import NAMED, FieldList, Named, NameList
from bridge.mapping.parts import BothLanguages, CrmScale, Duration, Mapped, OneOrMany, Part
from bridge.mapping.patterns import Pattern
from bridge.mapping.request import MaybeRequest, PagedRequest, Request
from bridge.mapping.speech import Again, Bucket, CountedLimits, Counter, ErrorRule, Limits, Operation, Pause, Then
from bridge.mapping.templates import Template, TextTemplate

__all__ = [
    "NAMED",
    "NO_MARKER",
    "Again",
    "Auth",
    "Bucket",
    "ClientFields",
    "CountedLimits",
    "Counter",
    "Create",
    "CrmMapping",
    "Deal",
    "DealFields",
    "Enrich",
    "Entity",
    "ErrorRule",
    "FieldList",
    "FieldMerge",
    "FileUpload",
    "FindStep",
    "Limits",
    "Marker",
    "NameList",
    "Named",
    "Note",
    "NoteMax",
    "OpenDeals",
    "Operation",
    "Option",
    "Owner",
    "Pause",
    "Read",
    "Task",
    "Then",
    "Token",
    "Upload",
    "Who",
    "Write",
]  # fmt: skip


# -- clients -----------------------------------------------------------------------------------------------------------


class FindStep(PagedRequest):
    """One search. An expression that comes out empty skips the step; nothing is ever left out of a search."""

    by: Literal["phone", "email", "external_id", "visitor_id", "all_phones"] = Field(alias="with")
    #: over `phone`, `email` … : the values it is asked with, one request each; in scope as `item`
    each: Expression | None = None
    records: Expression
    #: a second request, over the `ids` that `records` gave
    then: PagedRequest | None = None
    #: which of `entities` the hits are
    entity: str = "client"
    #: over the answer: true says that there is no such client, where the CRM answers so with an error
    not_found: Expression | None = None


class ClientFields(Part):
    """How one record reads; expressions over it."""

    id: Expression
    name: Expression | None = None
    #: nulls are left out of both lists
    phones: Expression | None = None
    emails: Expression | None = None
    external_id: Expression | None = None
    owner: Expression | None = None
    changed_at: Expression | None = None
    entity: Expression | None = None
    #: something to know about the record (archived, a company …)
    remark: Expression | None = None


class Read(Request):
    """A client's record by `client.id`."""

    #: over the answer: the record itself
    record: Expression = Field(default_factory=lambda: Expression("@"))


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


# -- what is written ---------------------------------------------------------------------------------------------------


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


class DealFields(Part):
    id: Expression
    title: Expression | None = None
    stage: Expression | None = None
    changed_at: Expression | None = None


class OpenDeals(PagedRequest):
    """The client's deals that are not closed."""

    #: the deals; under `then` their ids
    records: Expression
    #: a second request for each of the ids, in scope as `item`; its own `records` (the whole answer unless given) are the deals
    then: Request | None = None
    deal: DealFields


#: of what is only told of chats: no client to read or make
NO_CLIENT = ClientFields(id=Expression("id"))
NO_READ = Read.model_construct()
NO_CREATE = Create.model_construct()


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


class Owner(PagedRequest):
    """The CRM's user of an operator, by e-mail (`operator.email`, or `email` in scope)."""

    records: Expression
    id: Expression
    #: over one record: its e-mail, compared by us in lower case
    email: Expression | None = None
    cache: Duration = 3600.0
    on_error: Literal["ignore", "fail"] = "ignore"


Lacking = Literal["enrich", "deal", "open_deals", "task", "file", "card_url"]


class Entity(Part):
    """What is different for one kind of record; every key stands in for the mapping's own."""

    title: BothLanguages | None = None
    #: parts of the mapping that records of this kind do not have
    without: Annotated[tuple[Lacking, ...], OneOrMany] = ()
    client: ClientFields | None = None
    read: Read | None = None
    enrich: Enrich | None = None
    note: Note | None = None
    deal: Deal | None = None
    open_deals: OpenDeals | None = None
    task: Task | None = None
    file: FileUpload | None = None
    card_url: TextTemplate | None = None


class Option(Part):
    """A key that this CRM's targets may carry in the config; in scope as `target.NAME`."""

    about: BothLanguages
    required: bool = False
    default: str | None = None
    secret: bool = False


#: by which clients are found and made, and what only clients have
_CLIENT_PARTS = ("find", "client", "read", "create")
_OF_CLIENTS = ("enrich", "deal", "open_deals", "task", "file", "owner", "entities", "card_url")


class CrmMapping(Mapped):
    """A kind of CRM."""

    base_url: TextTemplate
    auth: Auth
    #: oauth2: where an answer of the token endpoint has its parts
    token: Token | None = None
    #: as whom we are let in, for people
    who: Who | None = None
    #: sent with every request; those of a request stand in their place
    headers: Template | None = None
    #: its endpoint asks nobody for a key, so it is called at loopback and private addresses only, unless the target allows more
    only_private: bool = False
    limits: CountedLimits = CountedLimits()
    errors: Annotated[tuple[ErrorRule, ...], OneOrMany] = ()
    #: over every answer: true if it worked, where the status alone does not tell
    success: Expression | None = None
    entities: dict[str, Entity] = Field(default_factory=dict)
    #: how requests travel: over the web, or as mails
    carrier: Literal["web", "mail"] = "web"
    #: these four together, or none of them: then it is only told of chats
    find: Annotated[tuple[FindStep, ...], OneOrMany] = ()
    client: ClientFields = NO_CLIENT
    read: Read = NO_READ
    create: Create = NO_CREATE
    enrich: Enrich | None = None
    note: Note
    deal: Deal | None = None
    open_deals: OpenDeals | None = None
    task: Task | None = None
    file: FileUpload | None = None
    owner: Owner | None = None
    #: of a deal's pipeline, stage and source: lists in which a name is looked up
    names: dict[Named, NameList] = Field(default_factory=dict)
    #: kind of record → its fields, for `check --live`
    fields_known: dict[str, FieldList] = Field(default_factory=dict)
    card_url: TextTemplate | None = None
    #: the longest a request that we gave up on may still take effect
    commits_within: Duration | None = None
    #: how long a search may lag behind a write
    consistency_delay: Duration = 0.0
    #: operation → what it sets off in the CRM (robots, mails), in words
    triggers: dict[Operation, BothLanguages] = Field(default_factory=dict)
    options: dict[str, Option] = Field(default_factory=dict)
    scale: CrmScale = Field(default_factory=dict)
    #: asked for with every operation of every chat; names come from `entities`, or are few
    _entities: dict[str, Entity] = PrivateAttr(default_factory=dict)

    def __copy__(self) -> CrmMapping:
        copied = super().__copy__()
        copied._entities = {}  # noqa: SLF001 - our own; a copy is made to be changed, and has parts of its own
        return copied

    def for_entity(self, name: str) -> Entity:
        """The parts that hold for records of one entity: its own, else the mapping's."""
        if name not in self._entities:
            self._entities[name] = self._merged(name)
        return self._entities[name]

    def _merged(self, name: str) -> Entity:
        own = self.entities.get(name) or Entity()
        common = {part: getattr(self, part) for part in Entity.model_fields if part not in ("title", "without", *own.without)}
        return own.model_copy(update={part: value for part, value in common.items() if getattr(own, part) is None})

    @property
    def knows_clients(self) -> bool:
        """False: it is only told of chats; there is nothing to search, read or make."""
        return bool(self.find)

    @model_validator(mode="after")
    def _clients_or_none(self) -> CrmMapping:
        missing = [part for part in _CLIENT_PARTS if part not in self.model_fields_set]
        if missing and len(missing) < len(_CLIENT_PARTS):
            raise PydanticCustomError(
                "clients", "{missing} is missing: what knows clients has find, client, read and create, what is only told of "
                "chats has none of them", {"missing": " and ".join(missing)},
            )
        beside = [part for part in _OF_CLIENTS if missing and getattr(self, part)]
        if beside:
            raise PydanticCustomError(
                "clients", "`{beside}` belongs to what knows clients: give it find, client, read and create",
                {"beside": beside[0], "path": (beside[0],)},
            )
        return self

    @model_validator(mode="after")
    def _token_is_read(self) -> CrmMapping:
        if (self.auth.kind == "oauth2") != (self.token is not None):
            raise PydanticCustomError(
                "token", "`token:` says where the answer of the token endpoint has its parts: it and auth of the kind oauth2 "
                "belong together", {"path": ("auth",)},
            )
        return self

    @model_validator(mode="after")
    def _entities_exist(self) -> CrmMapping:
        known = {"client", *self.entities}
        named = [(("find", index, "entity"), step.entity) for index, step in enumerate(self.find)]
        for path, name in [*named, (("create", "entity"), self.create.entity)]:
            if name not in known:
                raise PydanticCustomError(
                    "missing_name", "there is no {name} under `entities`; there are: {known}",
                    {"name": repr(name), "known": ", ".join(sorted(known)), "path": path},
                )
        return self
