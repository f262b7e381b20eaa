"""What a CRM's mapping may say: how it is spoken to, how clients are found and read, and, in `writing`, what is written."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.templates import Template, TextTemplate
from bridge.mapping.schema.auth import Auth, Token, Who
from bridge.mapping.schema.known import FieldList, Named, NameList
from bridge.mapping.schema.parts import BothLanguages, CrmScale, Duration, Mapped, OneOrMany, Part
from bridge.mapping.schema.request import PagedRequest, Request
from bridge.mapping.schema.speech import CountedLimits, ErrorRule, Operation
from bridge.mapping.schema.writing import Create, Deal, Enrich, FileUpload, Note, Task


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

    def __copy__(self) -> CrmMapping:
        copied = super().__copy__()
        copied.__dict__.pop("merged", None)  # a copy is made to be changed, and has parts of its own
        return copied

    def for_entity(self, name: str) -> Entity:
        """The parts that hold for records of one entity: its own, else the mapping's."""
        merged = self.merged
        if name not in merged:
            merged[name] = self._merged(name)
        return merged[name]

    @cached_property
    def merged(self) -> dict[str, Entity]:
        """Those asked for so far, as they are with every operation of every chat; names come from `entities`, or are few."""
        return {}

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
